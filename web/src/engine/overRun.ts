/** How one number has developed during training. */

import type { Cell } from './expression.ts';
import type { History } from './history.ts';
import type { Interventions } from './interventions.ts';
import { type Trace, trace } from './model.ts';
import { Params } from './params.ts';
import { cellValue } from './scene.ts';
import type { Run } from './train.ts';

const POINTS = 80;

/** Up to 80 of the steps that are kept, the first and last included, with their parameters. */
export function points(history: History): { step: number; params: Float32Array }[] {
  const { steps } = history;
  const stride = Math.max(1, (steps.length - 1) / (POINTS - 1));
  const chosen = new Set<number>();
  for (let i = 0; i < steps.length - 0.5; i += stride) chosen.add(steps[Math.round(i)]!);
  if (steps.length) chosen.add(steps.at(-1)!);
  return [...chosen].map((step) => ({ step, params: history.snapshot(step).slice() }));
}

/** [step, value] of each point; yields the share done. */
export function* valueOverRun(given: {
  readonly run: Run;
  readonly points: readonly { readonly step: number; readonly params: Float32Array }[];
  readonly document: string;
  readonly interventions: Interventions;
  readonly cell: Cell;
}): Generator<number, [step: number, value: number][]> {
  const { run, document, interventions, cell } = given;
  const ids = run.encode(document);
  let reuse: Trace | undefined;
  const values: [number, number][] = [];
  for (const { step, params } of given.points) {
    const exact = new Params(run.model, Float64Array.from(params));
    reuse = trace(exact, ids, interventions, reuse);
    values.push([step, cellValue({ trace: reuse }, cell)]);
    yield values.length / given.points.length;
  }
  return values;
}
