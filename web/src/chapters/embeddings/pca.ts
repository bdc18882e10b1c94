/** A flat picture of many-dimensional points: principal components, turned to a fixed direction. */

import type { Point } from '../../figures/plot.ts';

/** Eigenvalues, largest first, and their unit vectors, of a symmetric matrix; by Jacobi rotations. */
export function eigen(matrix: readonly (readonly number[])[]): {
  values: number[];
  vectors: number[][];
} {
  const n = matrix.length;
  const a = matrix.map((row) => Float64Array.from(row));
  const v = a.map((_, i) => Float64Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    let all = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        all += a[i]![j]! ** 2;
        if (i !== j) off += a[i]![j]! ** 2;
      }
    }
    if (off <= 1e-26 * all) break;
    for (let p = 0; p < n - 1; p++) for (let q = p + 1; q < n; q++) rotate(a, v, p, q);
  }
  const order = a.map((_, i) => i).sort((i, j) => a[j]![j]! - a[i]![i]!);
  return {
    values: order.map((i) => a[i]![i]!),
    vectors: order.map((i) => v.map((row) => row[i]!)),
  };
}

/** Make a[p][q] zero by turning axes p and q. */
function rotate(a: Float64Array[], v: Float64Array[], p: number, q: number): void {
  const apq = a[p]![q]!;
  if (apq === 0) return;
  const theta = (a[q]![q]! - a[p]![p]!) / (2 * apq);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (const row of a) turn(row, p, q, c, s);
  const rowP = a[p]!;
  const rowQ = a[q]!;
  for (let k = 0; k < a.length; k++) {
    const x = rowP[k]!;
    const y = rowQ[k]!;
    rowP[k] = c * x - s * y;
    rowQ[k] = s * x + c * y;
  }
  for (const row of v) turn(row, p, q, c, s);
}

function turn(row: Float64Array, p: number, q: number, c: number, s: number): void {
  const x = row[p]!;
  const y = row[q]!;
  row[p] = c * x - s * y;
  row[q] = s * x + c * y;
}

export interface Plane {
  /** Of each row, in the two directions of largest variance, from the mean. */
  readonly points: readonly Point[];
  /** Share of the variance along each of the two. */
  readonly explained: readonly [number, number];
}

/** The plane in which the rows of a matrix are spread widest. */
export function principalPlane(data: ArrayLike<number>, rows: number, columns: number): Plane {
  const centred = centre(data, rows, columns);
  // The smaller of the two products has the same eigenvalues (but for zeros).
  const byColumn = columns <= rows;
  const n = byColumn ? columns : rows;
  const at = (i: number, k: number) => (byColumn ? centred[k]![i]! : centred[i]![k]!);
  const length = byColumn ? rows : columns;
  const product = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      let total = 0;
      for (let k = 0; k < length; k++) total += at(i, k) * at(j, k);
      product[i]![j] = total;
      product[j]![i] = total;
    }
  }
  const { values, vectors } = eigen(product);
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0) || 1;
  const axis = (k: number): number[] => {
    const vector = vectors[k];
    if (!vector) return new Array<number>(rows).fill(0);
    const signed = largestPositive(vector);
    if (!byColumn) return signed.map((x) => x * Math.sqrt(Math.max(0, values[k]!)));
    return centred.map((row) => row.reduce((sum, x, i) => sum + x * signed[i]!, 0));
  };
  const x = axis(0);
  const y = axis(1);
  return {
    points: x.map((value, i) => [value, y[i]!]),
    explained: [Math.max(0, values[0] ?? 0) / total, Math.max(0, values[1] ?? 0) / total],
  };
}

function centre(data: ArrayLike<number>, rows: number, columns: number): number[][] {
  const means = Array.from({ length: columns }, (_, c) => {
    let total = 0;
    for (let r = 0; r < rows; r++) total += data[r * columns + c]!;
    return total / rows;
  });
  return Array.from({ length: rows }, (_, r) =>
    means.map((mean, c) => data[r * columns + c]! - mean),
  );
}

/** A direction has no sign of its own: take the one whose largest part is positive. */
function largestPositive(vector: readonly number[]): number[] {
  const largest = vector.reduce((best, x) => (Math.abs(x) > Math.abs(best) + 1e-12 ? x : best), 0);
  return largest < 0 ? vector.map((x) => -x) : [...vector];
}

/**
 * Turn, and if need be mirror, points about the origin so that they lie as near as can be to
 * others: distances between them stay. Without it the map would flip from one step to the next.
 */
export function turnedTowards(points: readonly Point[], target: readonly Point[]): Point[] {
  let xx = 0;
  let xy = 0;
  let yx = 0;
  let yy = 0;
  points.forEach(([x, y], i) => {
    const [u, v] = target[i]!;
    xx += x * u;
    xy += x * v;
    yx += y * u;
    yy += y * v;
  });
  // Of all rotations the best has this angle; of all mirrorings, that one. Take the better.
  const rotation = Math.hypot(xx + yy, xy - yx);
  const mirroring = Math.hypot(xx - yy, xy + yx);
  if (rotation === 0 && mirroring === 0) return [...points];
  if (rotation >= mirroring) {
    const c = (xx + yy) / rotation;
    const s = (xy - yx) / rotation;
    return points.map(([x, y]) => [c * x - s * y, s * x + c * y]);
  }
  const c = (xx - yy) / mirroring;
  const s = (xy + yx) / mirroring;
  return points.map(([x, y]) => [c * x + s * y, s * x - c * y]);
}
