/** Whether the two parts of wte[token] + wpe[position] can be told apart again. */

import { cosine, rowsOf } from './similarity.ts';

export interface Apart {
  /** Shares of the sums whose token and whose position is found again. */
  readonly tokens: number;
  readonly positions: number;
  /** Mean of |cosine| between a token and a position. */
  readonly meanCosine: number;
}

/**
 * How well each part of wte[token] + wpe[position] can be read from the sum alone, by the nearest
 * row once the mean of the other part is taken off; over all tokens and positions. Yields
 * the share done.
 */
export function* pulledApart(
  wte: Float64Array,
  wpe: Float64Array,
  columns: number,
): Generator<number, Apart> {
  const tokens = rowsOf(wte, columns);
  const positions = rowsOf(wpe, columns);
  const meanToken = meanOf(tokens);
  const meanPosition = meanOf(positions);
  let rightTokens = 0;
  let rightPositions = 0;
  let cosines = 0;
  const rest = new Float64Array(columns);
  for (const [t, token] of tokens.entries()) {
    yield t / tokens.length;
    for (const [p, position] of positions.entries()) {
      cosines += Math.abs(cosine(token, position));
      for (let i = 0; i < columns; i++) rest[i] = token[i]! + position[i]! - meanPosition[i]!;
      if (closest(tokens, rest) === t) rightTokens++;
      for (let i = 0; i < columns; i++) rest[i] = token[i]! + position[i]! - meanToken[i]!;
      if (closest(positions, rest) === p) rightPositions++;
    }
  }
  const all = tokens.length * positions.length;
  return {
    tokens: rightTokens / all,
    positions: rightPositions / all,
    meanCosine: cosines / all,
  };
}

function meanOf(rows: readonly Float64Array[]): Float64Array {
  const mean = new Float64Array(rows[0]!.length);
  for (const row of rows) for (let i = 0; i < mean.length; i++) mean[i]! += row[i]! / rows.length;
  return mean;
}

function closest(rows: readonly Float64Array[], to: Float64Array): number {
  let best = 0;
  let shortest = Number.POSITIVE_INFINITY;
  rows.forEach((row, r) => {
    let distance = 0;
    for (let i = 0; i < to.length; i++) distance += (row[i]! - to[i]!) ** 2;
    if (distance < shortest) {
      shortest = distance;
      best = r;
    }
  });
  return best;
}
