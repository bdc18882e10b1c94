/** A model in training or at work: parameters, Adam's moments, and the room its passes need. */

import { Activations } from './activations.ts';
import { ADAM_DEFAULTS, type AdamConfig, adamUpdate } from './adam.ts';
import { backward } from './backward.ts';
import type { ModelConfig } from './config.ts';
import { forward, measure } from './forward.ts';
import { type Interventions, makePlan, noPlan, type Plan } from './interventions.ts';
import { Params } from './params.ts';

/** Token ids, BOS first and last. The first `block_size` predictions of it are made. */
export type Document = ArrayLike<number>;

/** All that a training run has become: enough to go on with it, bit for bit. */
export interface TrainState {
  readonly params: Params;
  /** Adam's running mean of the gradient. */
  readonly m: Params;
  /** Adam's running mean of the squared gradient. */
  readonly v: Params;
  /** Updates made so far. */
  readonly step: number;
}

/** One document read, there and back. */
export interface Trace {
  readonly config: ModelConfig;
  readonly params: Params;
  /** What it was made under; `plan` is the same, ready for look-ups. */
  readonly interventions: Interventions;
  readonly plan: Plan;
  readonly document: Document;
  readonly values: Activations;
  /** d(loss)/d(each named intermediate). */
  readonly grads: Activations;
  /** d(loss)/d(each parameter), of this document alone. */
  readonly paramGrads: Params;
  /** Mean over the predictions, nats. */
  readonly loss: number;
}

/** A state before its first step, around these initial weights. */
export function freshState(params: Params): TrainState {
  return { params, m: new Params(params.config), v: new Params(params.config), step: 0 };
}

export class Model {
  readonly config: ModelConfig;
  readonly adam: AdamConfig;
  readonly params: Params;
  readonly m: Params;
  readonly v: Params;
  /** Gradients of the last batch. */
  readonly grads: Params;
  /** Updates made. */
  step: number;
  private readonly plan: Plan;
  private values: Activations;
  private gradients: Activations;

  /**
   * @param state copied.
   * @param interventions in force in training and evaluation: the model with parts left out.
   */
  constructor(
    state: TrainState,
    adam: AdamConfig = ADAM_DEFAULTS,
    interventions: Interventions = {},
  ) {
    this.config = state.params.config;
    this.adam = adam;
    this.params = state.params.copy();
    this.m = state.m.copy();
    this.v = state.v.copy();
    this.step = state.step;
    this.grads = new Params(this.config);
    this.plan = makePlan(this.config, interventions);
    const capacity = Math.min(this.config.block_size, 16);
    this.values = new Activations(this.config, capacity);
    this.gradients = new Activations(this.config, capacity);
  }

  /**
   * One update for each batch; returns the loss of each before its update. A loss that is not
   * finite ends the call: it is the last of the list, and its update is not made.
   */
  train(batches: readonly (readonly Document[])[], learningRates: readonly number[]): number[] {
    const losses: number[] = [];
    for (let i = 0; i < batches.length; i++) {
      const loss = this.lossAndGrads(batches[i]!);
      losses.push(loss);
      if (!Number.isFinite(loss)) break;
      this.update(learningRates[i]!);
    }
    return losses;
  }

  /** The loss of a batch, the mean over its documents; its gradient is left in `grads`. */
  lossAndGrads(batch: readonly Document[]): number {
    this.grads.data.fill(0);
    const share = 1 / batch.length;
    let total = 0;
    for (const document of batch) {
      this.read(document);
      total += measure(this.values, this.plan) * share;
      backward(this.params, this.values, this.gradients, this.grads, share, this.plan);
    }
    return total;
  }

  /** Move every parameter against its gradient. */
  update(learningRate: number): void {
    this.step++;
    const { params, m, v, grads } = this;
    adamUpdate(params.data, m.data, v.data, grads.data, this.step, learningRate, this.adam);
  }

  /** -log p of each predicted token (nats), a row for each document; forward only. */
  surprises(documents: readonly Document[]): Float64Array[] {
    return documents.map((document) => {
      const count = this.read(document);
      measure(this.values, this.plan);
      return this.values.top.loss.slice(0, count);
    });
  }

  /** Start reading from an empty context, with the parameters as they are now. */
  session(interventions?: Interventions): Session {
    return new Session(
      this.params,
      interventions ? makePlan(this.config, interventions) : this.plan,
    );
  }

  /** Write all parameters, in the canonical order. */
  copyParams(into: Float32Array | Float64Array): void {
    into.set(this.params.data);
  }

  /** A copy of all that training has become. */
  state(): TrainState {
    const { params, m, v, step } = this;
    return { params: params.copy(), m: m.copy(), v: v.copy(), step };
  }

  /** Fill `values` with a document; returns the number of predictions. */
  private read(document: Document): number {
    const count = checkDocument(this.config, document);
    if (count > this.values.capacity) {
      const capacity = Math.min(this.config.block_size, Math.max(count, 2 * this.values.capacity));
      this.values = new Activations(this.config, capacity);
      this.gradients = new Activations(this.config, capacity);
    }
    load(this.values, document, count);
    forward(this.params, this.values, 0, count, this.plan);
    return count;
  }
}

/** One reading of a text, token by token; what has been read is the KV cache. */
export class Session {
  readonly params: Params;
  /** Everything computed so far, a row a position. Replaced by a larger one as the text grows. */
  values: Activations;
  private readonly plan: Plan;

  constructor(params: Params, plan = noPlan(params.config)) {
    if (plan.peek) throw new RangeError('reading token by token, there is no future to peek at');
    this.params = params;
    this.plan = plan;
    this.values = new Activations(params.config, Math.min(params.config.block_size, 16));
  }

  get length(): number {
    return this.values.length;
  }

  /** Read one more token; the logits `[vocab_size]` for the one after it (a view). */
  feed(token: number): Float64Array {
    const { block_size, vocab_size } = this.params.config;
    const position = this.values.length;
    if (!(Number.isInteger(token) && token >= 0 && token < vocab_size)) {
      throw new RangeError(`token ids must be from 0 to ${vocab_size - 1}, not ${token}`);
    }
    if (position >= block_size) {
      throw new RangeError(`the context is full: block_size is ${block_size}`);
    }
    if (position >= this.values.capacity) {
      this.values = this.values.grown(Math.min(block_size, 2 * this.values.capacity));
    }
    if (position > 0) this.values.targets[position - 1] = token;
    this.values.tokens[position] = token;
    forward(this.params, this.values, position, position + 1, this.plan);
    return this.values.row('logits', position);
  }
}

/**
 * Read one document there and back and keep everything: what the explorer shows.
 *
 * @param reuse a trace of the same shape whose arrays are filled anew, for passes at frame rate.
 */
export function trace(
  params: Params,
  document: Document,
  interventions: Interventions = {},
  reuse?: Trace,
): Trace {
  const { config } = params;
  const count = checkDocument(config, document);
  const fits = reuse && reuse.config === config && reuse.values.capacity >= count;
  const capacity = Math.min(config.block_size, Math.max(16, count));
  const values = fits ? reuse.values : new Activations(config, capacity);
  const grads = fits ? reuse.grads : new Activations(config, capacity);
  const paramGrads = fits ? reuse.paramGrads : new Params(config);
  const plan = makePlan(config, interventions);
  paramGrads.data.fill(0);
  load(values, document, count);
  forward(params, values, 0, count, plan);
  const loss = measure(values, plan);
  backward(params, values, grads, paramGrads, 1, plan);
  return { config, params, interventions, plan, document, values, grads, paramGrads, loss };
}

/** Only the loss of a document: what a finite difference needs. */
export function lossOf(
  params: Params,
  document: Document,
  interventions: Interventions = {},
): number {
  const count = checkDocument(params.config, document);
  const values = new Activations(params.config, count);
  const plan = makePlan(params.config, interventions);
  load(values, document, count);
  forward(params, values, 0, count, plan);
  return measure(values, plan);
}

/** The number of predictions; throws RangeError for a document that cannot be read. */
function checkDocument(config: ModelConfig, document: Document): number {
  if (document.length < 2) {
    throw new RangeError('a document needs at least two tokens: one to read, one to predict');
  }
  for (let i = 0; i < document.length; i++) {
    const id = document[i]!;
    if (!(Number.isInteger(id) && id >= 0 && id < config.vocab_size)) {
      throw new RangeError(`token ids must be from 0 to ${config.vocab_size - 1}`);
    }
  }
  return Math.min(document.length - 1, config.block_size);
}

function load(values: Activations, document: Document, count: number): void {
  for (let t = 0; t < count; t++) {
    values.tokens[t] = document[t]!;
    values.targets[t] = document[t + 1]!;
  }
}
