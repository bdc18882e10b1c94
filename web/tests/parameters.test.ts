import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { arrange, neighbour, type Place, placeAt } from '../src/chapters/parameters/layout.ts';
import { cellAt, numbersOf, QUANTITIES, shownAt } from '../src/chapters/parameters/shown.ts';
import {
  correlation,
  histogram,
  meanAndStd,
  parts,
  steepest,
  tensorFacts,
} from '../src/chapters/parameters/statistics.ts';
import { ADAM_DEFAULTS } from '../src/engine/adam.ts';
import { modelConfig, numParams, trainConfig } from '../src/engine/config.ts';
import { freshState, Model, trace } from '../src/engine/model.ts';
import { Params, shapes } from '../src/engine/params.ts';
import { Random } from '../src/engine/random.ts';
import { cellValue, recordUpdate } from '../src/engine/scene.ts';
import { Tokenizer } from '../src/engine/tokenizer.ts';
import { begin } from '../src/engine/train.ts';
import { parseColour, strength, tint } from '../src/figures/paint.ts';
import { fromModelJson } from '../src/store/load.ts';
import { replay } from '../src/worker/replay.ts';
import { tasks } from '../src/worker/tasks.ts';
import { result } from './conformance.ts';

const CONFIGS = [
  modelConfig({ vocab_size: 27 }),
  modelConfig({ vocab_size: 57, block_size: 32 }),
  modelConfig({ vocab_size: 17, n_layer: 2 }),
  modelConfig({ vocab_size: 11, n_layer: 5, n_embd: 6, n_head: 2, block_size: 3 }),
];

test.each(CONFIGS)('every tensor stands on the canvas in its shape, none on another', (config) => {
  for (const width of [280, 500, 700, 900, 1100]) {
    const layout = arrange(config, width);
    expect(layout.width).toBeLessThanOrEqual(width);
    const drawn = layout.blocks.map(({ name, rows, columns }) => [name, rows, columns]);
    expect(drawn.sort()).toEqual(shapes(config).sort());
    const taken = new Set<string>();
    for (const { x, y, rows, columns } of layout.blocks) {
      expect(x + columns * layout.cell).toBeLessThanOrEqual(layout.width);
      expect(y + rows * layout.cell).toBeLessThanOrEqual(layout.height);
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < columns; c++) {
          taken.add(`${x + c * layout.cell} ${y + r * layout.cell}`);
        }
      }
    }
    expect(taken.size).toBe(numParams(config));
  }
});

test('a point finds its number, and the arrows reach all tensors', () => {
  for (const config of CONFIGS) {
    const layout = arrange(config, 900);
    const first = layout.blocks[0]!;
    expect(placeAt(layout, first.x + 2.5 * layout.cell, first.y + 1.5 * layout.cell)).toEqual({
      block: first,
      row: 1,
      column: 2,
    });
    expect(placeAt(layout, -1, 0)).toBeNull();
    const reached = new Set([first.name]);
    const waiting: Place[] = [{ block: first, row: 0, column: 0 }];
    const seen = new Set(['0 0 0']);
    for (let place = waiting.pop(); place; place = waiting.pop()) {
      for (const way of ['left', 'right', 'up', 'down'] as const) {
        const next = neighbour(layout, place, way);
        const key = `${layout.blocks.indexOf(next.block)} ${next.row} ${next.column}`;
        if (seen.has(key)) continue;
        seen.add(key);
        reached.add(next.block.name);
        waiting.push(next);
      }
    }
    expect(reached.size).toBe(layout.blocks.length);
  }
});

test('colours: zero is the panel, the largest is full, less than that is less', () => {
  const colours = {
    panel: parseColour('#ffffff'),
    above: parseColour('#1040c0'),
    below: parseColour('#d02020'),
    ink: '',
    soft: '',
    hair: '',
    yellow: '',
    mono: '',
  };
  expect(tint(0, 1, colours)).toEqual([255, 255, 255]);
  expect(tint(2, 2, colours)).toEqual([16, 64, 192]);
  expect(tint(-5, 2, colours)).toEqual([208, 32, 32]);
  expect(strength(-0.25, 1)).toBe(0.5);
  expect(parseColour('#14c')).toEqual([17, 68, 204]);
});

test('in every view the cell at a place has the number that is painted there', () => {
  const config = modelConfig({ vocab_size: 5, n_embd: 4, n_head: 2, block_size: 4 });
  const initial = Params.initial(config, new Random(1), 0.5);
  const model = new Model(freshState(initial), ADAM_DEFAULTS);
  const document = [4, 0, 1, 4];
  model.lossAndGrads([document]);
  const update = recordUpdate(model.state(), model.grads, 0.1, ADAM_DEFAULTS);
  const first = { trace: trace(initial, document), initial, next: update };
  const later = { trace: trace(update.after.params, document), initial, update };
  for (const quantity of QUANTITIES) {
    for (const [step, scene] of [first, later].entries()) {
      const shown = shownAt(quantity, step);
      const numbers = numbersOf(scene, shown)!;
      const told = Array.from(numbers.data, (_, i) => {
        return cellValue(scene, cellAt(shown, numbers.locate(i)));
      });
      expect(told, quantity).toEqual([...numbers.data]);
      expect(numbersOf({ trace: scene.trace }, shown) === null).toBe(
        !['value', 'gradient'].includes(quantity),
      );
    }
  }
  const weights = shownAt('value', 1);
  const others = QUANTITIES.slice(1).map((quantity) => numbersOf(later, shownAt(quantity, 1))!);
  for (const { data } of others) expect(data).not.toEqual(numbersOf(later, weights)!.data);
});

test('what is said of a tensor', () => {
  const config = modelConfig({ vocab_size: 5, n_embd: 4, n_head: 2, block_size: 4 });
  const params = Params.initial(config, new Random(1), 0.5);
  const grads = trace(params, [4, 0, 1, 4]).paramGrads;
  const facts = tensorFacts(params, grads);
  expect(facts.map(({ name }) => name)).toEqual([...params.tensors.keys()]);
  expect(facts.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
  const place = params.locate(steepest(grads.data));
  const most = Math.max(...facts.map(({ largestGradient }) => largestGradient));
  expect(Math.abs(grads.get(place.name, place.row, place.column))).toBe(most);
  expect(parts(params)).toEqual([
    { title: 'embeddings', count: 36 },
    { title: 'attention', count: 64 },
    { title: 'MLP', count: 128 },
    { title: 'lm_head', count: 20 },
  ]);
  expect(meanAndStd([1, 2, 3, 4])).toEqual({ mean: 2.5, std: Math.sqrt(1.25) });
  expect(correlation([1, 2, 3], [2, 4, 6])).toBeCloseTo(1, 12);
  expect(correlation([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1, 12);
  expect(histogram([-1, -0.6, 0, 0.1, 0.99, 1, 7], 1, 4)).toEqual([2, 0, 2, 3]);
});

test('a replay gives the weights, m and v of the run itself, from any side', () => {
  const documents = ['anna', 'bob', 'nan', 'ab'];
  const tokenizer = Tokenizer.fromDocuments(documents);
  const training = trainConfig({ steps: 40, seed: 7, batch_size: 2 });
  const { run, state } = begin(documents, training, tokenizer, { n_embd: 8, n_layer: 2 });
  expect(result(tasks.initialWeights({ run }))).toEqual(state.params.data);
  for (const step of [0, 25, 40, 3, 26]) {
    const model = new Model(state, training);
    run.advance(model, 0, step);
    const again = result(replay({ run, step }));
    expect(again.step).toBe(step);
    expect(again.params).toEqual(model.params.data);
    expect(again.m).toEqual(model.m.data);
    expect(again.v).toEqual(model.v.data);
  }
  expect([...replay({ run, step: 13 })]).toEqual([12]); // says how far it is, from a state it kept
});

test.each(['english', 'hindi', 'ten'])('a replay ends where the pretrained %s ends', (name) => {
  const url = new URL(`../public/models/${name}.json`, import.meta.url);
  const { run, final } = fromModelJson(readFileSync(url, 'utf8'), name, name);
  const end = result(replay({ run, step: run.training.steps }));
  final.data.forEach((value, i) => {
    expect(Math.abs(end.params[i]! - value)).toBeLessThan(1e-9);
  });
});
