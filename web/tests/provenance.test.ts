import { describe, expect, test } from 'vitest';
import { meanAndStd } from '../src/chapters/parameters/statistics.ts';
import { isAttention, names, widthOf } from '../src/engine/activations.ts';
import { ADAM_DEFAULTS } from '../src/engine/adam.ts';
import { modelConfig } from '../src/engine/config.ts';
import {
  cosineOf,
  differenceOf,
  dotOf,
  matrixCells,
  meanOf,
  measured,
  productOf,
  quotientOf,
  rmsOf,
  stdOf,
  sumOf,
} from '../src/engine/derived.ts';
import {
  type Cell,
  cellKey,
  evaluate,
  formatNumber,
  inputsOf,
  render,
  segments,
  type UpdateKind,
} from '../src/engine/expression.ts';
import type { Interventions } from '../src/engine/interventions.ts';
import { freshState, Model, trace } from '../src/engine/model.ts';
import { Params } from '../src/engine/params.ts';
import { explain, label, nudge } from '../src/engine/provenance.ts';
import { Random } from '../src/engine/random.ts';
import { exprOf } from '../src/engine/rules.ts';
import { cellValue, recordUpdate, type Scene } from '../src/engine/scene.ts';

const SHAPES = [
  { vocab_size: 5, n_layer: 1, n_embd: 4, n_head: 2, block_size: 5 },
  { vocab_size: 7, n_layer: 2, n_embd: 6, n_head: 3, block_size: 4 },
  { vocab_size: 3, n_layer: 3, n_embd: 3, n_head: 1, block_size: 6 },
];

/** The terms of an update that the update itself computes. */
const UPDATE: UpdateKind[] = ['m', 'v', 'm_hat', 'v_hat', 'update', 'weight_after'];

/** A random model that has read a random document, and an update of it that is not its first. */
function makeScene(seed: number, given: Interventions = {}): Scene {
  const rng = new Random(seed);
  const config = modelConfig(SHAPES[seed % SHAPES.length]!);
  const params = Params.initial(config, rng, 0.6);
  const bos = config.vocab_size - 1;
  const middle = Array.from({ length: 3 + rng.randbelow(3) }, () => rng.randbelow(bos));
  const document = [bos, ...middle, bos];
  const model = new Model(freshState(params), ADAM_DEFAULTS, given);
  model.train([[document], [document]], [0.05, 0.04]);
  model.lossAndGrads([document]);
  const update = recordUpdate(model.state(), model.grads, 0.03, ADAM_DEFAULTS);
  return { trace: trace(model.params, document, given), update };
}

/** Interventions of every kind, some at a time. */
function interventions(seed: number): Interventions {
  const rng = new Random(1000 + seed);
  const { n_layer, n_head } = SHAPES[seed % SHAPES.length]!;
  const layer = rng.randbelow(n_layer);
  const flip = () => rng.random() < 0.4;
  const peek = rng.random() < 0.2;
  return {
    mutedHeads: Array.from({ length: n_layer }, () => (flip() ? [rng.randbelow(n_head)] : [])),
    mutedMlps: flip() ? [layer] : [],
    noPositions: flip(),
    hiddenPositions: flip() ? [rng.randbelow(3)] : [],
    noNorms: flip(),
    noResiduals: flip(),
    noScaling: flip(),
    peek,
    forcedAttention:
      flip() && !peek ? [{ layer, head: 0, query: 2, weights: [0.5, 0.1, 0.4] }] : [],
    overrides: flip()
      ? [
          { name: `layer${layer}.q`, row: 1, column: 0, value: 0.7 },
          { name: `layer${layer}.attn_weights`, row: 2, column: 1, head: 0, value: 0.3 },
          { name: `layer${layer}.mlp_relu`, row: 0, column: 1, value: 0.9 },
          { name: `layer${layer}.attn_resid`, row: 1, column: 1, value: -0.4 },
          { name: 'probs', row: 1, column: 0, value: 0.25 },
          { name: `layer${layer}.mlp_norm`, row: 1, column: 0, value: 0.2 },
          { name: 'emb_sum', row: 0, column: 0, value: 1.5 },
        ]
      : [],
  };
}

function valueCells({ trace: t }: Scene): Cell[] {
  const cells: Cell[] = [{ kind: 'value', name: 'mean_loss', row: 0, column: 0, head: 0 }];
  for (const name of names(t.config.n_layer)) {
    const heads = isAttention(name) ? t.config.n_head : 1;
    for (let head = 0; head < heads; head++) {
      for (let row = 0; row < t.values.length; row++) {
        const keys = t.plan.peek ? t.values.length : row + 1;
        const width = isAttention(name) ? keys : widthOf(t.config, name, 0);
        for (let column = 0; column < width; column++) {
          cells.push({ kind: 'value', name, row, column, head });
        }
      }
    }
  }
  return cells;
}

function paramCells({ trace: t }: Scene): Cell[] {
  return Array.from(t.params.data, (_, i) => ({ kind: 'param', ...t.params.locate(i), head: 0 }));
}

/** Some cells of many, always the same for a seed. */
function pick<T>(cells: readonly T[], count: number, seed: number): T[] {
  const rng = new Random(seed);
  return Array.from({ length: count }, () => cells[rng.randbelow(cells.length)]!);
}

const as =
  (kind: Cell['kind']) =>
  (cell: Cell): Cell => ({ ...cell, kind });
const close = (a: number, b: number) => Math.abs(a - b) / Math.max(1, Math.abs(b));

const CASES = [
  ...Array.from({ length: 6 }, (_, seed) => ({ seed, title: 'untouched', given: {} })),
  ...Array.from({ length: 18 }, (_, seed) => ({
    seed,
    title: 'with interventions',
    given: interventions(seed),
  })),
];

describe.each(CASES)('a random model ($seed, $title)', ({ seed, given }) => {
  const scene = makeScene(seed, given);
  const values = valueCells(scene);
  const params = paramCells(scene);

  test('every formula gives the number on screen', () => {
    const all = [
      ...values,
      ...values.map(as('grad')),
      ...params.map(as('param_grad')),
      ...UPDATE.flatMap((kind) => params.map(as(kind))),
    ];
    for (const cell of all) {
      const expr = exprOf(scene, cell)!;
      const difference = close(evaluate(expr), cellValue(scene, cell));
      expect(difference, `${label(cell)} = ${render(expr)}`).toBeLessThan(1e-12);
    }
  });

  test('a cell is consumed by exactly those that read it', () => {
    const readers = new Map<string, Set<string>>();
    for (const cell of values) {
      for (const input of inputsOf(exprOf(scene, cell)!)) {
        const key = cellKey(input);
        readers.set(key, (readers.get(key) ?? new Set()).add(cellKey(cell)));
      }
    }
    // A gradient is read in the backward pass, a term of the update in the update.
    const backward = [...values.map(as('grad')), ...params.map(as('param_grad'))];
    const terms = UPDATE.flatMap((kind) => params.slice(0, 5).map(as(kind)));
    for (const cell of [...backward, ...terms]) {
      for (const input of inputsOf(exprOf(scene, cell)!)) {
        if (input.kind === 'value' || input.kind === 'param') continue;
        const key = cellKey(input);
        readers.set(key, (readers.get(key) ?? new Set()).add(cellKey(cell)));
      }
    }
    const asked = [
      ...pick(values, 150, seed),
      ...pick(params, 100, seed),
      ...pick(values, 100, seed).map(as('grad')),
      ...terms,
    ];
    for (const cell of asked) {
      const consumers = explain(scene, cell).consumers.map(cellKey);
      expect(new Set(consumers), label(cell)).toEqual(readers.get(cellKey(cell)) ?? new Set());
      expect(consumers.length).toBe(new Set(consumers).size);
    }
  });

  test('gradients agree with finite differences', () => {
    // Not where ReLU has its corner within reach.
    const corner = values.some(
      (c) => c.name.endsWith('mlp_hidden') && Math.abs(cellValue(scene, c)) < 1e-4,
    );
    if (corner) return;
    for (const cell of [...pick(values, 60, seed), ...pick(params, 60, seed)]) {
      const { slope, gradient } = nudge(scene, cell);
      expect(Math.abs(slope - gradient), label(cell)).toBeLessThan(
        2e-7 * Math.max(1, Math.abs(slope) * 10),
      );
    }
  });
});

test('a derived number is what its formula gives', () => {
  const scene = makeScene(1);
  const { params } = scene.trace;
  const wpe = matrixCells(params, 'wpe');
  const row = (at: number) => wpe.filter(({ row: r }) => r === at);
  for (const cell of [
    sumOf('sum', wpe),
    meanOf('mean', wpe),
    rmsOf('rms', wpe),
    rmsOf('rms of all', { params, name: 'wpe', kind: 'param_grad' }),
    stdOf('std of all', { params, name: 'lm_head', kind: 'param' }),
    stdOf('std', wpe),
    differenceOf('difference', wpe[0]!, wpe[1]!),
    productOf('product', [wpe[0]!, wpe[1]!]),
    quotientOf('quotient', wpe[0]!, wpe[1]!),
    dotOf('dot', row(0), row(1)),
    cosineOf('cosine', row(0), row(0)),
    measured('loss of others', 2.5, 'mean over others'),
  ]) {
    const expr = exprOf(scene, cell)!;
    expect(evaluate(expr), cell.name).toBeCloseTo(cellValue(scene, cell), 12);
    expect(explain(scene, cell).consumers).toEqual([]);
    expect(label(cell)).toBe(cell.name);
  }
  expect(cellValue(scene, stdOf('std', wpe))).toBeCloseTo(
    meanAndStd(wpe.map((c) => cellValue(scene, c))).std,
    12,
  );
  expect(cellValue(scene, cosineOf('cosine', row(0), row(0)))).toBeCloseTo(1, 12);
  expect(inputsOf(exprOf(scene, meanOf('mean', wpe))!)).toEqual(wpe);
});

describe('formulas as text', () => {
  const scene = makeScene(0);

  test('with the numbers put in, and with names', () => {
    const cell: Cell = { kind: 'value', name: 'layer0.attn_scores', row: 2, column: 1, head: 1 };
    const expr = exprOf(scene, cell)!;
    expect(render(expr)).toMatch(/^\(.+ · .+ \+ .+ · .+\) · 0\.7071$/);
    expect(render(expr, { name: label })).toBe(
      '(layer0.q[2][2] · layer0.k[1][2] + layer0.q[2][3] · layer0.k[1][3]) · 1/√2',
    );
    const resid = exprOf(scene, { ...cell, name: 'layer0.attn_resid', column: 1, head: 0 })!;
    expect(render(resid, { name: label })).toBe('emb_norm[2][1] + layer0.attn_proj[2][1]');
    const loss = exprOf(scene, { ...cell, name: 'loss', column: 0, head: 0 })!;
    expect(render(loss, { name: () => 'p' })).toBe('−log(p)');
  });

  test('long sums can be cut short; each number knows its cell', () => {
    const expr = exprOf(scene, { kind: 'value', name: 'logits', row: 0, column: 0, head: 0 })!;
    const text = render(expr, { name: () => 'x', maxTerms: 3 });
    expect(text).toBe('x · x + x · x + … + x · x');
    const cells = segments(expr).filter((segment) => segment.cell);
    expect(cells).toHaveLength(8);
    expect(inputsOf(expr)).toHaveLength(8);
  });

  test('numbers', () => {
    const shown = [0.12345, -2, 0, 1e-5, -123456.7, Number.POSITIVE_INFINITY].map(formatNumber);
    expect(shown).toEqual(['0.1235', '−2', '0', '1.00·10⁻⁵', '−1.23·10⁵', '∞']);
  });

  test('a parameter has no formula, and what is not there is refused', () => {
    const weight: Cell = { kind: 'param', name: 'wte', row: 0, column: 0, head: 0 };
    expect(explain(scene, weight).expr).toBeNull();
    expect(() => explain(scene, { ...weight, kind: 'value' })).toThrow('there is no intermediate');
    expect(() => explain(scene, { ...weight, row: 99 })).toThrow(RangeError);
    expect(() => nudge(scene, { ...weight, kind: 'grad' })).toThrow('cannot be nudged');
  });
});
