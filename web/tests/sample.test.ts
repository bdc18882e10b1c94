import { describe, expect, test } from 'vitest';
import { modelConfigFrom, trainConfig } from '../src/engine/config.ts';
import { meanLoss, NGram, split } from '../src/engine/evaluate.ts';
import { freshState, Model, Session } from '../src/engine/model.ts';
import { Params } from '../src/engine/params.ts';
import { Random } from '../src/engine/random.ts';
import {
  distribution,
  generate,
  generateSteps,
  Known,
  likeliest,
  sampleConfig,
} from '../src/engine/sample.ts';
import { Tokenizer } from '../src/engine/tokenizer.ts';
import { prepare, Run } from '../src/engine/train.ts';
import { nearest } from '../src/engine/write.ts';
import { result, vectors } from './conformance.ts';

const tiny = vectors('tiny_model');
const config = modelConfigFrom(tiny.model);
const tokenizer = new Tokenizer('abcdef');
const last = tiny.adam.steps.at(-1).params as Record<string, number[][]>;
const params = new Params(config, Float64Array.from(Object.values(last).flat(2)));

describe('texts of the tiny model', () => {
  for (const { temperature, top_k, prompt, seed, texts } of tiny.samples) {
    test(`temperature ${temperature}, top_k ${top_k}, prompt ${prompt}`, () => {
      const rng = new Random(seed);
      const choose = sampleConfig({ temperature, top_k });
      for (const text of texts) {
        const sample = generate(params, tokenizer, rng, choose, tokenizer.decode(prompt));
        expect(sample.token_ids).toEqual(text.token_ids);
        expect(sample.finished).toBe(text.finished);
        expect(sample.log_prob).toBeCloseTo(text.log_prob, 12);
        const uniforms = sample.steps.map((step) => step.uniform).filter((u) => u !== null);
        expect(uniforms).toEqual(text.uniforms);
      }
    });
  }

  test('token by token, with every intermediate at hand', () => {
    const session = new Session(params);
    const steps = generateSteps(session, tokenizer, new Random(42), sampleConfig(), 'ba');
    const first = steps.next().value!;
    if (!('choice' in first)) throw new Error('a step was expected');
    expect(first.position).toBe(2);
    expect(session.length).toBe(3);
    expect(session.values.row('layer1.attn_weights', 2, 1)).toHaveLength(3);
    expect(likeliest(first.probs, 3)[0]![1]).toBe(Math.max(...first.probs));
  });

  test('a choice whose probability is too small for a float has a finite log_prob', () => {
    const steep = new Params(config, Float64Array.from(params.data));
    for (let i = 0; i < steep.lm_head.length; i++) steep.lm_head[i]! *= 1e4;
    const sample = generate(steep, tokenizer, new Random(1), sampleConfig({ temperature: 1e5 }));
    const probs = sample.steps.map((step) => step.model_probs[step.choice]);
    expect(probs).toContain(0);
    expect(sample.log_prob).toBeLessThan(-745);
    expect(sample.log_prob).toBeGreaterThan(Number.NEGATIVE_INFINITY);
  });

  test('a prompt that leaves no room, settings that cannot be', () => {
    const write = (prompt: string) =>
      generate(params, tokenizer, new Random(1), sampleConfig(), prompt);
    expect(() => write('aaaaa')).toThrow(
      'the prompt has 5 tokens; it may have at most 4, for block_size is 5 and BOS takes one',
    );
    expect(write('aaaa').token_ids.slice(0, 4)).toEqual([0, 0, 0, 0]);
    expect(() => write('x')).toThrow('unknown character');
    const wrong =
      'temperature is -1; it must be from 0 (always the most likely token) to 1,000,000';
    expect(() => sampleConfig({ temperature: -1 })).toThrow(wrong);
    expect(() => sampleConfig({ temperature: Number.NaN })).toThrow('temperature is nan');
    expect(() => sampleConfig({ top_k: 0 })).toThrow('top_k is 0; it must be at least 1');
  });

  test('of equally likely tokens, top-k keeps the first', () => {
    const probs = distribution([1, 2, 2, 2], sampleConfig({ temperature: 1, top_k: 2 }));
    expect(Array.from(probs)).toEqual([0, 0.5, 0.5, 0]);
    expect(likeliest([0.2, 0.4, 0.4], 2)).toEqual([
      [1, 0.4],
      [2, 0.4],
    ]);
  });
});

describe('how good it is', () => {
  const training = trainConfig({ steps: 3, val_fraction: 0.4 });
  const documents = ['ab', 'cd', 'ab', 'ef', 'ab'];

  test('the three bins', () => {
    const known = new Known(new Set(['ab']), new Set(documents), tokenizer);
    const bin = (text: string) =>
      known.novelty({ token_ids: tokenizer.encode(text).slice(1, -1), finished: true });
    expect(['ab', 'ef', 'ff', ''].map(bin)).toEqual(['seen', 'in file', 'new', 'empty']);
  });

  test('a text cut off by the context is compared with the beginnings of documents', () => {
    const known = new Known(new Set(['abcd', 'a']), new Set(['abcd', 'a', 'efab']), tokenizer);
    const bin = (text: string, finished: boolean) =>
      known.novelty({ token_ids: tokenizer.encode(text).slice(1, -1), finished });
    expect(['abc', 'efa', 'bcd', 'a'].map((text) => bin(text, false))).toEqual([
      ...['seen', 'in file', 'new', 'seen'],
    ]);
    expect(['abc', 'efa'].map((text) => bin(text, true))).toEqual(['new', 'new']);
    const close = (cutAt: number | null) => nearest('abc', ['abcdef', 'xbc'], cutAt);
    expect(close(3)).toEqual({ document: 'abcdef', edits: 0 });
    expect(close(null)).toEqual({ document: 'xbc', edits: 1 });
  });

  test('held out is what was set aside, or not reached yet, and never read', () => {
    const aside = new Run(config, training, tokenizer, documents, 3);
    expect(split(aside, 3)).toEqual({ train: ['ab', 'cd', 'ab'], heldOut: ['ef'] });
    const all = new Run(config, training, tokenizer, documents, 5);
    expect(split(all, 1)).toEqual({ train: ['ab'], heldOut: ['cd', 'ef'] });
    expect(split(all, 5).heldOut).toEqual([]);
  });

  test('no text is on both sides of the split, and a fraction is the decimal that is written', () => {
    const texts = Array.from({ length: 100 }, (_, i) => 'abcdef'[i % 6]! + 'f'.repeat(i / 6));
    const twice = [...texts, ...texts, ...texts.slice(40)];
    for (const [val_fraction, count] of [
      [0.29, 29],
      [0.57, 57],
      [0.999, 99],
      [1e-7, 0],
    ] as const) {
      const run = prepare(twice, trainConfig({ val_fraction }), tokenizer);
      const aside = new Set(run.documents.slice(run.numTrain));
      expect(aside.size).toBe(count);
      expect(run.trainDocuments.filter((text) => aside.has(text))).toEqual([]);
      expect(run.heldOut).toEqual([...aside]);
      expect([...run.documents].sort()).toEqual([...twice].sort());
    }
  });

  test('the loss of a model is the mean surprise', () => {
    const model = new Model(freshState(params));
    const ids = [tokenizer.encode('ab'), tokenizer.encode('abcdef')];
    const loss = result(meanLoss(model, ids))!;
    expect([loss.documents, loss.characters]).toEqual([2, 8]);
    const total = model
      .surprises(ids)
      .flatMap((row) => [...row])
      .reduce((sum, x) => sum + x, 0);
    expect(loss.nats).toBeCloseTo(total / 8, 12);
    expect(loss.bits).toBeCloseTo(loss.nats / Math.LN2, 12);
    expect(result(meanLoss(model, []))).toBeNull();
    expect(new NGram(0, [], 7).loss(ids, 5)!.nats).toBeCloseTo(Math.log(7), 12);
  });
});
