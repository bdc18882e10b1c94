/** Train the loaded run in the worker, so that every step of it can be looked at. */

import type { Params } from '../engine/params.ts';
import { createWorker, type Job, TrainingClient } from '../worker/client.ts';
import { enrich, explorer, fail, setTraining } from './explorer.ts';

let client: TrainingClient | null = null;
let job: Job | null = null;

/**
 * Train the run that is shown, from its start, by its recipe. The same seed gives the same numbers:
 * where the last weights were known before, they are compared with what training has come to.
 */
export async function trainHere(): Promise<void> {
  const { loaded } = explorer.getState();
  if (!loaded) return;
  client ??= new TrainingClient(createWorker());
  const known = loaded.losses.length > 0 ? loaded.final : null;
  const started = client.start(loaded.run, {
    onProgress: (progress) => {
      if (isCurrent(progress)) setTraining(progress.step);
      else progress.stop(); // other data have been chosen
    },
  });
  job = started;
  setTraining(0);
  try {
    await started.finished;
  } catch (error) {
    if (isCurrent(started)) fail(error instanceof Error ? error.message : String(error));
    return;
  }
  const { loaded: now } = explorer.getState();
  if (!isCurrent(started) || !now || now.run !== loaded.run) return;
  const { history } = started;
  const final = history.stateAt(history.lastStep)?.params ?? history.paramsAt(history.lastStep);
  const same = known === null || distance(known, final) < 1e-9;
  const remark = same ? [] : ['trained here, it came to other numbers than the file has'];
  const source = { ...now.source, remarks: [...now.source.remarks, ...remark] };
  setTraining(null);
  enrich(
    { ...now, source, final, losses: started.losses, history },
    known === null ? started.losses.length : explorer.getState().step,
  );
}

function isCurrent(one: Job): boolean {
  return one === job && one.run === explorer.getState().loaded?.run;
}

function distance(a: Params, b: Params): number {
  return a.data.reduce((most, x, i) => Math.max(most, Math.abs(x - b.data[i]!)), 0);
}
