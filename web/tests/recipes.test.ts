import { describe, expect, test } from 'vitest';
import { modelConfigFrom, trainConfigFrom } from '../src/engine/config.ts';
import { freshState, Model } from '../src/engine/model.ts';
import { Params } from '../src/engine/params.ts';
import { Random } from '../src/engine/random.ts';
import { generate, sampleConfig } from '../src/engine/sample.ts';
import { Tokenizer } from '../src/engine/tokenizer.ts';
import { Run } from '../src/engine/train.ts';
import { distance, hasVectors, vectors } from './conformance.ts';

const recipes = ['recipe_names', 'recipe_ten', 'recipe_hindi'].filter(hasVectors);

describe.each(recipes)('%s', (file) => {
  const recipe = vectors(file);
  const config = modelConfigFrom(recipe.model);
  const training = trainConfigFrom(recipe.training);
  const tokenizer = new Tokenizer(recipe.data.chars, recipe.data.normalize);
  const rng = new Random(training.seed);
  rng.shuffle(new Array(recipe.data.num_documents).fill(''));
  const params = Params.initial(config, rng, training.init_std);
  const numTrain = recipe.documents.length;
  const run = new Run(config, training, tokenizer, recipe.documents, numTrain);
  const model = new Model(freshState(params), training);
  const flat = (tensors: Record<string, number[][]>) => Object.values(tensors).flat(2);

  test('the initial weights', () => {
    expect(tokenizer.vocab_size).toBe(config.vocab_size);
    // Python takes log, sin and cos from the C library, whose last bit is not always right.
    expect(distance(params.data, flat(recipe.params_first))).toBeLessThan(1e-15);
    model.lossAndGrads([run.encode(run.batch(0)[0]!)]);
    expect(distance(model.grads.data, flat(recipe.grads_first))).toBeLessThan(1e-12);
  });

  test('every loss, the last gradients and weights', () => {
    const losses = run.advance(model, 0, training.steps);
    expect(losses).toHaveLength(1000);
    expect(distance(losses, recipe.losses)).toBeLessThan(1e-9);
    expect(distance(model.params.data, flat(recipe.params_last))).toBeLessThan(1e-9);
    expect(distance(model.grads.data, flat(recipe.grads_last))).toBeLessThan(1e-9);
  });

  test('the twenty samples', () => {
    const config = sampleConfig({ temperature: recipe.temperature });
    const texts = Array.from({ length: 20 }, () => generate(model.params, tokenizer, rng, config));
    expect(texts.map((sample) => sample.text.normalize('NFC'))).toEqual(
      recipe.samples.map((text: string) => text.normalize('NFC')),
    );
  });
});
