/** What random vectors teach about √d: long ones make large scores, and large scores one winner. */

import { Random } from './random.ts';
import { distribution } from './sample.ts';

export const WIDTHS = [4, 8, 16, 32, 64, 128, 256] as const;
export const KEYS = 8;
const DRAWS = 24;
const PLAIN = { temperature: 1, top_k: null };

export interface Sharpness {
  readonly d: number;
  /** Standard deviation of q · k over all draws; about √d. */
  readonly spread: number;
  /** Of the first draw, likeliest first. */
  readonly scaled: readonly number[];
  readonly unscaled: readonly number[];
  /** The largest weight, mean over the draws. */
  readonly largestScaled: number;
  readonly largestUnscaled: number;
}

/** Of each width in turn; yields what is known so far. */
export function* sharpnesses(): Generator<readonly Sharpness[], readonly Sharpness[]> {
  const known: Sharpness[] = [];
  for (const d of WIDTHS) {
    for (const draws = sharpness(d); ; ) {
      const next = draws.next();
      if (!next.done) yield known;
      else {
        known.push(next.value);
        break;
      }
    }
  }
  return known;
}

/** Queries and keys whose numbers are drawn from N(0, 1); yields after each draw. */
export function* sharpness(d: number, seed = 7): Generator<undefined, Sharpness> {
  const rng = new Random(seed);
  const vector = () => Float64Array.from({ length: d }, () => rng.gauss());
  let squares = 0;
  let largestScaled = 0;
  let largestUnscaled = 0;
  let first: [Float64Array, Float64Array] | null = null;
  for (let draw = 0; draw < DRAWS; draw++) {
    const query = vector();
    const scores = Float64Array.from({ length: KEYS }, () => {
      return vector().reduce((sum, k, i) => sum + k * query[i]!, 0);
    });
    for (const score of scores) squares += score * score;
    const scaled = distribution(
      scores.map((score) => score / Math.sqrt(d)),
      PLAIN,
    );
    const unscaled = distribution(scores, PLAIN);
    first ??= [scaled, unscaled];
    largestScaled += Math.max(...scaled) / DRAWS;
    largestUnscaled += Math.max(...unscaled) / DRAWS;
    yield;
  }
  const sorted = (weights: Float64Array) => [...weights].sort((a, b) => b - a);
  return {
    d,
    spread: Math.sqrt(squares / (DRAWS * KEYS)),
    scaled: sorted(first![0]),
    unscaled: sorted(first![1]),
    largestScaled,
    largestUnscaled,
  };
}
