/** What some seeds can tell: a mean difference and how far it can be trusted. */

/** Student's t, two-sided 95 %, for n - 1 = 1, 2, 3, 4 degrees of freedom. */
const T95 = [12.706, 4.303, 3.182, 2.776];

export interface Difference {
  readonly mean: number;
  /** Half the width of the 95 % interval; null for a single seed. */
  readonly margin: number | null;
  readonly each: readonly number[];
}

/** Of pairs, with less without: the same seed on both sides, so that its luck cancels. */
export function difference(
  pairs: readonly (readonly [other: number, full: number])[],
): Difference | null {
  const each = pairs.map(([other, full]) => other - full);
  const n = each.length;
  if (n === 0) return null;
  const mean = each.reduce((sum, d) => sum + d, 0) / n;
  if (n === 1) return { mean, margin: null, each };
  const squares = each.reduce((sum, d) => sum + (d - mean) ** 2, 0);
  const error = Math.sqrt(squares / (n - 1) / n);
  return { mean, margin: (T95[n - 2] ?? 2.6) * error, each };
}

/** Whether the interval leaves out 0. */
export function isClear({ mean, margin }: Difference): boolean {
  return margin !== null && Math.abs(mean) > margin;
}
