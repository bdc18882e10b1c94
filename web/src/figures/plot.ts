/** Numbers ready to be drawn: what they span, smoothing, what fits into a column of pixels. */

export type Interval = readonly [from: number, to: number];
export type Point = readonly [x: number, y: number];

/** A run as the eye follows it: each point the running mean of what came before, 0 to below 1. */
export function smoothed(losses: readonly number[], keep: number): Float64Array {
  const out = new Float64Array(losses.length);
  let mean = 0;
  let weight = 0;
  for (let i = 0; i < losses.length; i++) {
    mean = keep * mean + (1 - keep) * losses[i]!;
    weight = keep * weight + (1 - keep);
    out[i] = mean / weight;
  }
  return out;
}

/**
 * What the vertical axis spans: all losses, but of a run that blows up not more than half as much
 * again as guessing costs.
 */
export function spanOf(lists: readonly ArrayLike<number>[], uniform: number): Interval {
  const ends = lists.flatMap((list) => extent(list));
  const [low, high] = extent([uniform], ...ends.filter(Number.isFinite));
  return [Math.max(0, low - 0.1), Math.min(high, 1.5 * uniform) + 0.1];
}

/** The lowest and highest of the losses that share a column of pixels. */
export interface Column {
  readonly x: number;
  readonly low: number;
  readonly high: number;
  /** Of the last one in the column. */
  readonly last: number;
}

/** At most one column a pixel; `place` gives a loss, counted from 0, its x. */
export function columns(values: ArrayLike<number>, place: (i: number) => number): Column[] {
  const out: Column[] = [];
  let x = Number.NaN;
  let low = 0;
  let high = 0;
  for (let i = 0; i < values.length; i++) {
    const at = Math.round(place(i));
    const value = values[i]!;
    if (at !== x) {
      if (i > 0) out.push({ x, low, high, last: values[i - 1]! });
      [x, low, high] = [at, value, value];
    } else if (value < low) low = value;
    else if (value > high) high = value;
  }
  if (values.length) out.push({ x, low, high, last: values[values.length - 1]! });
  return out;
}

/** Means of ten equal parts of a run, for those who read the curve as a table. */
export function tenths(
  losses: readonly number[],
  steps: number,
): { to: number; mean: number | null }[] {
  return Array.from({ length: 10 }, (_, i) => {
    const from = Math.round((i * steps) / 10);
    const to = Math.round(((i + 1) * steps) / 10);
    const part = losses.slice(from, to);
    const mean = part.length ? part.reduce((sum, loss) => sum + loss, 0) / part.length : null;
    return { to, mean };
  });
}

/** The lowest and the highest of some numbers, and of those that must be seen as well. */
export function extent(values: ArrayLike<number>, ...also: readonly number[]): Interval {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const list of [values, also]) {
    for (let i = 0; i < list.length; i++) {
      const value = list[i] ?? Number.NaN;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return [low, high];
}

/** At most about so many of a list as points: every nth, and always the last. */
export function* thinned(
  values: ArrayLike<number>,
  most: number,
  place: (i: number) => number = (i) => i,
): Generator<Point> {
  const stride = Math.max(1, Math.ceil(values.length / most));
  for (let i = 0; i < values.length; i += stride) yield [place(i), values[i] ?? Number.NaN];
  const last = values.length - 1;
  if (last > 0 && last % stride) yield [place(last), values[last] ?? Number.NaN];
}
