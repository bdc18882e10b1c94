import { existsSync, readFileSync } from 'node:fs';
import { bench, describe } from 'vitest';
import { trainConfig } from '../src/engine/config.ts';
import { Model, trace } from '../src/engine/model.ts';
import { Tokenizer } from '../src/engine/tokenizer.ts';
import { begin, initial } from '../src/engine/train.ts';
import { fetchKernel, KernelTrainer } from '../src/worker/kernel.ts';
import { vectors } from './conformance.ts';

const { documents } = vectors('recipe_names');
const tokenizer = Tokenizer.fromDocuments(documents);
const training = trainConfig();
const { run, state } = begin(documents, training, tokenizer);

describe('default size', () => {
  bench('1,000 steps', () => void run.advance(new Model(state, training), 0, 1000), {
    iterations: 10,
  });
  bench('initial weights', () => void initial(run));
  bench('one trace', () => void trace(state.params, run.encode('charlotte')));
});

const wasm = new URL('../wasm/dist/kernel-float64.wasm', import.meta.url);
const kernel = existsSync(wasm) ? await fetchKernel(readFileSync(wasm)) : null;

describe.skipIf(!kernel)('kernel as WebAssembly', () => {
  bench('1,000 steps', () => {
    const trainer = new KernelTrainer(kernel!, state, training);
    run.advance(trainer, 0, 1000);
    trainer.free();
  });

  const snapshot = new Float32Array(state.params.data.length);
  bench('1,000 steps, each with a snapshot', () => {
    const trainer = new KernelTrainer(kernel!, state, training);
    for (let step = 0; step < 1000; step++) {
      run.advance(trainer, step, step + 1);
      trainer.copyParams(snapshot);
    }
    trainer.free();
  });
});

describe('width 64', () => {
  const wide = begin(documents, training, tokenizer, { n_embd: 64 });
  bench('100 steps', () => void wide.run.advance(new Model(wide.state, training), 0, 100), {
    iterations: 5,
  });
});
