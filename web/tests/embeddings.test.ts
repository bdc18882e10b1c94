import { expect, test } from 'vitest';
import { eigen, principalPlane, turnedTowards } from '../src/chapters/embeddings/pca.ts';
import { pulledApart } from '../src/engine/apart.ts';
import { modelConfig } from '../src/engine/config.ts';
import { trace } from '../src/engine/model.ts';
import { Params } from '../src/engine/params.ts';
import { Random } from '../src/engine/random.ts';
import {
  cosine,
  documentWith,
  dot,
  extremes,
  largestDifference,
  nearest,
  rowsOf,
  swappedPair,
  table,
} from '../src/engine/similarity.ts';
import type { Point } from '../src/figures/plot.ts';
import { result } from './conformance.ts';

const rng = new Random(3);
const gauss = (n: number) => Float64Array.from({ length: n }, () => rng.gauss(0, 1));

test('eigenvalues and vectors of a symmetric matrix', () => {
  const rows = rowsOf(gauss(12 * 12), 12);
  const matrix = rows.map((a) => rows.map((b) => dot(a, b)));
  const { values, vectors } = eigen(matrix);
  values.forEach((value, k) => {
    const vector = vectors[k]!;
    if (k) expect(value).toBeLessThanOrEqual(values[k - 1]!);
    expect(dot(vector, vector)).toBeCloseTo(1, 10);
    matrix.forEach((row, i) => {
      expect(dot(row, vector)).toBeCloseTo(value * vector[i]!, 8);
    });
  });
  const trace = matrix.reduce((sum, row, i) => sum + row[i]!, 0);
  expect(values.reduce((a, b) => a + b)).toBeCloseTo(trace, 8);
});

test('the plane of widest spread: exact for points that lie in one', () => {
  for (const [rows, columns] of [
    [27, 16],
    [9, 16],
  ] as const) {
    const [u, v] = [gauss(columns), gauss(columns)];
    const flat = new Float64Array(rows * columns);
    for (let r = 0; r < rows; r++) {
      const [a, b] = gauss(2);
      for (let c = 0; c < columns; c++) flat[r * columns + c] = 5 + a! * u[c]! + b! * v[c]!;
    }
    const { points, explained } = principalPlane(flat, rows, columns);
    expect(explained[0] + explained[1]).toBeCloseTo(1, 10);
    const far = rowsOf(flat, columns);
    for (let r = 1; r < rows; r++) {
      const true_ = Math.sqrt(far[r]!.reduce((sum, x, c) => sum + (x - far[0]![c]!) ** 2, 0));
      const [x, y] = points[r]!;
      expect(Math.hypot(x - points[0]![0], y - points[0]![1])).toBeCloseTo(true_, 8);
    }
  }
});

test('what cannot be seen is not claimed; one dimension has no second one', () => {
  const data = gauss(40 * 16);
  const { explained } = principalPlane(data, 40, 16);
  expect(explained[0]).toBeGreaterThan(explained[1]);
  expect(explained[0] + explained[1]).toBeLessThan(0.6);
  const line = principalPlane(gauss(5), 5, 1);
  expect(line.explained).toEqual([1, 0]);
  expect(line.points.every(([, y]) => y === 0)).toBe(true);
  expect(principalPlane(new Float64Array(6), 3, 2).explained).toEqual([0, 0]);
});

test('turning towards a target undoes any turn and any mirroring, and keeps distances', () => {
  const target: Point[] = Array.from({ length: 9 }, () => [rng.gauss(0, 2), rng.gauss(0, 1)]);
  for (const angle of [0, 0.3, 2, 3.1, 5]) {
    for (const mirror of [1, -1]) {
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      const turned = target.map(
        ([x, y]): Point => [c * x - s * y * mirror, s * x + c * y * mirror],
      );
      turnedTowards(turned, target).forEach(([x, y], i) => {
        expect(x).toBeCloseTo(target[i]![0], 10);
        expect(y).toBeCloseTo(target[i]![1], 10);
      });
    }
  }
});

test('the map moves smoothly: a small change of the vectors is a small change of the points', () => {
  const start = gauss(27 * 16);
  for (let i = 0; i < 27; i++) start[i * 16] = start[i * 16]! * 4; // a clear first direction
  for (let i = 0; i < 27; i++) start[i * 16 + 1] = start[i * 16 + 1]! * 3;
  const target = principalPlane(start, 27, 16).points;
  const other = gauss(27 * 16);
  let before = target;
  for (let step = 1; step <= 50; step++) {
    const now = start.map((x, i) => x + 0.004 * step * other[i]!);
    const points = turnedTowards(principalPlane(now, 27, 16).points, target);
    points.forEach(([x, y], i) => {
      expect(Math.hypot(x - before[i]![0], y - before[i]![1])).toBeLessThan(0.1);
    });
    before = points;
  }
});

test('alike and apart', () => {
  expect(cosine([1, 0], [2, 2])).toBeCloseTo(Math.SQRT1_2, 12);
  expect(cosine([0, 0], [1, 2])).toBe(0);
  const rows = [
    [1, 0],
    [2, 0.1],
    [-1, 0],
  ];
  const values = table(rows, cosine);
  expect(values[0]).toBe(1);
  expect(extremes(values, 3).most).toMatchObject({ a: 0, b: 1 });
  expect(extremes(values, 3).least).toMatchObject({ a: 0, b: 2, value: -1 });
  expect(nearest(rows, 0).map(({ row }) => row)).toEqual([1, 2]);
  const apart = result(
    pulledApart(Float64Array.of(1, 0, 0, 2, 0, 0), Float64Array.of(0, 0, 5, 0, 0, -5), 3),
  );
  expect(apart).toEqual({ tokens: 1, positions: 1, meanCosine: 0 });
});

test('a document with any token at any position', () => {
  const config = modelConfig({ vocab_size: 5, block_size: 6 });
  const params = Params.initial(config, new Random(1), 0.08);
  const running = [4, 0, 1, 4];
  for (let token = 0; token < 5; token++) {
    for (let position = 0; position < 6; position++) {
      const { values } = trace(params, documentWith(config, token, position, running));
      expect(values.tokens[position]).toBe(token);
      const sum = values.row('emb_sum', position);
      sum.forEach((x, i) => {
        expect(x).toBe(params.get('wte', token, i) + params.get('wpe', position, i));
      });
    }
  }
});

test('without positions one layer cannot tell mar from amr; with them, or with two, it can', () => {
  expect(swappedPair([...'abcmr'], 'cab')).toEqual(['mar', 'amr']);
  expect(swappedPair([...'क्षमा'], 'माम')).toEqual(['माक', 'ामक']);
  expect(swappedPair(['a', 'b'], 'ab')).toBeNull();
  const difference = (n_layer: number, noPositions: boolean) => {
    const config = modelConfig({ vocab_size: 4, n_layer });
    const params = Params.initial(config, new Random(5), 0.5);
    const [one, other] = [
      [3, 0, 1, 2, 3],
      [3, 1, 0, 2, 3],
    ].map((ids) => trace(params, ids, { noPositions }).values.row('probs', 3));
    return largestDifference(one!, other!);
  };
  expect(difference(1, true)).toBeLessThan(1e-14);
  expect(difference(1, false)).toBeGreaterThan(1e-4);
  expect(difference(2, true)).toBeGreaterThan(1e-6);
});
