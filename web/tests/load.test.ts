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
