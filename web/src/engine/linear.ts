/**
 * The three matrix products of a linear layer, the norm and the softmax: plain loops over arrays.
 *
 * Rows are positions `from` to below `to`. Every sum runs in the reference's order from 0, so a
 * product has the reference's bits; several outputs at a time keep the processor busy.
 */

import { exp } from './elementary.ts';

/** y[t, o] = sum over i of x[t, i] w[o, i]: `[.., n_in]` and `[n_out][n_in]` to `[.., n_out]`. */
export function linear(
  y: Float64Array,
  x: Float64Array,
  w: Float64Array,
  from: number,
  to: number,
  n_out: number,
  n_in: number,
): void {
  for (let t = from; t < to; t++) {
    const row = t * n_in;
    const out = t * n_out;
    let o = 0;
    for (; o + 3 < n_out; o += 4) {
      let a = 0;
      let b = 0;
      let c = 0;
      let d = 0;
      let k = o * n_in;
      for (let i = 0; i < n_in; i++, k++) {
        const xi = x[row + i]!;
        a += xi * w[k]!;
        b += xi * w[k + n_in]!;
        c += xi * w[k + 2 * n_in]!;
        d += xi * w[k + 3 * n_in]!;
      }
      y[out + o] = a;
      y[out + o + 1] = b;
      y[out + o + 2] = c;
      y[out + o + 3] = d;
    }
    for (; o < n_out; o++) {
      let a = 0;
      for (let i = 0, k = o * n_in; i < n_in; i++, k++) a += x[row + i]! * w[k]!;
      y[out + o] = a;
    }
  }
}

/** dx[t, i] = (or, adding, +=) sum over o of dy[t, o] w[o, i], for rows 0 to below `rows`. */
export function linearInputGradient(
  dx: Float64Array,
  dy: Float64Array,
  w: Float64Array,
  rows: number,
  n_out: number,
  n_in: number,
  adding = false,
): void {
  for (let t = 0; t < rows; t++) {
    const row = t * n_in;
    const out = t * n_out;
    let i = 0;
    for (; i + 3 < n_in; i += 4) {
      const at = row + i;
      let a = adding ? dx[at]! : 0;
      let b = adding ? dx[at + 1]! : 0;
      let c = adding ? dx[at + 2]! : 0;
      let d = adding ? dx[at + 3]! : 0;
      for (let o = 0, k = i; o < n_out; o++, k += n_in) {
        const g = dy[out + o]!;
        a += g * w[k]!;
        b += g * w[k + 1]!;
        c += g * w[k + 2]!;
        d += g * w[k + 3]!;
      }
      dx[at] = a;
      dx[at + 1] = b;
      dx[at + 2] = c;
      dx[at + 3] = d;
    }
    for (; i < n_in; i++) {
      let a = adding ? dx[row + i]! : 0;
      for (let o = 0, k = i; o < n_out; o++, k += n_in) a += dy[out + o]! * w[k]!;
      dx[row + i] = a;
    }
  }
}

/** dw[o, i] += sum over t of dy[t, o] x[t, i], over rows 0 to below `rows`. */
export function linearWeightGradient(
  dw: Float64Array,
  dy: Float64Array,
  x: Float64Array,
  rows: number,
  n_out: number,
  n_in: number,
): void {
  for (let o = 0; o < n_out; o++) {
    const at = o * n_in;
    let i = 0;
    for (; i + 3 < n_in; i += 4) {
      let a = 0;
      let b = 0;
      let c = 0;
      let d = 0;
      for (let t = 0, k = i; t < rows; t++, k += n_in) {
        const g = dy[t * n_out + o]!;
        a += g * x[k]!;
        b += g * x[k + 1]!;
        c += g * x[k + 2]!;
        d += g * x[k + 3]!;
      }
      dw[at + i]! += a;
      dw[at + i + 1]! += b;
      dw[at + i + 2]! += c;
      dw[at + i + 3]! += d;
    }
    for (; i < n_in; i++) {
      let a = 0;
      for (let t = 0, k = i; t < rows; t++, k += n_in) a += dy[t * n_out + o]! * x[k]!;
      dw[at + i]! += a;
    }
  }
}

/** What keeps the norm of a zero row finite. */
export const NORM_EPS = 1e-5;

/** y = x s, s = (mean(x^2) + 1e-5)^(-1/2) of each row; with the norm off s is 1. */
export function rmsnorm(
  y: Float64Array,
  scale: Float64Array,
  x: Float64Array,
  from: number,
  to: number,
  width: number,
  on: boolean,
): void {
  for (let t = from; t < to; t++) {
    const row = t * width;
    let squares = 0;
    for (let i = row; i < row + width; i++) squares += x[i]! * x[i]!;
    const s = on ? 1 / Math.sqrt(squares * (1 / width) + NORM_EPS) : 1;
    scale[t] = s;
    for (let i = row; i < row + width; i++) y[i] = x[i]! * s;
  }
}

/**
 * dx = (or, adding, +=) s (dy - y mean(y dy)): moving x along y is undone by the scale.
 * With the norm off y = x, so dx = dy.
 */
export function rmsnormGradient(
  dx: Float64Array,
  dy: Float64Array,
  y: Float64Array,
  scale: Float64Array,
  rows: number,
  width: number,
  on: boolean,
  adding: boolean,
): void {
  for (let t = 0; t < rows; t++) {
    const row = t * width;
    const s = scale[t]!;
    let along = 0;
    if (on) for (let i = row; i < row + width; i++) along += dy[i]! * y[i]!;
    along *= 1 / width;
    for (let i = row; i < row + width; i++) {
      const d = s * (dy[i]! - y[i]! * along);
      dx[i] = adding ? dx[i]! + d : d;
    }
  }
}

/** y = exp(x - max x) / sum of the same, over `count` numbers from `start`; y may be x. */
export function softmax(y: Float64Array, x: Float64Array, start: number, count: number): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = start; i < start + count; i++) if (x[i]! > largest) largest = x[i]!;
  let total = 0;
  for (let i = start; i < start + count; i++) total += y[i] = exp(x[i]! - largest);
  const scale = 1 / total;
  for (let i = start; i < start + count; i++) y[i]! *= scale;
}
