/** What can be said of a tensor as a whole. */

import type { Cell } from '../../engine/expression.ts';
import type { Params } from '../../engine/params.ts';

export interface TensorFacts {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly count: number;
  /** Of all parameters. */
  readonly share: number;
  /** The gradient of largest size, and that size. */
  readonly steepest: Cell;
  readonly largestGradient: number;
}

export function tensorFacts(params: Params, gradients: Params): TensorFacts[] {
  return [...params.tensors.values()].map(({ name, n_out, n_in, data }) => {
    const gradient = gradients.tensor(name).data;
    const place = steepest(gradient);
    return {
      name,
      rows: n_out,
      columns: n_in,
      count: data.length,
      share: data.length / params.data.length,
      steepest: {
        kind: 'param_grad',
        name,
        row: Math.floor(place / n_in),
        column: place % n_in,
        head: 0,
      },
      largestGradient: Math.abs(gradient[place]!),
    };
  });
}

export function meanAndStd(data: ArrayLike<number>): { mean: number; std: number } {
  let total = 0;
  for (let i = 0; i < data.length; i++) total += data[i]!;
  const mean = total / data.length;
  let squares = 0;
  for (let i = 0; i < data.length; i++) squares += (data[i]! - mean) ** 2;
  return { mean, std: Math.sqrt(squares / data.length) };
}

/** Where the largest magnitude stands. */
export function steepest(data: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < data.length; i++) if (Math.abs(data[i]!) > Math.abs(data[best]!)) best = i;
  return best;
}

/** Pearson's correlation of two lists of numbers, pair by pair. */
export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const left = meanAndStd(a);
  const right = meanAndStd(b);
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i]! - left.mean) * (b[i]! - right.mean);
  return total / a.length / (left.std * right.std || 1);
}

/** How many numbers fall into each of `bins` equal parts of -limit … limit. */
export function histogram(data: ArrayLike<number>, limit: number, bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (let i = 0; i < data.length; i++) {
    const bin = Math.floor(((data[i]! + limit) / (2 * limit)) * bins);
    counts[Math.max(0, Math.min(bins - 1, bin))]!++;
  }
  return counts;
}

export interface Part {
  readonly title: 'embeddings' | 'attention' | 'MLP' | 'lm_head';
  readonly count: number;
}

/** The parameters by what they are for. */
export function parts(params: Params): Part[] {
  const counts = { embeddings: 0, attention: 0, MLP: 0, lm_head: 0 };
  for (const { name, data } of params.tensors.values()) counts[partOf(name)] += data.length;
  return Object.entries(counts).map(([title, count]) => ({ title: title as Part['title'], count }));
}

export function partOf(name: string): Part['title'] {
  if (name === 'lm_head') return 'lm_head';
  if (name === 'wte' || name === 'wpe') return 'embeddings';
  return name.includes('.attn_') ? 'attention' : 'MLP';
}
