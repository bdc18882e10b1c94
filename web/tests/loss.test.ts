import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  logitGradients,
  onScale,
  rms,
  rowSize,
  rowSizes,
  stages,
  steepestWeight,
  wayToLoss,
} from '../src/chapters/loss/gradients.ts';
import {
  careless,
  choices,
  minusLog,
  minusLogSlope,
  squared,
  squaredSlope,
} from '../src/chapters/loss/surprise.ts';
import { names } from '../src/engine/activations.ts';
import { BASELINES, baselines } from '../src/engine/baselines.ts';
import { modelConfig } from '../src/engine/config.ts';
import { consumersOf } from '../src/engine/consumers.ts';
import { NGram } from '../src/engine/evaluate.ts';
import { judges } from '../src/engine/heldOut.ts';
import { trace } from '../src/engine/model.ts';
import { Params } from '../src/engine/params.ts';
import { Random } from '../src/engine/random.ts';
import { distribution } from '../src/engine/sample.ts';
import { cellValue } from '../src/engine/scene.ts';
import { fromModelJson } from '../src/store/load.ts';

const config = modelConfig({ vocab_size: 9, n_layer: 2, n_embd: 8, n_head: 2, block_size: 8 });
const read = trace(Params.initial(config, new Random(3), 0.5), [8, 1, 2, 3, 2, 8]);

test('a bar of the logits’ gradient is the number that the inspector shows for it', () => {
  const probs = read.values.row('probs', 2);
  const target = read.values.targets[2]!;
  const bars = logitGradients(read, probs, 2, null);
  bars.forEach((bar, column) => {
    const cell = { kind: 'grad', name: 'logits', row: 2, column, head: 0 } as const;
    expect(bar).toBe(cellValue({ trace: read }, cell));
    const share = (probs[column]! - (column === target ? 1 : 0)) / read.values.length;
    expect(bar).toBeCloseTo(share, 12);
  });
  const other = logitGradients(read, probs, 2, 5);
  expect(other[5]).toBeCloseTo((probs[5]! - 1) / read.values.length, 12);
});

test('slopes are those of the curves', () => {
  const logit = (p: number) => Math.log(p / (1 - p));
  const share = (z: number) => 1 / (1 + Math.exp(-z));
  for (const p of [0.01, 0.2, 0.5, 0.97]) {
    for (const [f, slope] of [
      [minusLog, minusLogSlope],
      [squared, squaredSlope],
    ] as const) {
      const h = 1e-5;
      const measured = (f(share(logit(p) + h)) - f(share(logit(p) - h))) / (2 * h);
      expect(measured).toBeCloseTo(slope(p), 7);
    }
  }
  expect(choices(Math.log(27))).toBeCloseTo(27, 10);
});

test('a careless softmax agrees until it overflows', () => {
  const logits = [0.3, -1.2, 2.5];
  const careful = [...distribution(logits, { temperature: 1, top_k: null })];
  const { shares } = careless(logits);
  for (const [i, p] of careful.entries()) expect(shares[i]).toBeCloseTo(p, 12);
  const far = logits.map((x) => x + 800);
  expect(careless(far).powers).toEqual([Infinity, Infinity, Infinity]);
  expect(careless(far).shares.every(Number.isNaN)).toBe(true);
  const still = [...distribution(far, { temperature: 1, top_k: null })];
  for (const [i, p] of careful.entries()) expect(still[i]).toBeCloseTo(p, 12);
});

test('the way back passes every intermediate, and every matrix once', () => {
  const list = stages(2);
  expect(list.map(({ name }) => name)).toEqual(names(2).reverse());
  const tensors = list.flatMap(({ tensor }) => tensor ?? []);
  expect(tensors.sort()).toEqual([...read.params.tensors.keys()].sort());
  const stream = list.filter((stage) => stage.stream).map(({ name }) => name);
  const layer = (i: number) => [`layer${i}.mlp_resid`, `layer${i}.attn_resid`];
  expect(stream).toEqual([...layer(1), ...layer(0), 'emb_norm']);
});

test('the way to the loss is along the stream', () => {
  const end = ['layer1.attn_resid', 'layer1.mlp_resid', 'logits', 'probs', 'loss'];
  expect(wayToLoss('layer0.mlp_fc1', 2)).toEqual([
    ...['hidden', 'relu', 'proj', 'resid'].map((name) => `layer0.mlp_${name}`),
    ...end,
  ]);
  expect(wayToLoss('wpe', 2).slice(0, 4)).toEqual([
    'pos_emb',
    'emb_sum',
    'emb_norm',
    'layer0.attn_resid',
  ]);
  expect(wayToLoss('layer1.attn_wq', 2).slice(0, 3)).toEqual(
    ['q', 'attn_scores', 'attn_weights'].map((name) => `layer1.${name}`),
  );
  expect(wayToLoss('lm_head', 2)).toEqual(['logits', 'probs', 'loss']);
});

test('a way to the loss goes from consumer to consumer', () => {
  for (const { name } of read.params.tensors.values()) {
    const way = wayToLoss(name, 2);
    expect(way.at(-1)).toBe('loss');
    const row = name === 'wte' ? 2 : 0;
    const first = consumersOf({ trace: read }, { kind: 'param', name, row, column: 0, head: 0 });
    expect(first.map((cell) => cell.name)).toContain(way[0]);
    for (let i = 1; i < way.length; i++) {
      const target = read.values.targets[1]!;
      const column = way[i - 1] === 'probs' ? target : 0;
      const cell = { kind: 'value', name: way[i - 1]!, row: 1, column, head: 0 } as const;
      expect(consumersOf({ trace: read }, cell).map((c) => c.name)).toContain(way[i]);
    }
  }
});

test('sizes of gradients', () => {
  expect(rms([3, -4, 0, 0])).toBe(2.5);
  expect(rms([])).toBe(0);
  expect(rowSizes(read, 'logits')).toHaveLength(5);
  expect(rowSize(read, 'loss', 2)).toBeCloseTo(1 / 5, 12);
  const { grads } = read;
  const name = 'layer1.attn_weights';
  const all = [0, 1].flatMap((head) => [0, 1, 2].map((s) => grads.get(name, 2, s, head)));
  expect(rowSize(read, name, 2)).toBeCloseTo(rms(all), 12);
  const { name: tensor, row, column } = steepestWeight(read.paramGrads);
  const most = Math.max(...read.paramGrads.data.map(Math.abs));
  expect(Math.abs(read.paramGrads.get(tensor, row, column))).toBe(most);
  expect(onScale(0)).toBe(0);
  expect(onScale(1e-4)).toBeCloseTo(0, 12);
  expect(onScale(1)).toBeCloseTo(0.8, 12);
  expect(onScale(1000)).toBe(1);
});

test('the ruler is that of evaluate, in parts', () => {
  const file = new URL('../public/models/english.json', import.meta.url);
  const { run } = fromModelJson(readFileSync(file, 'utf8'), 'English names', 'english');
  const { documents } = judges(run, 45);
  const losses = [...lastOf(baselines(run, documents))];
  const counted = run.documents.slice(0, 1000).map((text) => run.encode(text));
  BASELINES.forEach(({ n }, i) => {
    const whole = new NGram(n, counted, run.model.vocab_size).loss(
      documents,
      run.model.block_size,
    )!;
    expect(losses[i]).toBeCloseTo(whole.nats, 10);
  });
  expect(losses[0]).toBeCloseTo(Math.log(27), 12);
});

function lastOf<T>(job: Generator<T, T>): T {
  for (;;) {
    const next = job.next();
    if (next.done) return next.value;
  }
}
