/** What the page and its workers say to each other. */

import type { ModelConfig, TrainConfig } from '../engine/config.ts';
import type { Loss } from '../engine/evaluate.ts';
import type { Interventions } from '../engine/interventions.ts';
import type { TrainState } from '../engine/model.ts';
import { Params } from '../engine/params.ts';
import { Tokenizer, type TokenizerData } from '../engine/tokenizer.ts';
import { Run } from '../engine/train.ts';

/** A run as plain data. Its documents are sent once, before it, and named by a number. */
export interface RunData {
  readonly model: ModelConfig;
  readonly training: TrainConfig;
  readonly tokenizer: TokenizerData;
  /** In the order of training. */
  readonly documents: number;
  readonly numTrain: number;
}

/** A training state as plain data, each array `[num_params]`. */
export interface StateData {
  readonly params: Float64Array;
  readonly m: Float64Array;
  readonly v: Float64Array;
  readonly step: number;
}

/** What a trainer does otherwise than the recipe says. */
export interface Variant {
  /** The learning rate stays what it is at the first step. */
  readonly constantRate?: boolean;
  /** Adam's means are used as they are, too small at first. */
  readonly noBiasCorrection?: boolean;
  /** Gradients pile up from step to step. */
  readonly neverZeroed?: boolean;
  /** Each parameter moves by the learning rate times its gradient, without Adam. */
  readonly sgd?: boolean;
  /** `=` instead of `+=` in `backward`: of all paths to a number only the last one counts. */
  readonly assigned?: boolean;
}

/** What is wanted of a run besides its steps. */
export interface Wishes {
  /** Make the updates otherwise than the recipe says. */
  readonly variant?: Variant;
  /** Keep the first and the last state only; else every step can be looked at later. */
  readonly lean?: boolean;
  /** At the end measure the loss on up to so many documents read, and on as many unread ones. */
  readonly measure?: number;
}

/** Nats a character; null where there are no such documents. */
export interface Measured {
  readonly train: Loss | null;
  readonly heldOut: Loss | null;
}

/** Orders to a training job. */
export type Order =
  /** Train until the end of the schedule, or until told otherwise. */
  | { readonly type: 'train'; readonly id: number }
  /** Make so many steps, then wait. */
  | { readonly type: 'step'; readonly id: number; readonly count: number }
  | { readonly type: 'pause'; readonly id: number };

export interface Start {
  readonly type: 'start';
  readonly id: number;
  readonly run: RunData;
  /** Without a state the run starts from its initial weights. */
  readonly state: StateData | null;
  readonly interventions: Interventions;
  readonly wishes: Wishes;
}

/** Work out something by its name, see `tasks.ts`. */
export interface Compute {
  readonly type: 'compute';
  readonly id: number;
  readonly task: string;
  readonly args: object;
}

/** `id` is the job's. A worker can have several jobs; they take turns. */
export type ToWorker =
  /** Keep a list of documents under a number, for the runs that follow. */
  | { readonly type: 'documents'; readonly key: number; readonly list: readonly string[] }
  | { readonly type: 'forget'; readonly key: number }
  | Start
  | Compute
  | Order
  /** Drop a job. */
  | { readonly type: 'stop'; readonly id: number };

export type FromWorker =
  /** The run is ready; `trainer` says what will make its steps. */
  | { readonly type: 'ready'; readonly id: number; readonly trainer: TrainerName }
  | Progress
  /** No step will be made until the next message: paused, or at the end of the schedule. */
  | {
      readonly type: 'idle';
      readonly id: number;
      readonly step: number;
      readonly done: boolean;
      /** At the end of the schedule, where it was asked for. */
      readonly measured: Measured | null;
    }
  /** What a computation has come to so far or, when it is done, in the end. */
  | { readonly type: 'value'; readonly id: number; readonly value: unknown; readonly done: boolean }
  /** One line; the steps before the failure have been reported. */
  | { readonly type: 'failed'; readonly id: number; readonly error: string; readonly kind: string }
  /** A job that was to be dropped is gone. */
  | { readonly type: 'stopped'; readonly id: number };

export type TrainerName = 'kernel' | 'model' | 'scalar';

/** Steps made since the last message. Its arrays are handed over, not copied. */
export interface Progress {
  readonly type: 'progress';
  readonly id: number;
  /** Updates made so far. */
  readonly step: number;
  /** Of the steps made, before the update of each; the last is that of step `step`. */
  readonly losses: Float64Array;
  /** The steps that have a snapshot, and the snapshots, one after the other. */
  readonly snapshotSteps: Int32Array;
  readonly snapshots: Float32Array;
  readonly keyframes: readonly StateData[];
}

/** The side of a Worker, of `self` inside it, or of a MessagePort that both use. */
export interface Port<Out, In> {
  postMessage(message: Out, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: { data: In }) => void): void;
}

export function runToData(run: Run, documents: number): RunData {
  const { model, training, tokenizer, numTrain } = run;
  return { model, training, tokenizer: tokenizer.toData(), documents, numTrain };
}

export function runFromData(data: RunData, documents: readonly string[]): Run {
  const tokenizer = Tokenizer.fromData(data.tokenizer);
  return new Run(data.model, data.training, tokenizer, documents, data.numTrain);
}

export function stateToData({ params, m, v, step }: TrainState): StateData {
  return { params: params.data, m: m.data, v: v.data, step };
}

export function stateFromData(config: ModelConfig, { params, m, v, step }: StateData): TrainState {
  const wrap = (data: Float64Array) => new Params(config, data);
  return { params: wrap(params), m: wrap(m), v: wrap(v), step };
}
