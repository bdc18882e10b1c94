/** The conformance vectors, run in front of the reader: what this page computes beside Python. */

import { type Activations, isAttention } from '../../engine/activations.ts';
import { modelConfigFrom, trainConfigFrom } from '../../engine/config.ts';
import { freshState, Model, trace } from '../../engine/model.ts';
import { Params } from '../../engine/params.ts';
import { Random } from '../../engine/random.ts';
import { generate, sampleConfig } from '../../engine/sample.ts';
import { Tokenizer } from '../../engine/tokenizer.ts';
import { Run } from '../../engine/train.ts';

/** One thing that was compared. */
export interface Proof {
  readonly what: string;
  /** Numbers compared. */
  readonly count: number;
  /** Largest absolute difference; 0 where it must be exact and is. */
  readonly deviation: number;
  readonly tolerance: number;
}

type Tensors = Record<string, number[][]>;

interface TinyModel {
  readonly model: unknown;
  readonly params: Tensors;
  readonly passes: readonly {
    readonly document: number[];
    readonly values: Record<string, unknown>;
    readonly value_grads: Record<string, unknown>;
    readonly grads: Tensors;
  }[];
  readonly adam: {
    readonly beta1: number;
    readonly beta2: number;
    readonly eps: number;
    readonly steps: readonly {
      readonly documents: number[][];
      readonly learning_rate: number;
      readonly params: Tensors;
    }[];
  };
}

interface Recipe {
  readonly data: {
    readonly num_documents: number;
    readonly chars: string[];
    readonly normalize: 'none';
  };
  readonly model: unknown;
  readonly training: unknown;
  readonly documents: string[];
  readonly losses: number[];
  readonly params_last: Tensors;
  readonly samples: string[];
}

/** Fetch the vectors and yield one proof after the other, so that a page can show them as they come. */
export async function* prove(base: string): AsyncGenerator<Proof> {
  const tiny = await read<TinyModel>(`${base}tiny_model.json`);
  yield* proveTiny(tiny);
  const recipe = await read<Recipe>(`${base}recipe_ten.json`);
  yield* proveRecipe(recipe);
}

async function read<T>(url: string): Promise<T> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return (await response.json()) as T;
}

export function* proveTiny(tiny: TinyModel): Generator<Proof> {
  const config = modelConfigFrom(tiny.model);
  const params = new Params(config, flat(tiny.params));
  const values = new Comparison('every intermediate of three documents', 1e-12);
  const grads = new Comparison('the gradient of every intermediate', 1e-12);
  const weights = new Comparison('the gradient of every parameter', 1e-12);
  for (const pass of tiny.passes) {
    const seen = trace(params, pass.document);
    for (const [name, numbers] of Object.entries(pass.values)) {
      values.add(rows(seen.values, name), numbers);
    }
    for (const [name, numbers] of Object.entries(pass.value_grads)) {
      grads.add(rows(seen.grads, name), numbers);
    }
    weights.add(seen.paramGrads.data, flat(pass.grads));
  }
  yield* [values, grads, weights];
  const updates = new Comparison('all weights after each of three updates by Adam', 1e-12);
  const model = new Model(freshState(params), tiny.adam);
  for (const step of tiny.adam.steps) {
    model.train([step.documents], [step.learning_rate]);
    updates.add(model.params.data, flat(step.params));
  }
  yield updates;
}

/** A whole run from its seed: the stream of random numbers, a thousand steps, twenty samples. */
export function* proveRecipe(recipe: Recipe): Generator<Proof> {
  const config = modelConfigFrom(recipe.model);
  const training = trainConfigFrom(recipe.training);
  const tokenizer = new Tokenizer(recipe.data.chars, recipe.data.normalize);
  const rng = new Random(training.seed);
  rng.shuffle(Array.from({ length: recipe.data.num_documents }, (_, i) => i));
  const state = freshState(Params.initial(config, rng, training.init_std));
  const { documents } = recipe;
  const run = new Run(config, training, tokenizer, documents, documents.length);
  const model = new Model(state, training);
  const losses = new Comparison(`the loss of each of ${training.steps} steps`, 1e-9);
  losses.add(run.advance(model, 0, training.steps), recipe.losses);
  yield losses;
  const weights = new Comparison(`all weights after ${training.steps} steps`, 1e-9);
  weights.add(model.params.data, flat(recipe.params_last));
  yield weights;
  const samples = new Comparison('20 sampled texts, letter for letter', 0);
  for (const text of recipe.samples) {
    const ours = generate(model.params, tokenizer, rng, sampleConfig()).text;
    samples.add(ours === text ? 0 : Number.NaN, 0);
  }
  yield samples;
}

class Comparison implements Proof {
  readonly what: string;
  readonly tolerance: number;
  count = 0;
  deviation = 0;

  constructor(what: string, tolerance: number) {
    this.what = what;
    this.tolerance = tolerance;
  }

  /** Two nested lists; a difference in shape counts as not a number. */
  add(ours: unknown, theirs: unknown): void {
    if (typeof ours === 'number' && typeof theirs === 'number') {
      this.count++;
      const difference = Math.abs(ours - theirs);
      const worse = !(difference <= this.deviation) && !Number.isNaN(this.deviation);
      if (worse) this.deviation = difference;
      return;
    }
    const [a, b] = [ours, theirs].map((list) => Array.from(list as ArrayLike<unknown>));
    if (a!.length !== b!.length) this.deviation = Number.NaN;
    a!.forEach((x, i) => {
      this.add(x, b![i]);
    });
  }
}

/** As the vectors write it: [position][i] or [head][query][key <= query]. */
function rows(a: Activations, name: string): unknown {
  const of = (head: number) => Array.from({ length: a.length }, (_, t) => a.row(name, t, head));
  return isAttention(name) ? Array.from({ length: a.config.n_head }, (_, h) => of(h)) : of(0);
}

function flat(tensors: Tensors): Float64Array {
  return Float64Array.from(Object.values(tensors).flat(2));
}
