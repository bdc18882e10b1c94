import { withCommas } from '../engine/python.ts';

/** How numbers are written: a true minus, fixed places, so that columns line up. */

export function fixed(value: number, places = 2): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '−∞';
  const text = value.toFixed(places);
  const zero = /^-0\.?0*$/.test(text);
  return zero ? text.slice(1) : text.replace('-', '−');
}

/** For one number on its own: as many places as tell something. */
export function precise(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return fixed(value, 4);
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(3).replaceAll('-', '−');
  return fixed(value, size >= 100 ? 2 : 4);
}

export function percent(value: number, places = 1): string {
  return `${(100 * value).toFixed(places)} %`;
}

/** With its sign, also where it is positive. */
export function signed(value: number, places = 4): string {
  return (value > 0 ? '+' : '') + fixed(value, places);
}

/** `4,192`. Grouped by hand: the first call of toLocaleString takes 40 ms. */
export function count(value: number): string {
  return withCommas(value);
}

/** Largest magnitude of some numbers, at least tiny: what tints are relative to. */
export function largest(values: ArrayLike<number>): number {
  let most = 1e-12;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]!));
  return most;
}
