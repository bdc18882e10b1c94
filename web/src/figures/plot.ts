/** Loss curves as numbers ready to be drawn: smoothing, scales, what fits into a column of pixels. */

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

export interface Range {
  readonly low: number;
  readonly high: number;
}

/**
 * What the vertical axis spans: all losses, but of a run that blows up not more than half as much
 * again as guessing costs.
 */
export function spanOf(lists: readonly ArrayLike<number>[], uniform: number): Range {
  let low = uniform;
  let high = uniform;
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) {
      const loss = list[i]!;
      if (loss < low) low = loss;
      if (loss > high) high = loss;
    }
  }
  return { low: Math.max(0, low - 0.1), high: Math.min(high, 1.5 * uniform) + 0.1 };
}

/** Round numbers to write at an axis, from the first inside the range to the last. */
export function ticks({ low, high }: Range, about = 5): number[] {
  const rough = (high - low) / about;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * ([1, 2, 5, 10].find((n) => n * unit >= rough) ?? 10);
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  return Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toFixed(6)),
  );
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
