import { describe, expect, test } from 'vitest';
import { type Activations, isAttention, names } from '../src/engine/activations.ts';
import { modelConfigFrom } from '../src/engine/config.ts';
import { freshState, lossOf, Model, Session, trace } from '../src/engine/model.ts';
import { Params } from '../src/engine/params.ts';
import { Random } from '../src/engine/random.ts';
import { distance, vectors } from './conformance.ts';

const tiny = vectors('tiny_model');
const config = modelConfigFrom(tiny.model);
const params = paramsOf(tiny.params);
const STEP = 1e-12;

function paramsOf(tensors: Record<string, number[][]>): Params {
  return new Params(config, Float64Array.from(Object.values(tensors).flat(2)));
}

function expectParams(ours: Params, theirs: Record<string, number[][]>): void {
  expect([...ours.tensors.keys()]).toEqual(Object.keys(theirs));
  for (const [name, { data }] of ours.tensors) {
    expect(distance(data, theirs[name]!.flat()), name).toBeLessThan(STEP);
  }
}

/** An array as the vectors write it: [position][i] or [head][query][key <= query]. */
function rows(a: Activations, name: string): number[][] | number[][][] {
  const positions = Array.from({ length: a.length }, (_, t) => t);
  const of = (head: number) => positions.map((t) => Array.from(a.row(name, t, head)));
  return isAttention(name) ? Array.from({ length: config.n_head }, (_, h) => of(h)) : of(0);
}

describe('the tiny model', () => {
  for (const pass of tiny.passes) {
    test(`every intermediate and gradient of document ${pass.document}`, () => {
      const seen = trace(params, pass.document);
      expect(seen.loss).toBeCloseTo(pass.loss, 12);
      expect(Object.keys(pass.values)).toEqual(names(config.n_layer));
      for (const [name, values] of Object.entries(pass.values)) {
        expect(distance(rows(seen.values, name), values), name).toBeLessThan(STEP);
      }
      for (const [name, grads] of Object.entries(pass.value_grads)) {
        expect(distance(rows(seen.grads, name), grads), `d ${name}`).toBeLessThan(STEP);
      }
      expectParams(seen.paramGrads, pass.grads);
      expect(lossOf(params, pass.document)).toBe(seen.loss);
    });

    test(`position by position, document ${pass.document} gives the same bits`, () => {
      const whole = trace(params, pass.document).values;
      const session = new Session(params);
      for (let t = 0; t < whole.length; t++) session.feed(pass.document[t]);
      for (const name of names(config.n_layer).filter((name) => name !== 'loss')) {
        expect(rows(session.values, name), name).toEqual(rows(whole, name));
      }
    });
  }

  test('the batch', () => {
    const model = new Model(freshState(params));
    expect(model.lossAndGrads(tiny.batch.documents)).toBeCloseTo(tiny.batch.loss, 12);
    expectParams(model.grads, tiny.batch.grads);
  });

  test('three updates', () => {
    const model = new Model(freshState(params), tiny.adam);
    for (const step of tiny.adam.steps) {
      const [loss] = model.train([step.documents], [step.learning_rate]);
      expect(loss).toBeCloseTo(step.loss, 12);
      expectParams(model.params, step.params);
    }
    expect(model.state().step).toBe(3);
  });
});

test('a trace can be filled anew, also after one that saw the future', () => {
  const [first, second] = tiny.passes.map((pass: { document: number[] }) => pass.document);
  const peeked = trace(params, first, { peek: true });
  expect(peeked.values.get('layer0.attn_weights', 0, 4, 1)).toBeGreaterThan(0);
  expect(peeked.grads.get('layer0.attn_weights', 0, 4, 1)).not.toBe(0);
  expect(peeked.values.row('layer0.attn_weights', 0)).toHaveLength(5);
  const again = trace(params, first, {}, peeked);
  expect(again.values).toBe(peeked.values);
  const fresh = trace(params, first);
  for (const name of names(config.n_layer)) {
    expect(again.values.array(name), name).toEqual(fresh.values.array(name));
    expect(again.grads.array(name), name).toEqual(fresh.grads.array(name));
  }
  expect(trace(params, second, {}, again).paramGrads).toEqual(trace(params, second).paramGrads);
  expect(() => new Model(freshState(params)).session({ peek: true })).toThrow(
    'no future to peek at',
  );
});

describe('Model', () => {
  test('surprises are the losses of each prediction', () => {
    const model = new Model(freshState(params));
    const documents = tiny.passes.map((pass: { document: number[] }) => pass.document);
    model.surprises(documents).forEach((row, i) => {
      expect(distance(row, tiny.passes[i].values.loss.flat())).toBeLessThan(STEP);
    });
  });

  test('a loss that is not finite ends the call and makes no update', () => {
    const broken = params.copy();
    broken.data[broken.index('lm_head', 6, 0)] = 1e308;
    broken.data[broken.index('lm_head', 0, 0)] = -1e308;
    const model = new Model(freshState(broken));
    const losses = model.train([[[6, 0, 6]], [[6, 0, 6]]], [0.1, 0.1]);
    expect(losses).toHaveLength(1);
    expect(Number.isFinite(losses[0])).toBe(false);
    expect(model.step).toBe(0);
    expect(model.params.data).toEqual(broken.data);
  });

  test('grows with the document, and its session with the text', () => {
    const wide = modelConfigFrom({
      ...tiny.model,
      block_size: 60,
      n_layer: 2,
      n_embd: 6,
      n_head: 3,
    });
    const rng = new Random(3);
    const big = Params.initial(wide, rng, 0.5);
    const document = [6, ...Array.from({ length: 58 }, () => rng.randbelow(6)), 6];
    const model = new Model(freshState(big));
    const [surprises] = model.surprises([document]);
    const session = model.session();
    for (const token of document.slice(0, -1)) session.feed(token);
    const whole = trace(big, document);
    expect(surprises).toEqual(whole.values.top.loss.slice(0, 59));
    for (const name of names(2).filter((name) => name !== 'loss')) {
      expect(Array.from(session.values.row(name, 58, 0)), name).toEqual(
        Array.from(whole.values.row(name, 58, 0)),
      );
    }
    session.feed(0);
    expect(() => session.feed(0)).toThrow('the context is full: block_size is 60');
    expect(() => model.session().feed(7)).toThrow('token ids must be from 0 to 6, not 7');
    expect(() => model.surprises([[6]])).toThrow('at least two tokens');
  });
});
