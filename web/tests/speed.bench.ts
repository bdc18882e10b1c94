import { bench, describe } from 'vitest';
import { trainConfig } from '../src/engine/config.ts';
import { Model, trace } from '../src/engine/model.ts';
import { Tokenizer } from '../src/engine/tokenizer.ts';
import { begin } from '../src/engine/train.ts';
import { vectors } from './conformance.ts';

const { documents } = vectors('recipe_names');
const tokenizer = Tokenizer.fromDocuments(documents);
const training = trainConfig();
const { run, state } = begin(documents, training, tokenizer);

describe('default size', () => {
  bench('1,000 steps', () => void run.advance(new Model(state, training), 0, 1000), {
    iterations: 10,
  });
  bench('one trace', () => void trace(state.params, run.encode('charlotte')));
});

describe('width 64', () => {
  const wide = begin(documents, training, tokenizer, { n_embd: 64 });
  bench('100 steps', () => void wide.run.advance(new Model(wide.state, training), 0, 100), {
    iterations: 5,
  });
});
