/** The conformance vectors, run in front of the reader: what this page computes beside Python. */

import { type Activations, isAttention } from '../../engine/activations.ts';
import { modelConfigFrom, trainConfig, trainConfigFrom } from '../../engine/config.ts';
import { freshState, Model, trace } from '../../engine/model.ts';
import { Params } from '../../engine/params.ts';
import { choose, Random } from '../../engine/random.ts';
import { distribution, generate, sampleConfig } from '../../engine/sample.ts';
import { Tokenizer } from '../../engine/tokenizer.ts';
import { Run, type Trainer } from '../../engine/train.ts';
import { type Kernel, KernelTrainer } from '../../worker/kernel.ts';

/** What computed: the model in TypeScript, or the C kernel as WebAssembly. */
export type Engine = 'model' | 'kernel';

/** One thing that was compared. */
export interface Proof {
  readonly by: Engine;
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
    readonly loss: number;
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

/**
 * Fetch the vectors and yield one proof after the other, so that a page can show them as they come:
 * first for the model in TypeScript, which every chapter shows, then for the kernel in WebAssembly,
 * which trains. Without a kernel the second part is left out.
 */
export async function* prove(base: string, kernel: Kernel | null): AsyncGenerator<Proof> {
  const tiny = await read<TinyModel>(`${base}tiny_model.json`);
  const recipe = await read<Recipe>(`${base}recipe_ten.json`);
  yield* proveTiny(tiny);
  yield* proveRecipe(recipe);
  if (!kernel) return;
  yield* proveTinyInKernel(tiny, kernel);
  yield* proveRecipeInKernel(recipe, kernel);
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
  const { run, state, rng, tokenizer } = begun(recipe);
  const model = new Model(state, run.training);
  yield* proveRun(recipe, run, model, 'model');
  const samples = new Comparison('20 sampled texts, letter for letter', 0);
  for (const text of recipe.samples) {
    const ours = generate(model.params, tokenizer, rng, sampleConfig()).text;
    samples.add(ours === text ? 0 : Number.NaN, 0);
  }
  yield samples;
}

/** A run of the recipe, ready for its first step. */
function begun(recipe: Recipe) {
  const config = modelConfigFrom(recipe.model);
  const training = trainConfigFrom(recipe.training);
  const tokenizer = new Tokenizer(recipe.data.chars, recipe.data.normalize);
  const rng = new Random(training.seed);
  rng.shuffle(Array.from({ length: recipe.data.num_documents }, (_, i) => i));
  const state = freshState(Params.initial(config, rng, training.init_std));
  const { documents } = recipe;
  const run = new Run(config, training, tokenizer, documents, documents.length);
  return { run, state, rng, tokenizer };
}

function* proveRun(recipe: Recipe, run: Run, trainer: Trainer, by: Engine): Generator<Proof> {
  const { steps } = run.training;
  const losses = new Comparison(`the loss of each of ${steps} steps`, 1e-9, by);
  losses.add(run.advance(trainer, 0, steps), recipe.losses);
  yield losses;
  const weights = new Comparison(`all weights after ${steps} steps`, 1e-9, by);
  weights.add(trainer.state().params.data, flat(recipe.params_last));
  yield weights;
}

/** What the kernel can be asked for: losses, the gradients of the parameters, and updates. */
export function* proveTinyInKernel(tiny: TinyModel, kernel: Kernel): Generator<Proof> {
  const params = new Params(modelConfigFrom(tiny.model), flat(tiny.params));
  const losses = new Comparison('the loss of three documents', 1e-12, 'kernel');
  const weights = new Comparison('the gradient of every parameter', 1e-12, 'kernel');
  const model = kernel.create(params.config);
  try {
    model.importState(fresh(params));
    for (const pass of tiny.passes) {
      const { loss, grads } = model.lossAndGrads([pass.document]);
      losses.add(loss, pass.loss);
      weights.add(grads, flat(pass.grads));
    }
  } finally {
    model.free();
  }
  yield* [losses, weights];
  const updates = new Comparison(
    'all weights after each of three updates by Adam',
    1e-12,
    'kernel',
  );
  const { beta1, beta2, eps } = tiny.adam;
  const trainer = new KernelTrainer(kernel, freshState(params), trainConfig({ beta1, beta2, eps }));
  try {
    for (const step of tiny.adam.steps) {
      trainer.train([step.documents], [step.learning_rate]);
      updates.add(trainer.state().params.data, flat(step.params));
    }
  } finally {
    trainer.free();
  }
  yield updates;
}

/** The whole run again, made by the kernel. */
export function* proveRecipeInKernel(recipe: Recipe, kernel: Kernel): Generator<Proof> {
  const { run, state, rng, tokenizer } = begun(recipe);
  const trainer = new KernelTrainer(kernel, state, run.training);
  try {
    yield* proveRun(recipe, run, trainer, 'kernel');
    const { params } = trainer.state();
    const samples = new Comparison('20 sampled texts, letter for letter', 0, 'kernel');
    const model = kernel.create(params.config);
    try {
      model.importState(fresh(params));
      for (const text of recipe.samples) {
        const ours = sampled(model, tokenizer, rng);
        samples.add(ours === text ? 0 : Number.NaN, 0);
      }
    } finally {
      model.free();
    }
    yield samples;
  } finally {
    trainer.free();
  }
}

/** As the kernel takes a state: weights, with Adam's moments at zero. */
function fresh(params: Params): { params: Float64Array; m: Float64Array; v: Float64Array } {
  const { m, v } = freshState(params);
  return { params: params.data, m: m.data, v: v.data };
}

/** One text at the recipe's temperature; takes one random number a token, as the reference does. */
function sampled(model: ReturnType<Kernel['create']>, tokenizer: Tokenizer, rng: Random): string {
  const session = model.session();
  const config = sampleConfig();
  const written: number[] = [];
  try {
    for (let token = tokenizer.bos; written.length < model.config.block_size; ) {
      token = choose(distribution(session.feed(token), config), rng.random());
      if (token === tokenizer.bos) break;
      written.push(token);
    }
  } finally {
    session.free();
  }
  return tokenizer.decode(written);
}

class Comparison implements Proof {
  readonly what: string;
  readonly by: Engine;
  readonly tolerance: number;
  count = 0;
  deviation = 0;

  constructor(what: string, tolerance: number, by: Engine = 'model') {
    this.what = what;
    this.by = by;
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
