/**
 * Three ways to read the same document through the one forward pass: at once, as the textbook does
 * it with a mask, and a token at a time with a cache.
 */

import { type Activations, isAttention, names } from './activations.ts';
import type { Interventions, Override } from './interventions.ts';
import { type Document, Session, type Trace, trace } from './model.ts';
import type { Params } from './params.ts';

/**
 * All scores of all pairs, the future included; then, before the softmax, −∞ where the key is later
 * than the query. What was computed there is kept in `values.replaced`.
 */
export function textbook({ params, document, interventions, values, config }: Trace): Trace {
  const overrides: Override[] = [...(interventions.overrides ?? [])];
  const value = Number.NEGATIVE_INFINITY;
  for (let layer = 0; layer < config.n_layer; layer++) {
    const name = `layer${layer}.attn_scores`;
    for (let head = 0; head < config.n_head; head++) {
      for (let row = 0; row < values.length; row++) {
        for (let column = row + 1; column < values.length; column++) {
          overrides.push({ name, row, column, head, value });
        }
      }
    }
  }
  return trace(params, document, { ...interventions, peek: true, overrides });
}

/** A score of the textbook's matrix, above the diagonal as it was before the mask. */
export function unmasked(
  { values }: Trace,
  layer: number,
  head: number,
  query: number,
  key: number,
): number {
  const name = `layer${layer}.attn_scores`;
  const masked = values.replaced.get(name)?.get(values.index(name, query, key, head));
  return masked ?? values.get(name, query, key, head);
}

/** One token at a time: all that is kept of the past is the cache. */
export function tokenByToken({ params, plan, values }: Trace): Activations {
  const session = new Session(params, plan);
  for (let t = 0; t < values.length; t++) session.feed(values.tokens[t]!);
  return session.values;
}

/** The largest difference between two readings, over every number that both have. */
export function largestDifference(a: Activations, b: Activations): number {
  let most = 0;
  for (const name of names(a.config.n_layer)) {
    if (name === 'loss') continue; // a reader of tokens does not know the last target
    const heads = isAttention(name) ? a.config.n_head : 1;
    for (let head = 0; head < heads; head++) {
      for (let t = 0; t < Math.min(a.length, b.length); t++) {
        const [x, y] = [a.row(name, t, head), b.row(name, t, head)];
        const shared = isAttention(name) ? t + 1 : x.length;
        for (let i = 0; i < shared; i++) most = Math.max(most, Math.abs(x[i]! - y[i]!));
      }
    }
  }
  return most;
}

/** How many numbers `largestDifference` compares. */
export function comparedNumbers(a: Activations): number {
  return names(a.config.n_layer).reduce((count, name) => {
    if (name === 'loss') return count;
    if (isAttention(name)) return count + (a.config.n_head * a.length * (a.length + 1)) / 2;
    return count + a.row(name, 0).length * a.length;
  }, 0);
}

/** The three ways compared, as plain data. */
export interface Ways {
  /** The largest difference from the textbook's reading, and from that token by token. */
  readonly mask: number;
  readonly cache: number;
  /** How many numbers were compared. */
  readonly numbers: number;
  readonly length: number;
  /** All scores of each layer, `[head][query][key]`, above the diagonal as before the mask. */
  readonly scores: readonly Float64Array[];
}

export function scoreOf(
  { length }: Ways,
  scores: Float64Array | undefined,
  head: number,
  query: number,
  key: number,
): number {
  return scores?.[(head * length + query) * length + key] ?? Number.NaN;
}

/** Null where the model sees the future anyway. */
export function* compareWays(given: {
  readonly params: Params;
  readonly document: Document;
  readonly interventions: Interventions;
}): Generator<null, Ways | null> {
  const { params, document, interventions } = given;
  const read = trace(params, document, interventions);
  if (read.plan.peek) return null;
  yield null;
  const masked = textbook(read);
  yield null;
  const mask = largestDifference(read.values, masked.values);
  yield null;
  const cache = largestDifference(read.values, tokenByToken(read));
  const numbers = comparedNumbers(read.values);
  const { length } = read.values;
  return { mask, cache, numbers, length, scores: scoresOf(masked) };
}

function scoresOf(masked: Trace): Float64Array[] {
  const { config, values } = masked;
  const n = values.length;
  return Array.from({ length: config.n_layer }, (_, layer) =>
    Float64Array.from({ length: config.n_head * n * n }, (_, i) =>
      unmasked(masked, layer, Math.floor(i / (n * n)), Math.floor(i / n) % n, i % n),
    ),
  );
}
