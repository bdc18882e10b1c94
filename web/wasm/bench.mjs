// Microseconds a step of the seed-42 recipe, the fastest of many rounds: node web/wasm/bench.mjs

import { readFileSync } from 'node:fs';
import { loadKernel } from './kernel.mjs';

const read = (path) => readFileSync(new URL(path, import.meta.url));
const run = JSON.parse(read('../../conformance/recipe_names.json'));
const ids = new Map(run.data.chars.map((char, i) => [char, i]));
const bos = ids.size;
const batches = run.documents.map((d) => [[bos, ...[...d].map((char) => ids.get(char)), bos]]);
const rates = batches.map((_, s) => 0.01 * (1 - s / batches.length));
const params = Float64Array.from(Object.values(run.params_first).flat(2));

for (const dtype of ['float64', 'float32']) {
  const model = (await loadKernel(read(`dist/kernel-${dtype}.wasm`))).create(run.model);
  let best = Infinity;
  for (let round = 0; round < 200; round += 1) {
    model.importState({ params });
    const started = performance.now();
    model.train(batches, rates);
    best = Math.min(best, performance.now() - started);
  }
  console.log(`${dtype}: ${((best * 1000) / batches.length).toFixed(2)} µs a step`);
}
