/** How one number has developed during training. */

import type { Cell } from '../engine/expression.ts';
import type { Interventions } from '../engine/interventions.ts';
import { type Trace, trace } from '../engine/model.ts';
import { cellValue } from '../engine/scene.ts';
import type { Loaded } from './explorer.ts';

const POINTS = 80;

/** [step, value] at up to 80 of the steps that are kept, the first and last included. */
export function valueOverRun(
  { history, run }: Loaded,
  document: string,
  interventions: Interventions,
  cell: Cell,
): [step: number, value: number][] {
  if (!history) return [];
  const ids = run.tokenizer.encode(document);
  const { steps } = history;
  const stride = Math.max(1, (steps.length - 1) / (POINTS - 1));
  const chosen = new Set<number>();
  for (let i = 0; i < steps.length - 0.5; i += stride) chosen.add(steps[Math.round(i)]!);
  chosen.add(steps.at(-1)!);
  let reuse: Trace | undefined;
  return [...chosen].map((step) => {
    reuse = trace(history.paramsAt(step), ids, interventions, reuse);
    return [step, cellValue({ trace: reuse }, cell)];
  });
}
