/**
 * Three ways to read the same document through the one forward pass: at once, as the textbook does
 * it with a mask, and a token at a time with a cache.
 */

import { type Activations, isAttention, names } from '../../engine/activations.ts';
import type { Override } from '../../engine/interventions.ts';
import { Session, type Trace, trace } from '../../engine/model.ts';

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
