/**
 * One training run: the order of its documents, its initial weights, its steps; as `training.py`.
 *
 * The one random stream of a run, `Random(seed)`, first shuffles the documents, then draws the
 * weights tensor by tensor, row by row, and then draws the samples.
 */

import {
  learningRates,
  type ModelConfig,
  modelConfig,
  numHeldOut,
  type TrainConfig,
} from './config.ts';
import { DataError, DivergedError } from './errors.ts';
import { type Document, freshState, type TrainState } from './model.ts';
import { Params } from './params.ts';
import { formatG, repr } from './python.ts';
import { Random } from './random.ts';
import type { Tokenizer } from './tokenizer.ts';

/** Sizes of a model but for its vocabulary. */
export type Shape = Partial<Omit<ModelConfig, 'vocab_size'>>;

/** What can make the updates: `Model`, or the native kernel as WebAssembly. */
export interface Trainer {
  readonly step: number;
  /**
   * One update for each batch; returns the loss of each before its update. A loss that is not
   * finite ends the call: it is the last of the list, and its update is not made.
   */
  train(batches: readonly (readonly Document[])[], learningRates: readonly number[]): number[];
  /** Write all parameters, in the canonical order. */
  copyParams(into: Float32Array | Float64Array): void;
  /** A copy of all that training has become. */
  state(): TrainState;
  /** Give back memory that is not the collector's. */
  free?(): void;
}

/** Everything about a training run but the numbers it learns. */
export class Run {
  readonly model: ModelConfig;
  readonly training: TrainConfig;
  readonly tokenizer: Tokenizer;
  /** In the order of training; the last ones are held out. */
  readonly documents: readonly string[];
  readonly numTrain: number;
  private readonly encoded = new Map<string, number[]>();

  constructor(
    model: ModelConfig,
    training: TrainConfig,
    tokenizer: Tokenizer,
    documents: readonly string[],
    numTrain: number,
  ) {
    this.model = model;
    this.training = training;
    this.tokenizer = tokenizer;
    this.documents = documents;
    this.numTrain = numTrain;
  }

  get trainDocuments(): string[] {
    return this.documents.slice(0, this.numTrain);
  }

  /** The texts set aside by val_fraction, each once; none of them is trained on. */
  get heldOut(): string[] {
    const trained = new Set(this.documents.slice(0, this.numTrain));
    return [...new Set(this.documents.slice(this.numTrain))].filter((d) => !trained.has(d));
  }

  /** The documents of a step, counted from 0. */
  batch(step: number): string[] {
    const size = this.training.batch_size;
    return Array.from({ length: size }, (_, i) => {
      return this.documents[(step * size + i) % this.numTrain]!;
    });
  }

  /** The documents that training has read after so many steps, once each. */
  seen(steps: number): Set<string> {
    return new Set(this.documents.slice(0, this.read(steps)));
  }

  /** How many documents of the list training has read after so many steps. */
  read(steps: number): number {
    return Math.min(this.numTrain, steps * this.training.batch_size);
  }

  /** Token ids; each document is encoded once. */
  encode(document: string): number[] {
    let ids = this.encoded.get(document);
    if (!ids) {
      ids = this.tokenizer.encode(document);
      this.encoded.set(document, ids);
    }
    return ids;
  }

  /**
   * Let a trainer make the steps from `start` to below `stop`, both counted from 0; returns their
   * losses. Throws DivergedError, with the good losses in it, at the first that is not finite.
   */
  advance(trainer: Trainer, start: number, stop: number): number[] {
    const end = Math.min(stop, this.training.steps);
    const batches: number[][][] = [];
    for (let step = start; step < end; step++) {
      batches.push(this.batch(step).map((document) => this.encode(document)));
    }
    const losses = trainer.train(batches, learningRates(this.training, start, end));
    const last = losses.at(-1);
    if (last !== undefined && !Number.isFinite(last)) {
      throw new Diverged(start + losses.length, losses, this.training.learning_rate);
    }
    return losses;
  }
}

/** A DivergedError that remembers the good losses before it. */
export class Diverged extends DivergedError {
  /** The step, from 1, whose loss is not finite. */
  readonly step: number;
  readonly losses: number[];

  constructor(step: number, losses: readonly number[], learningRate: number) {
    super(
      `training diverged: the loss is ${repr(losses.at(-1))} at step ${step}; ` +
        `try a smaller learning rate than ${formatG(learningRate)}`,
    );
    this.step = step;
    this.losses = losses.slice(0, -1);
  }
}

/**
 * Shuffle the documents: all of a run but its weights, which `initial` draws.
 *
 * Throws DataError if there is nothing to train on, ConfigError for an impossible shape.
 */
export function prepare(
  documents: readonly string[],
  training: TrainConfig,
  tokenizer: Tokenizer,
  shape: Shape = {},
): Run {
  const model = modelConfig({ ...shape, vocab_size: tokenizer.vocab_size });
  const order = [...documents];
  if (!order.length) throw new DataError('there is no document to train on');
  new Random(training.seed).shuffle(order);
  const [train, heldOut] = holdOut(order, training.val_fraction);
  return new Run(model, training, tokenizer, [...train, ...heldOut], train.length);
}

/**
 * Shuffled documents in two: those to train on and the last ones, which are held out.
 *
 * Distinct texts are counted, and all copies of a text go the same way: no text is in both.
 */
function holdOut(
  order: readonly string[],
  val_fraction: number,
): [train: string[], heldOut: string[]] {
  const texts = [...new Set([...order].reverse())];
  const last = new Set(texts.slice(0, numHeldOut(texts.length, val_fraction)));
  return [order.filter((d) => !last.has(d)), order.filter((d) => last.has(d))];
}

/** Draw the weights of a run; the generator returned is ready for its samples. */
export function initial(run: Run): { state: TrainState; rng: Random } {
  const rng = new Random(run.training.seed);
  // What shuffling takes from the stream depends on the number of documents only.
  rng.shuffle(new Array(run.documents.length).fill(0));
  const params = Params.initial(run.model, rng, run.training.init_std);
  return { state: freshState(params), rng };
}

/** Both: shuffle the documents and draw the weights, as Python's `begin`. */
export function begin(
  documents: readonly string[],
  training: TrainConfig,
  tokenizer: Tokenizer,
  shape: Shape = {},
): { run: Run; state: TrainState; rng: Random } {
  const run = prepare(documents, training, tokenizer, shape);
  return { run, ...initial(run) };
}
