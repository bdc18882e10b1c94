/** How alike vectors are. */

import type { ModelConfig } from './config.ts';

/** Rows of a matrix as views. */
export function rowsOf(data: Float64Array, columns: number): Float64Array[] {
  return Array.from({ length: data.length / columns }, (_, i) =>
    data.subarray(i * columns, (i + 1) * columns),
  );
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i]! * b[i]!;
  return total;
}

export function length(a: ArrayLike<number>): number {
  return Math.sqrt(dot(a, a));
}

/** 1 for the same direction, 0 for a right angle, -1 for opposite ones; 0 if one has no length. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const lengths = length(a) * length(b);
  return lengths === 0 ? 0 : dot(a, b) / lengths;
}

/** Of each row with each, row by row. */
export function table(
  rows: readonly ArrayLike<number>[],
  compare: (a: ArrayLike<number>, b: ArrayLike<number>) => number,
): Float64Array {
  return Float64Array.from({ length: rows.length ** 2 }, (_, i) =>
    compare(rows[Math.floor(i / rows.length)]!, rows[i % rows.length]!),
  );
}

/** The other rows, most alike first. */
export function nearest(
  rows: readonly ArrayLike<number>[],
  of: number,
): { row: number; cosine: number }[] {
  return rows
    .map((row, i) => ({ row: i, cosine: cosine(row, rows[of]!) }))
    .filter(({ row }) => row !== of)
    .sort((a, b) => b.cosine - a.cosine);
}

export interface Pair {
  readonly a: number;
  readonly b: number;
  readonly value: number;
}

/** The pair of different rows with the largest and with the smallest number in such a table. */
export function extremes(values: ArrayLike<number>, n: number): { most: Pair; least: Pair } {
  let most: Pair = { a: 0, b: 0, value: Number.NEGATIVE_INFINITY };
  let least: Pair = { a: 0, b: 0, value: Number.POSITIVE_INFINITY };
  for (let a = 0; a < n; a++) {
    for (let b = a + 1; b < n; b++) {
      const value = values[a * n + b]!;
      if (value > most.value) most = { a, b, value };
      if (value < least.value) least = { a, b, value };
    }
  }
  return { most, least };
}

/** A document that the model can read which has this token at this position. */
export function documentWith(
  { block_size }: ModelConfig,
  token: number,
  position: number,
  running: ArrayLike<number>,
): number[] {
  const last = Math.min(position, block_size - 1);
  const ids = Array.from({ length: last }, (_, i) => running[Math.min(i, running.length - 2)]!);
  return [...ids, token, running[running.length - 1]!];
}

/**
 * Two documents with the same characters in another order, the last one the same: `mar`, `amr`
 * where the data has those letters, else the first three different characters of `running`.
 */
export function swappedPair(chars: readonly string[], running: string): [string, string] | null {
  const own = [...new Set(running)].filter((char) => chars.includes(char));
  const letters = ['m', 'a', 'r'].every((char) => chars.includes(char))
    ? ['m', 'a', 'r']
    : [...own, ...chars.filter((char) => !own.includes(char))].slice(0, 3);
  const [x, y, z] = letters;
  return x && y && z ? [x + y + z, y + x + z] : null;
}

/** The largest difference between two lists of numbers, place by place. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
}
