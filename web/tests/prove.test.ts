import { expect, test } from 'vitest';
import { proveRecipe, proveTiny } from '../src/chapters/machine/prove.ts';
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
