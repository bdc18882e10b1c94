import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { pairScore } from '../src/chapters/attention/pairScore.ts';
import {
  AS_IS,
  CASES,
  type Case,
  DOCUMENTS,
  lossesOf,
  NO_ATTENTION,
  worthOf,
} from '../src/chapters/attention/worth.ts';
import {
  comparedNumbers,
  largestDifference,
  textbook,
  tokenByToken,
  unmasked,
} from '../src/engine/bothWays.ts';
import { modelConfig } from '../src/engine/config.ts';
import { meanLoss } from '../src/engine/evaluate.ts';
import { judges } from '../src/engine/heldOut.ts';
import type { Interventions } from '../src/engine/interventions.ts';
import { freshState, Model, trace } from '../src/engine/model.ts';
import { Params } from '../src/engine/params.ts';
import { Random } from '../src/engine/random.ts';
import { cellValue } from '../src/engine/scene.ts';
import { sharpness, WIDTHS } from '../src/engine/sharpness.ts';
import {
  allMuted,
  forcedRow,
  inWords,
  isAllMuted,
  reweighted,
  SWITCH_NAMES,
  SWITCHES,
  withAllHeads,
  withFlag,
  withForced,
  withHead,
  withHidden,
  withMlp,
} from '../src/figures/changes.ts';
import { excerpt, excerptNote } from '../src/figures/excerpt.ts';
import { fromModelJson } from '../src/store/load.ts';
import { tasks } from '../src/worker/tasks.ts';
import { result } from './conformance.ts';

const config = modelConfig({ vocab_size: 11, n_layer: 2, n_embd: 8, n_head: 2, block_size: 12 });
const params = Params.initial(config, new Random(5), 0.6);
const document = [10, 3, 1, 4, 1, 5, 9, 2, 6, 10];

function load(name: string) {
  const file = new URL(`../public/models/${name}.json`, import.meta.url);
  return fromModelJson(readFileSync(file, 'utf8'), name, name);
}

test('with a mask, with a cache, at once: the same numbers', () => {
  const forced = withForced({}, 0, 1, 3, [0.1, 0.2, 0.3, 0.4]);
  const given: Interventions[] = [{}, { mutedHeads: [[1]] }, { hiddenPositions: [2] }, forced];
  for (const interventions of given) {
    const read = trace(params, document, interventions);
    const masked = textbook(read);
    expect(largestDifference(read.values, tokenByToken(read))).toBe(0);
    expect(largestDifference(read.values, masked.values)).toBeLessThan(1e-14);
    expect(masked.loss).toBeCloseTo(read.loss, 12);
    expect(masked.values.get('layer1.attn_weights', 2, 5, 1)).toBe(0);
  }
});

test('the masked scores are queries times later keys', () => {
  const read = trace(params, document);
  const { values } = read;
  const masked = textbook(read);
  for (const layer of [0, 1]) {
    const q = values.row(`layer${layer}.q`, 2).subarray(4, 8);
    const k = values.row(`layer${layer}.k`, 6).subarray(4, 8);
    const score = q.reduce((sum, x, i) => sum + x * k[i]!, 0) / 2;
    expect(unmasked(masked, layer, 1, 2, 6)).toBeCloseTo(score, 12);
    expect(unmasked(masked, layer, 1, 6, 2)).toBe(values.get(`layer${layer}.attn_scores`, 6, 2, 1));
  }
});

test('every number but the losses is compared', () => {
  const { values } = trace(params, document);
  const [t, e, v] = [9, 8, 11];
  const layer = t * e * 10 + 2 * t * 4 * e + 2 * 2 * ((t * (t + 1)) / 2);
  expect(comparedNumbers(values)).toBe(t * e * 4 + 2 * layer + t * v * 2);
});

test('changes and their words', () => {
  let given: Interventions = {};
  given = withHead(given, config, 1, 0);
  expect(given).toEqual({ mutedHeads: [[], [0]] });
  expect(inWords(given, config)).toEqual(['head 0 of layer 1 is muted']);
  expect(withHead(given, config, 1, 0)).toEqual({});
  expect(isAllMuted(withAllHeads(given, config), config)).toBe(true);
  expect(withAllHeads(allMuted(config), config)).toEqual({});
  given = withHidden(withFlag(withMlp({}, 1), 'noPositions'), 2);
  expect(given).toEqual({ mutedMlps: [1], noPositions: true, hiddenPositions: [2] });
  expect(inWords(given, config)).toHaveLength(3);
  expect(withHidden(withFlag(withMlp(given, 1), 'noPositions'), 2)).toEqual({});
  given = withForced(withForced({}, 0, 1, 1, [1, 0]), 0, 1, 1, [0.5, 0.5]);
  expect(given.forcedAttention).toHaveLength(1);
  expect(forcedRow(given, 0, 1, 1)).toEqual([0.5, 0.5]);
  expect(forcedRow(given, 1, 1, 1)).toBeNull();
  expect(withForced(given, 0, 1, 1, null)).toEqual({});
});

test('a row stays a distribution when one share is dragged', () => {
  const row = reweighted([0.2, 0.3, 0.5], 1, 0.65);
  expect(row[1]).toBe(0.65);
  expect(row[0]! / row[2]!).toBeCloseTo(0.4, 12);
  for (const given of [
    [1, 0, 0],
    [0.2, 0.3, 0.5],
  ]) {
    for (const share of [-1, 0, 0.4, 1, 2]) {
      const total = reweighted(given, 0, share).reduce((sum, w) => sum + w, 0);
      expect(total).toBeCloseTo(1, 12);
    }
  }
  expect(reweighted([1], 0, 0.3)).toEqual([1]);
});

test('judges were never read in training; the mean is that of evaluate', () => {
  const { run, final } = load('english');
  const { documents, heldOut } = judges(run, 30);
  expect(heldOut).toBe(true);
  expect(documents).toHaveLength(30);
  const seen = run.seen(run.training.steps);
  for (const ids of documents) expect(seen.has(run.tokenizer.decode(ids))).toBe(false);
  const interventions = allMuted(run.model);
  const model = new Model(freshState(final), undefined, interventions);
  const [mean] = result(tasks.losses({ params: final, documents, cases: [interventions] }));
  expect(mean).toBe(result(meanLoss(model, documents))!.nats);
  expect([...meanLoss(model, documents)].at(-1)).toEqual({ read: 30 });
  const ten = judges(load('ten').run);
  expect(ten.heldOut).toBe(false);
  expect(ten.documents).toHaveLength(10);
});

test('without scaling the softmax saturates as heads grow wider', () => {
  const all = WIDTHS.map((d) => result(sharpness(d)));
  for (const { d, spread, scaled, unscaled, largestScaled } of all) {
    expect(spread / Math.sqrt(d)).toBeGreaterThan(0.75);
    expect(spread / Math.sqrt(d)).toBeLessThan(1.25);
    expect(scaled.reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 12);
    expect(unscaled.reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 12);
    expect(largestScaled).toBeLessThan(0.5);
  }
  expect(all.at(-1)!.largestUnscaled).toBeGreaterThan(0.9);
  expect(all[0]!.largestUnscaled).toBeLessThan(all.at(-1)!.largestUnscaled);
  expect(result(sharpness(64))).toEqual(all[4]);
});

test('a long document is drawn around the cursor', () => {
  expect(excerpt(5, 3)).toEqual([0, 5]);
  expect(excerptNote(16, 3)).toBe('');
  for (const position of [0, 7, 20, 31]) {
    const [from, to] = excerpt(32, position);
    expect(to - from).toBe(16);
    expect(position >= from && position < to).toBe(true);
  }
  expect(excerptNote(32, 31)).toBe('positions 16 to 31 of 32: they follow the cursor');
});

test('what attention is worth is measured and judged once, on the same documents', () => {
  const { run, final } = load('english');
  const tested = judges(run, DOCUMENTS);
  const drain = (cases: readonly Case[]) => result(tasks.losses(lossesOf(cases, final, tested)));
  const [asIs, without] = drain([AS_IS, NO_ATTENTION]);
  expect(drain(CASES).slice(0, 2)).toEqual([asIs, without]);
  expect(worthOf(without! - asIs!)).toBe('little');
  expect([0.05, 0.099, 0.1, 0.5, 1, 4].map(worthOf)).toEqual([
    ...['little', 'little', 'some', 'some', 'worse', 'worse'],
  ]);
});

test('every switch changes the pass, says so in words, and goes back', () => {
  const plain = trace(params, document);
  for (const name of SWITCH_NAMES) {
    const given = withFlag({}, name);
    const changed = trace(params, document, given);
    expect(changed.plan.plain, name).toBe(false);
    expect(changed.loss, name).not.toBe(plain.loss);
    expect(inWords(given, config), name).toEqual([SWITCHES[name].said]);
    expect(withFlag(given, name), name).toEqual({});
  }
});

test('the score of a pair is the model’s own; with wk = wq it is that of such a model', () => {
  const config = modelConfig({ vocab_size: 7, n_layer: 1, n_embd: 6, n_head: 3, block_size: 5 });
  const params = Params.initial(config, new Random(5), 0.5);
  const document = [6, 1, 2, 3, 6];
  const tied = params.copy();
  for (const { attn_wq, attn_wk } of tied.layers) attn_wk.set(attn_wq);
  for (const interventions of [{}, { noScaling: true }]) {
    const read = trace(params, document, interventions);
    const other = trace(tied, document, interventions);
    for (const head of [0, 1, 2]) {
      for (const [from, to] of [
        [3, 1],
        [2, 2],
      ] as const) {
        const score = (key: 'k' | 'q') =>
          cellValue({ trace: read }, pairScore(read, { layer: 0, head }, from, to, key));
        expect(score('k')).toBeCloseTo(read.values.get('layer0.attn_scores', from, to, head), 12);
        expect(score('q')).toBeCloseTo(other.values.get('layer0.attn_scores', from, to, head), 12);
      }
    }
  }
});
