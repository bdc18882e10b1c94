import { beforeEach, describe, expect, test } from 'vitest';
import { trainConfig } from '../src/engine/config.ts';
import { split } from '../src/engine/evaluate.ts';
import { writeState, writeTokenizerJson } from '../src/engine/stateFile.ts';
import { Tokenizer } from '../src/engine/tokenizer.ts';
import { begin } from '../src/engine/train.ts';
import { explorer, fail } from '../src/store/explorer.ts';
import { openList, openRunFiles } from '../src/store/load.ts';
import { useWorkers } from '../src/store/workers.ts';
import { connect } from './inProcess.ts';

const encode = (text: string) => new TextEncoder().encode(text);

describe('a run directory', () => {
  const documents = ['abba', 'baba', 'cab', 'dada', 'bead', 'face', 'deaf', 'cafe'];
  const tokenizer = Tokenizer.fromDocuments(documents, 'none');
  const training = trainConfig({ steps: 60, val_fraction: 0.25 });
  const { run, state } = begin(documents, training, tokenizer, { n_embd: 8, n_head: 2 });
  const files = (num_train: unknown) =>
    new Map([
      ['model.safetensors', writeState(state)],
      ['tokenizer.json', encode(writeTokenizerJson(tokenizer))],
      ['documents.txt', encode(`${run.documents.join('\n')}\n`)],
      ['config.json', encode(JSON.stringify({ training, num_train }))],
    ]);

  beforeEach(() => fail(''));

  test('what it held out stays held out', async () => {
    await openRunFiles(files(6));
    const { loaded, error } = explorer.getState();
    expect(error).toBe('');
    expect(loaded!.run.numTrain).toBe(6);
    expect(loaded!.run.heldOut).toEqual(run.heldOut);
    expect(split(loaded!.run, 60).heldOut).toHaveLength(2);
  });

  const losses = [3.25, 2.5, Number.MIN_VALUE];
  const trained = writeState({ ...state, step: 3 });
  const numbers = (list: readonly number[]) => new Uint8Array(Float64Array.from(list).buffer);
  const log = losses.map((loss, i) => JSON.stringify({ step: i + 1, loss })).join('\n');

  test.each([
    ['losses.f64', numbers([...losses, 9])], // and one that was made after the weights were saved
    ['log.jsonl', encode(`${log}\n`)],
  ])('its losses are read from %s', async (name, bytes) => {
    const list = files(6).set('model.safetensors', trained);
    await openRunFiles(list.set(name, bytes));
    const { loaded, error } = explorer.getState();
    expect(error).toBe('');
    expect(loaded!.losses).toEqual(losses);
  });

  test('losses that end too early are refused in one line, as is a damaged log', async () => {
    const list = files(6).set('model.safetensors', trained);
    await openRunFiles(new Map(list).set('losses.f64', numbers(losses.slice(1))));
    expect(explorer.getState().error).toBe('losses.f64 ends before step 3');
    await openRunFiles(new Map(list).set('log.jsonl', encode(log.replace('2.5', 'x'))));
    expect(explorer.getState().error).toBe('log.jsonl, line 2 is damaged');
  });

  test.each([0, 9, 'all', undefined])('num_train %s is refused in one line', async (num_train) => {
    await openRunFiles(files(num_train));
    expect(explorer.getState().error).toBe('config.json: num_train must be from 1 to 8');
  });
});

test('the file of a data set that comes with the page brings its recipe', async () => {
  useWorkers(connect());
  await openList(encode('अंशुमान\nआरव\nकीर्ति\n'), 'hindi.txt');
  const { run } = explorer.getState().loaded!;
  expect([run.model.block_size, run.training.learning_rate, run.tokenizer.normalize]).toEqual([
    32,
    0.003,
    'nfd',
  ]);
});
