/** Train the loaded run in the worker, so that every step of it can be looked at. */

import type { History } from '../engine/history.ts';
import type { Params } from '../engine/params.ts';
import { createWorker, type Job, TrainingClient } from '../worker/client.ts';
import { enrich, explorer, fail, type Loaded, setTraining } from './explorer.ts';

let client: TrainingClient | null = null;
let job: Job | null = null;

/** For tests: another worker than the browser's. */
export function useTrainingClient(given: TrainingClient): void {
  client = given;
}

/**
 * Train the run that is shown, from its start, by its recipe. The same seed gives the same numbers:
 * the weights that were known before are compared with those that training has at the same step.
 */
export async function trainHere(): Promise<void> {
  const { loaded } = explorer.getState();
  if (!loaded) return;
  client ??= new TrainingClient(createWorker());
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
  const finalStep = history.lastStep;
  const final = history.stateAt(finalStep)?.params ?? history.paramsAt(finalStep);
  const same = agrees(loaded, history);
  const remark = same
    ? []
    : [`trained here, step ${loaded.finalStep} has other numbers than the file`];
  const source = { ...now.source, remarks: [...now.source.remarks, ...remark] };
  setTraining(null);
  enrich(
    { ...now, source, final, finalStep, losses: started.losses, history },
    loaded.finalStep === 0 ? finalStep : explorer.getState().asked,
  );
}

function isCurrent(one: Job): boolean {
  return one === job && one.run === explorer.getState().loaded?.run;
}

/** Whether training came to the weights that a file had given, at the step that they are of. */
function agrees({ final, finalStep, history: earlier }: Loaded, history: History): boolean {
  const state = earlier ? null : history.stateAt(finalStep);
  return state === null || distance(final, state.params) < 1e-9;
}

function distance(a: Params, b: Params): number {
  return a.data.reduce((most, x, i) => Math.max(most, Math.abs(x - b.data[i]!)), 0);
}
