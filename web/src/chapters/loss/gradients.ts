/** How large the gradients of a trace are, and by which way a weight reaches the loss. */

import { isAttention, names, widthOf } from '../../engine/activations.ts';
import { modelConfig } from '../../engine/config.ts';
import { structure } from '../../engine/consumers.ts';
import { rmsOf } from '../../engine/derived.ts';
import type { Cell } from '../../engine/expression.ts';
import type { Trace } from '../../engine/model.ts';
import { type Params, shapes } from '../../engine/params.ts';

/** A named intermediate on the way back, with the matrices whose gradients are made there. */
export interface Stage {
  readonly name: string;
  /** Whether it is the residual stream itself. */
  readonly stream: boolean;
  readonly tensor: string | null;
}

/** From the loss to the embeddings. */
export function stages(n_layer: number): Stage[] {
  const tensors = shapes(modelConfig({ vocab_size: 2, n_layer })).map(([name]) => name);
  const readers = structure(n_layer);
  const makes = (tensor: string) => readers.get(`param ${tensor}`)?.[0]?.name;
  const stream = wayToLoss('wte', n_layer).slice(2, -3); // from emb_norm to before the logits
  return names(n_layer)
    .reverse()
    .map((name) => ({
      name,
      stream: stream.includes(name),
      tensor: tensors.find((tensor) => makes(tensor) === name) ?? null,
    }));
}

export function rms(values: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += values[i]! * values[i]!;
  return values.length ? Math.sqrt(squares / values.length) : 0;
}

/** Root mean square of the gradients of one position; of attention over all heads. */
export function rowSize({ grads, config, values }: Trace, name: string, row: number): number {
  if (!isAttention(name)) return rms(grads.row(name, row));
  const all: number[] = [];
  const keys = values.peeked ? values.length : row + 1;
  for (let head = 0; head < config.n_head; head++) {
    for (let s = 0; s < keys; s++) all.push(grads.get(name, row, s, head));
  }
  return rms(all);
}

/**
 * d loss / d logit for each token at a position: those of the trace, so that each is the number of
 * its cell; or, with another target in the same place, (p − 1)/n there and p/n elsewhere.
 */
export function logitGradients(
  { grads, values }: Trace,
  probs: ArrayLike<number>,
  position: number,
  otherTarget: number | null,
): number[] {
  if (otherTarget === null) return Array.from(grads.row('logits', position));
  return Array.from(probs, (p, id) => (p - (id === otherTarget ? 1 : 0)) / values.length);
}

/** The gradients of one position; of attention those of all heads. */
export function rowCellsOf({ config, values }: Trace, name: string, row: number): Cell[] {
  const heads = isAttention(name) ? config.n_head : 1;
  const keys = values.peeked ? values.length : row + 1;
  const width = isAttention(name) ? keys : widthOf(config, name, 0);
  return Array.from({ length: heads * width }, (_, i): Cell => {
    return { kind: 'grad', name, row, column: i % width, head: Math.floor(i / width) };
  });
}

/** How large the gradients of one position are. */
export function rowRms(trace: Trace, name: string, row: number): Cell {
  return rmsOf(`size of d ${name}[${row}]`, rowCellsOf(trace, name, row));
}

/** How large those of all positions are. */
export function allRms(trace: Trace, name: string): Cell {
  const rows = Array.from({ length: trace.values.length }, (_, row) =>
    rowCellsOf(trace, name, row),
  );
  return rmsOf(`size of d ${name}, all positions`, rows.flat());
}

/** How large the gradients of a matrix are. */
export function matrixRms({ params }: Trace, name: string): Cell {
  return rmsOf(`size of d ${name}`, { params, name, kind: 'param_grad' });
}

/** The same as `rowSize` for every position. */
export function rowSizes(trace: Trace, name: string): number[] {
  return Array.from({ length: trace.values.length }, (_, t) => rowSize(trace, name, t));
}

/** The shortest way from a matrix to the loss: what it makes, and what is made of that. */
export function wayToLoss(tensor: string, n_layer: number): string[] {
  const readers = structure(n_layer);
  const ways = [{ key: `param ${tensor}`, way: [] as string[] }];
  const seen = new Set<string>();
  for (const { key, way } of ways) {
    for (const { name } of readers.get(key) ?? []) {
      if (seen.has(name)) continue;
      seen.add(name);
      if (name === 'loss') return [...way, name];
      ways.push({ key: `value ${name}`, way: [...way, name] });
    }
  }
  throw new RangeError(`${tensor} does not reach the loss`);
}

/** The weight that the loss feels most. */
export function steepestWeight(grads: Params): Cell {
  let best = 0;
  for (let i = 1; i < grads.data.length; i++) {
    if (Math.abs(grads.data[i]!) > Math.abs(grads.data[best]!)) best = i;
  }
  return { kind: 'param', ...grads.locate(best), head: 0 };
}

/** A size between 0 and 1 on a scale of powers of ten, from 10⁻⁴ to 10. */
export function onScale(size: number): number {
  if (!(size > 0)) return 0;
  return Math.min(1, Math.max(0, (Math.log10(size) + 4) / 5));
}
