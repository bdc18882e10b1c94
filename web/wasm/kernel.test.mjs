// The WebAssembly kernel against the vectors of the reference: node --test web/wasm/

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadKernel } from './kernel.mjs';

const read = (path) => readFileSync(new URL(path, import.meta.url));
const vectors = (name) => JSON.parse(read(`../../conformance/${name}.json`));
const bytes = { float64: read('dist/kernel-float64.wasm'), float32: read('dist/kernel-float32.wasm') };

/** Tensors in canonical order, row by row. */
const flat = (tensors) => Float64Array.from(Object.values(tensors).flat(2));

/** Within a tolerance; a float32 beside large numbers is only good to a share of the largest. */
function assertClose(actual, expected, tolerance, what) {
  assert.equal(actual.length, expected.length, what);
  if (tolerance > 1e-9) {
    tolerance *= expected.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  }
  const worst = actual.reduce((far, x, i) => Math.max(far, Math.abs(x - expected[i])), 0);
  assert.ok(worst <= tolerance, `${what}: ${worst} apart, ${tolerance} allowed`);
}

async function modelOf(dtype, config, params) {
  const model = (await loadKernel(bytes[dtype])).create(config);
  model.importState({ params: flat(params) });
  return model;
}

for (const [dtype, tolerance] of [['float64', 1e-12], ['float32', 1e-5]]) {
  test(`${dtype}: imports nothing and is small`, async () => {
    assert.deepEqual(WebAssembly.Module.imports(new WebAssembly.Module(bytes[dtype])), []);
    assert.ok(bytes[dtype].length < 80_000, `${bytes[dtype].length} bytes`);
  });

  test(`${dtype}: the tiny model, losses, gradients, logits`, async () => {
    const tiny = vectors('tiny_model');
    const model = await modelOf(dtype, tiny.model, tiny.params);
    for (const { document, loss, values, grads } of tiny.passes) {
      const result = model.lossAndGrads([document]);
      assertClose([result.loss], [loss], tolerance, 'loss');
      assertClose(result.grads, flat(grads), tolerance, 'gradients');
      const session = model.session();
      values.logits.forEach((logits, t) => {
        assertClose(session.feed(document[t]), logits, tolerance, `logits ${t}`);
      });
      session.free();
      assertClose(model.surprises([document])[0], values.loss.flat(), tolerance, 'surprises');
    }
    const batch = model.lossAndGrads(tiny.batch.documents);
    assertClose([batch.loss], [tiny.batch.loss], tolerance, 'loss of the batch');
    assertClose(batch.grads, flat(tiny.batch.grads), tolerance, 'gradients of the batch');
    model.free();
  });

  test(`${dtype}: the tiny model, three updates, then its samples`, async () => {
    const tiny = vectors('tiny_model');
    const model = await modelOf(dtype, tiny.model, tiny.params);
    for (const step of tiny.adam.steps) {
      const [loss] = model.train([step.documents], [step.learning_rate], tiny.adam);
      assertClose([loss], [step.loss], tolerance, 'loss');
      assertClose(model.exportState().params, flat(step.params), tolerance, 'weights');
    }
    const bos = tiny.model.vocab_size - 1;
    for (const { temperature, top_k, prompt, texts } of tiny.samples) {
      const uniforms = texts.flatMap((text) => text.uniforms ?? []);
      const session = model.session();
      const result = session.generate(texts.length, [bos, ...prompt], uniforms, {
        temperature,
        topK: top_k ?? 0,
      });
      const expected = texts.map(({ token_ids, finished }) =>
        [...token_ids.slice(startsWith(token_ids, prompt)), ...(finished ? [bos] : [])],
      );
      assert.deepEqual(result.texts, expected);
      assertClose(result.logProbs, texts.map((t) => t.log_prob), 10 * tolerance, 'log-probability');
      session.free();
    }
  });

  for (const name of ['recipe_names', 'recipe_ten', 'recipe_hindi']) {
    test(`${dtype}: ${name}, 1,000 steps`, async () => {
      const run = vectors(name);
      const { chars } = run.data;
      const ids = new Map(chars.map((char, i) => [char, i]));
      const bos = chars.length;
      const documents = run.documents.map((d) => [bos, ...[...d].map((char) => ids.get(char)), bos]);
      const { steps, learning_rate: first } = run.training;
      const batches = Array.from({ length: steps }, (_, s) => [documents[s % documents.length]]);
      const rates = batches.map((_, s) => first * (1 - s / steps));
      const model = await modelOf(dtype, run.model, run.params_first);
      const start = model.lossAndGrads(batches[0]);
      assertClose(start.grads, flat(run.grads_first), tolerance, 'first gradients');
      const losses = model.train(batches, rates, run.training);
      // Over a thousand steps float32 drifts; the vectors set no bound for it.
      const [long, drift] = dtype === 'float64' ? [1e-9, 1e-9] : [1e-4, 1e-3];
      assertClose(losses, run.losses, long, 'losses');
      assertClose(model.exportState().params, flat(run.params_last), drift, 'last weights');
    });
  }

  test(`${dtype}: stops at a loss that is not finite`, async () => {
    const tiny = vectors('tiny_model');
    const model = await modelOf(dtype, tiny.model, tiny.params);
    const batches = Array(4).fill([tiny.passes[0].document]);
    const losses = model.train(batches, [0.01, 1e39, 0.01, 0.01]);
    assert.equal(losses.length, 3);
    assert.ok(!Number.isFinite(losses[2]));
    assert.equal(model.exportState().step, 2);
  });

  test(`${dtype}: refuses what does not fit`, async () => {
    const kernel = await loadKernel(bytes[dtype]);
    const config = { vocab_size: 5, n_layer: 1, n_embd: 4, n_head: 2, block_size: 4 };
    const model = kernel.create(config);
    assert.throws(() => model.importState({ params: new Float64Array(3) }), RangeError);
    for (const bad of [[4], [4, 5, 4], [4, -1, 4], [4, 0.5, 4]]) {
      assert.throws(() => model.train([[bad]], [0.1]), RangeError);
    }
    const session = model.session();
    for (let i = 0; i < 4; i += 1) session.feed(0);
    assert.throws(() => session.feed(0), RangeError);
    assert.throws(() => kernel.create({ ...config, n_embd: 65536 }), RangeError);
  });
}

function startsWith(tokenIds, prompt) {
  assert.deepEqual(tokenIds.slice(0, prompt.length), prompt);
  return prompt.length;
}
