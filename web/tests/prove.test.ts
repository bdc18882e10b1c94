import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  proveRecipe,
  proveRecipeInKernel,
  proveTiny,
  proveTinyInKernel,
} from '../src/chapters/machine/prove.ts';
import { modelConfigFrom, numParams } from '../src/engine/config.ts';
import { fetchKernel } from '../src/worker/kernel.ts';
import { vectors } from './conformance.ts';

test('what the page proves before the reader holds, and counts what it says', () => {
  const proofs = [...proveTiny(vectors('tiny_model')), ...proveRecipe(vectors('recipe_ten'))];
  for (const { what, count, deviation, tolerance } of proofs) {
    expect(deviation, what).toBeLessThanOrEqual(tolerance);
    expect(count, what).toBeGreaterThanOrEqual(20);
  }
  expect(proofs).toHaveLength(7);
});

test('a wrong number is found', () => {
  const tiny = structuredClone(vectors('tiny_model'));
  tiny.passes[1].values['layer1.q'][0][3] += 1e-9;
  const [values, grads] = [...proveTiny(tiny)];
  expect(values!.deviation).toBeGreaterThan(values!.tolerance);
  expect(grads!.deviation).toBeLessThanOrEqual(grads!.tolerance);
  const ten = structuredClone(vectors('recipe_ten'));
  ten.samples[7] = 'emmy';
  expect([...proveRecipe(ten)].at(-1)!.deviation).toBeNaN();
});

const wasm = new URL('../wasm/dist/kernel-float64.wasm', import.meta.url);

test.skipIf(!existsSync(wasm))('the kernel that trains is held to the same vectors', async () => {
  const kernel = await fetchKernel(readFileSync(wasm));
  const ten = vectors('recipe_ten');
  const tiny = structuredClone(vectors('tiny_model'));
  const size = numParams(modelConfigFrom(tiny.model));
  const proofs = [...proveTinyInKernel(tiny, kernel), ...proveRecipeInKernel(ten, kernel)];
  expect(proofs.map(({ count }) => count)).toEqual([
    ...[tiny.passes.length, 3 * size, 3 * size, 1000, 3872, 20],
  ]);
  for (const { by, what, deviation, tolerance } of proofs) {
    expect(by).toBe('kernel');
    expect(deviation, what).toBeLessThanOrEqual(tolerance);
  }
  tiny.passes[0].grads.wte[0][0] += 1e-9;
  const [losses, weights] = [...proveTinyInKernel(tiny, kernel)];
  expect(losses!.deviation).toBeLessThanOrEqual(losses!.tolerance);
  expect(weights!.deviation).toBeGreaterThan(weights!.tolerance);
});
