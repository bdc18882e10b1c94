import { describe, expect, test } from 'vitest';
import { difference, isClear } from '../src/chapters/training/statistics.ts';
import { ADAM_DEFAULTS } from '../src/engine/adam.ts';
import { trainConfig } from '../src/engine/config.ts';
import { Model, trace } from '../src/engine/model.ts';
import { Params } from '../src/engine/params.ts';
import { leavesOf, scalarLoss } from '../src/engine/scalarGraph.ts';
import { Tokenizer } from '../src/engine/tokenizer.ts';
import { begin, initial, prepare } from '../src/engine/train.ts';
import { columns, smoothed, spanOf, tenths } from '../src/figures/plot.ts';
import { linear } from '../src/figures/scale.ts';
import { AssigningTrainer, assignBackward } from '../src/worker/scalar.ts';
import { atConstantRate, variantTrainer } from '../src/worker/variants.ts';
import { initialState } from '../src/worker/weights.ts';
import { distance, vectors } from './conformance.ts';

const recipe = vectors('recipe_ten');
const tokenizer = new Tokenizer(recipe.data.chars);
const documents = 'emma olivia ava sophia isabella mia charlotte amelia harper evelyn'.split(' ');
const started = (training = trainConfig({ steps: 40 }), shape = {}) =>
  begin(documents, training, tokenizer, shape);

describe('weights that are drawn again and again', () => {
  test('are those of the run, whatever was asked for before', () => {
    const shapes = [{}, { n_embd: 4 }, { n_embd: 24, n_layer: 2 }, { n_embd: 8 }];
    for (const seed of [42, 43, 44, 45, 46, 42]) {
      for (const shape of shapes) {
        const run = prepare(documents, trainConfig({ seed, init_std: 0.05 }), tokenizer, shape);
        expect(initialState(run).params.data).toEqual(initial(run).state.params.data);
      }
    }
  });
});

describe('training done otherwise', () => {
  const step = (variant: object, updates = 1) => {
    const { run, state } = started();
    const { trainer } = variantTrainer(state, run, {}, variant);
    run.advance(trainer, 0, updates);
    const plain = new Model(state, run.training);
    const gradients: Float64Array[] = [];
    for (let i = 0; i < updates; i++) {
      plain.lossAndGrads(run.batch(i).map((document) => run.encode(document)));
      gradients.push(plain.grads.data.slice());
      if (i + 1 < updates) plain.update(0);
    }
    return { run, state, made: trainer.state(), gradients };
  };

  test('without a variant it is the plain model', () => {
    const { run, state } = started();
    const { trainer, name } = variantTrainer(state, run, {}, {});
    const plain = new Model(state, run.training);
    expect(name).toBe('model');
    expect(run.advance(trainer, 0, 40)).toEqual(run.advance(plain, 0, 40));
    expect(trainer.state()).toEqual(plain.state());
  });

  test('plain gradient steps: p - rate g', () => {
    const { state, made, gradients } = step({ sgd: true });
    const expected = state.params.data.map((p, i) => p - 0.01 * gradients[0]![i]!);
    expect(distance(made.params.data, expected)).toBe(0);
    expect(made.step).toBe(1);
  });

  test('without bias correction the first step is (1 - b1) / sqrt(1 - b2) of a rate', () => {
    const { state, made, gradients } = step({ noBiasCorrection: true });
    const { beta1, beta2, eps } = ADAM_DEFAULTS;
    const expected = state.params.data.map((p, i) => {
      const g = gradients[0]![i]!;
      return p - (0.01 * (1 - beta1) * g) / (Math.sqrt((1 - beta2) * g * g) + eps);
    });
    expect(distance(made.params.data, expected)).toBeLessThan(1e-15);
  });

  test('never zeroed, the first step is as ever and the second adds both gradients', () => {
    const { run, state } = started();
    const { trainer } = variantTrainer(state, run, {}, { neverZeroed: true });
    const plain = new Model(state, run.training);
    run.advance(trainer, 0, 1);
    run.advance(plain, 0, 1);
    expect(trainer.state()).toEqual(plain.state());
    const first = plain.grads.data.slice();
    run.advance(trainer, 1, 2);
    plain.lossAndGrads(run.batch(1).map((document) => run.encode(document)));
    const { beta1 } = ADAM_DEFAULTS;
    const expected = plain.m.data.map(
      (m, i) => beta1 * m + (1 - beta1) * (first[i]! + plain.grads.data[i]!),
    );
    expect(distance(trainer.state().m.data, expected)).toBeLessThan(1e-16);
  });

  test('a constant rate is the first one, at every step', () => {
    const rates: number[] = [];
    const { run, state } = started();
    const model = new Model(state, run.training);
    const update = model.update.bind(model);
    model.update = (rate) => {
      rates.push(rate);
      update(rate);
    };
    run.advance(atConstantRate(model, run), 0, 40);
    expect(new Set(rates)).toEqual(new Set([0.01]));
  });

  test('parts left out and updates done otherwise go together', () => {
    const { run, state } = started();
    const muted = { mutedMlps: [0] };
    const { trainer } = variantTrainer(state, run, muted, { sgd: true });
    const plain = new Model(state, run.training, muted);
    expect(run.advance(trainer, 0, 1)).toEqual(run.advance(plain, 0, 1));
  });
});

describe('the scalar graph', () => {
  test('gives the loss and the gradient of the array engine', () => {
    for (const shape of [{ n_embd: 8 }, { n_embd: 8, n_layer: 2, n_head: 2 }]) {
      const { run, state } = started(trainConfig({ init_std: 0.5 }), shape);
      const ids = run.encode('isabella');
      const judge = trace(state.params, ids);
      const leaves = leavesOf(state.params);
      const loss = scalarLoss(state.params, leaves, ids);
      expect(Math.abs(loss.data - judge.loss)).toBeLessThan(1e-12);
      loss.backward();
      const grads = new Params(run.model);
      for (const [leaf, place] of leaves.places) grads.data[place] = leaf.grad;
      expect(distance(grads.data, judge.paramGrads.data)).toBeLessThan(1e-12);
    }
  });

  test('with = only the last path survives: the same first loss, another gradient', () => {
    const { run, state } = started(trainConfig({ steps: 3 }), { n_embd: 8 });
    const ids = run.encode('mia');
    const leaves = leavesOf(state.params);
    const reached = assignBackward(scalarLoss(state.params, leaves, ids));
    const judge = trace(state.params, ids);
    let same = 0;
    for (const [leaf, place] of leaves.places) {
      if (reached.has(leaf) && Math.abs(leaf.grad - judge.paramGrads.data[place]!) < 1e-12) same++;
    }
    expect(same).toBeLessThan(leaves.places.size / 2);
    const wrong = new AssigningTrainer(state, run.training);
    const right = new Model(state, run.training);
    const [first, second] = run.advance(wrong, 0, 3);
    const plain = run.advance(right, 0, 3);
    expect(Math.abs(first! - plain[0]!)).toBeLessThan(1e-12);
    expect(second).not.toBeCloseTo(plain[1]!, 6);
    expect(wrong.state().step).toBe(3);
  });
});

describe('curves as numbers', () => {
  test('smoothing keeps a level line level and the first point where it is', () => {
    expect([...smoothed([2, 2, 2], 0.9)]).toEqual([2, 2, 2].map((x) => expect.closeTo(x, 12)));
    expect([...smoothed([4, 1], 0)]).toEqual([4, 1]);
    const [first, second] = smoothed([4, 1], 0.5);
    expect(first).toBe(4);
    expect(second).toBeCloseTo(2, 12);
  });

  test('the axis spans the losses and the uniform guess, but not an explosion', () => {
    expect(spanOf([[2, 3]], 3.3)).toEqual([expect.closeTo(1.9), expect.closeTo(3.4)]);
    expect(spanOf([[2, 700]], 3.3)[1]).toBeCloseTo(1.5 * 3.3 + 0.1);
    expect(spanOf([], 3.3)[0]).toBeCloseTo(3.2);
  });

  test('round numbers at the axis', () => {
    const ticks = (from: number, to: number, about: number) =>
      linear([from, to], [0, 1]).ticks(about);
    expect(ticks(1.4, 4.1, 6)).toEqual([1.5, 2, 2.5, 3, 3.5, 4]);
    expect(ticks(0, 1000, 10)).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
    expect(ticks(0, 20_000, 4)).toEqual([0, 5000, 10_000, 15_000, 20_000]);
  });

  test('losses that share a column keep their extremes', () => {
    const found = columns([5, 1, 3, 7], (i) => Math.floor(i / 2) * 10);
    expect(found).toEqual([
      { x: 0, low: 1, high: 5, last: 1 },
      { x: 10, low: 3, high: 7, last: 7 },
    ]);
    expect(columns([], () => 0)).toEqual([]);
  });

  test('means of ten parts, empty where nothing has been made', () => {
    const parts = tenths(
      Array.from({ length: 15 }, (_, i) => i),
      100,
    );
    expect(parts[0]).toEqual({ to: 10, mean: 4.5 });
    expect(parts[1]).toEqual({ to: 20, mean: 12 });
    expect(parts[2]).toEqual({ to: 30, mean: null });
  });
});

describe('what some seeds can tell', () => {
  test('a clear difference, an unclear one, a single seed, none', () => {
    const clear = difference([
      [2.4, 2.3],
      [2.41, 2.31],
      [2.42, 2.31],
    ])!;
    expect(clear.mean).toBeCloseTo(0.1033, 4);
    expect(clear.margin).toBeCloseTo((4.303 * 0.0057735) / Math.sqrt(3), 5);
    expect(isClear(clear)).toBe(true);
    expect(
      isClear(
        difference([
          [2.4, 2.3],
          [2.2, 2.31],
          [2.31, 2.3],
        ])!,
      ),
    ).toBe(false);
    expect(difference([[2.4, 2.3]])!.margin).toBeNull();
    expect(isClear(difference([[2.4, 2.3]])!)).toBe(false);
    expect(difference([])).toBeNull();
  });
});
