import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (name: string) =>
  fileURLToPath(new URL(`../../conformance/${name}.json`, import.meta.url));

/** One file of the golden vectors that the Python reference wrote. */
// biome-ignore lint/suspicious/noExplicitAny: vectors have a shape of their own each
export const vectors = (name: string): any => JSON.parse(readFileSync(path(name), 'utf8'));

export const hasVectors = (name: string) => existsSync(path(name));

/** The largest difference of two nested lists of numbers of the same shape; NaN where they differ. */
export function distance(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a === b ? 0 : Math.abs(a - b);
  const left = Array.from(a as ArrayLike<unknown>);
  const right = Array.from(b as ArrayLike<unknown>);
  if (left.length !== right.length) return Number.NaN;
  let largest = 0;
  left.forEach((x, i) => {
    const d = distance(x, right[i]);
    if (!(d <= largest) && !Number.isNaN(largest)) largest = d; // a NaN, once found, stays
  });
  return largest;
}

/** What work in slices comes to. */
export function result<R>(work: Generator<unknown, R>): R {
  for (;;) {
    const next = work.next();
    if (next.done) return next.value;
  }
}
