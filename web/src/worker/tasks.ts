/**
 * What can be worked out in a worker, by name: pure functions on plain data. Each yields on the way
 * whatever tells how far it is, so that it can be shown, take turns and be dropped.
 *
 * `run` and `params` of the arguments cross over as such; all else must be data.
 */

import { pulledApart } from '../engine/apart.ts';
import { baselines } from '../engine/baselines.ts';
import { compareWays } from '../engine/bothWays.ts';
import { meanLoss } from '../engine/evaluate.ts';
import type { Interventions } from '../engine/interventions.ts';
import { type Document, freshState, Model, trace } from '../engine/model.ts';
import { valueOverRun } from '../engine/overRun.ts';
import type { Params } from '../engine/params.ts';
import { sharpnesses } from '../engine/sharpness.ts';
import type { Run } from '../engine/train.ts';
import { nearest, write, writeMany } from '../engine/write.ts';
import { replay, updateOf } from './replay.ts';
import { traceToData } from './traceData.ts';
import { initialState } from './weights.ts';

// biome-ignore lint/suspicious/noExplicitAny: every task has arguments of its own
export type Task = (args: any) => Generator<unknown, unknown>;

export const tasks = {
  /** A document read there and back. */
  reading: ({ params, document, interventions }: Parts & { readonly document: Document }) =>
    inOneGo(() => traceToData(trace(params, document, interventions))),
  /** The mean loss of each case: the same model under other interventions. */
  *losses(given: {
    readonly params: Params;
    readonly documents: readonly Document[];
    readonly cases: readonly Interventions[];
  }) {
    const { params, documents, cases } = given;
    const losses: number[] = [];
    for (const [i, interventions] of cases.entries()) {
      const model = new Model(freshState(params), undefined, interventions);
      const work = meanLoss(model, documents);
      let next = work.next();
      for (; !next.done; next = work.next()) {
        yield { losses, read: i * documents.length + next.value.read };
      }
      losses.push(next.value?.nats ?? Number.NaN);
    }
    return losses;
  },
  baselines: (given: { readonly run: Run; readonly documents: readonly (readonly number[])[] }) =>
    baselines(given.run, given.documents),
  sharpnesses,
  apart: ({ params }: { readonly params: Params }) =>
    pulledApart(params.wte, params.wpe, params.config.n_embd),
  valueOverRun,
  bothWays: compareWays,
  /** One text with every moment of it. */
  text: (given: Parts & Pick<Many, 'run' | 'config' | 'seed' | 'prompt'>) =>
    inOneGo(() => write(given)),
  texts: writeMany,
  /** The document read so far that is the fewest edits away from a text. */
  nearest: (given: {
    readonly run: Run;
    readonly steps: number;
    readonly text: string;
    readonly cutAt: number | null;
  }) => inOneGo(() => nearest(given.text, given.run.seen(given.steps), given.cutAt)),
  initialWeights: ({ run }: { readonly run: Run }) => inOneGo(() => initialState(run).params.data),
  replay,
  update: updateOf,
};

/** Short enough to be done without a pause. */
function* inOneGo<R>(work: () => R): Generator<null, R> {
  yield null;
  return work();
}

interface Parts {
  readonly params: Params;
  readonly interventions: Interventions;
}
type Many = Parameters<typeof writeMany>[0];

type Tasks = typeof tasks;
export type TaskName = keyof Tasks;
export type ArgsOf<N extends TaskName> = Tasks[N] extends () => unknown
  ? Readonly<Record<string, never>>
  : Parameters<Tasks[N]>[0];
/** What a task yields on its way, and what it comes to. */
export type SoFar<N extends TaskName> = ReturnType<Tasks[N]> extends Generator<infer Y> ? Y : never;
export type ValueOf<N extends TaskName> =
  ReturnType<Tasks[N]> extends Generator<unknown, infer R> ? R : never;
