/**
 * The worker's side: one run at a time, trained a slice at a time, so that a message is never
 * waited for longer than a slice and a step take.
 */

import { numParams } from '../engine/config.ts';
import { modelLoss, split } from '../engine/evaluate.ts';
import { isKeyframe, isSnapshot, type Keeping, keeping } from '../engine/history.ts';
import type { Interventions } from '../engine/interventions.ts';
import { Model, type TrainState } from '../engine/model.ts';
import type { Run, Trainer } from '../engine/train.ts';
import {
  type FromWorker,
  type Measured,
  type Port,
  type Progress,
  runFromData,
  type StateData,
  stateFromData,
  stateToData,
  type ToWorker,
  type TrainerName,
  type Variant,
  type Wishes,
} from './protocol.ts';
import { initialState } from './weights.ts';

/** Training goes on for so long before messages are looked at. */
export const SLICE_MS = 16;

export interface Surroundings {
  /** Call back after waiting messages have been handled. */
  readonly defer: (work: () => void) => void;
  readonly now: () => number;
  /** Chooses what makes the steps. */
  readonly makeTrainer: (
    state: TrainState,
    run: Run,
    interventions: Interventions,
    variant: Variant,
  ) => Promise<{ trainer: Trainer; name: TrainerName }>;
}

interface Job {
  readonly id: number;
  readonly run: Run;
  readonly trainer: Trainer;
  readonly keep: Keeping;
  readonly interventions: Interventions;
  readonly wishes: Wishes;
  step: number;
  /** The last step that has a snapshot. */
  kept: number;
  /** Train up to this step. */
  until: number;
  /** Whether a slice is waiting for its turn. */
  scheduled: boolean;
}

export class Host {
  private readonly port: Port<FromWorker, ToWorker>;
  private readonly around: Surroundings;
  private job: Job | null = null;
  /** Of the run asked for last; its job may still be in the making. */
  private current = -1;
  /** Steps asked for while the job was in the making. */
  private wanted = 0;

  constructor(port: Port<FromWorker, ToWorker>, around: Surroundings) {
    this.port = port;
    this.around = around;
    port.addEventListener('message', ({ data }) => this.receive(data));
  }

  private receive(message: ToWorker): void {
    if (message.type === 'start') {
      this.drop();
      this.current = message.id;
      this.wanted = 0;
      this.start(message).catch((error: unknown) => this.fail(message.id, error));
      return;
    }
    if (message.id !== this.current) return;
    const step = this.job?.step ?? 0;
    if (message.type === 'stop') {
      this.drop();
      this.current = -1;
      return;
    }
    const count = { train: Number.POSITIVE_INFINITY, pause: 0, step: 0 }[message.type];
    this.wanted = message.type === 'step' ? message.count : count;
    this.trainUntil(step + this.wanted);
  }

  private async start(message: Extract<ToWorker, { type: 'start' }>): Promise<void> {
    const { id, interventions, wishes } = message;
    const run = runFromData(message.run);
    const state = message.state ? stateFromData(run.model, message.state) : initialState(run);
    const { variant = {} } = wishes;
    const { trainer, name } = await this.around.makeTrainer(state, run, interventions, variant);
    if (id !== this.current) {
      trainer.free?.(); // a later run was asked for in the meantime
      return;
    }
    const { step } = state;
    const rule = keeping(run.model, run.training);
    const never = Number.POSITIVE_INFINITY;
    const keep = wishes.lean ? { ...rule, every: never, keyframeEvery: never } : rule;
    const parts = { id, run, trainer, keep, interventions, wishes };
    const job = { ...parts, step, kept: -1, until: step, scheduled: false };
    this.job = job;
    this.post({ type: 'ready', id, trainer: name });
    const begun = new Slice(job);
    begun.keep(true);
    this.post(...begun.message());
    this.trainUntil(state.step + this.wanted);
  }

  private trainUntil(step: number): void {
    const { job } = this;
    if (!job) return;
    job.until = Math.min(step, job.keep.last);
    if (job.step < job.until) this.schedule(job);
    else if (!job.scheduled) this.idle(job);
  }

  private schedule(job: Job): void {
    if (job.scheduled) return;
    job.scheduled = true;
    this.around.defer(() => {
      job.scheduled = false;
      if (job !== this.job) return;
      try {
        this.slice(job);
      } catch (error) {
        this.fail(job.id, error);
      }
    });
  }

  /** Some steps; what they gave is reported even where the last one fails. */
  private slice(job: Job): void {
    const slice = new Slice(job);
    const end = this.around.now() + SLICE_MS;
    try {
      while (job.step < job.until && this.around.now() < end) slice.step();
    } finally {
      if (slice.losses.length) this.post(...slice.message());
    }
    if (job.step < job.until) this.schedule(job);
    else this.idle(job);
  }

  private idle(job: Job): void {
    const { id, step } = job;
    if (job.kept !== step && !job.wishes.lean) {
      const slice = new Slice(job); // a page that pauses here shows this step
      slice.keep(true);
      this.post(...slice.message());
    }
    const done = step >= job.keep.last;
    if (!done || !job.wishes.measure) {
      this.post({ type: 'idle', id, step, done, measured: null });
      return;
    }
    // The steps are on their way; an order that came in the meantime goes before this.
    job.scheduled = true;
    this.around.defer(() => {
      job.scheduled = false;
      if (job === this.job) this.post({ type: 'idle', id, step, done, measured: measure(job) });
    });
  }

  private fail(id: number, error: unknown): void {
    if (id !== this.current) return;
    this.drop();
    this.current = -1;
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    this.post({ type: 'failed', id, error: message, kind: name });
  }

  private drop(): void {
    this.job?.trainer.free?.();
    this.job = null;
  }

  private post(message: FromWorker, transfer: Transferable[] = []): void {
    this.port.postMessage(message, transfer);
  }
}

/** How good the run has become, on documents it has read and on others. */
function measure({ run, trainer, interventions, step, wishes }: Job): Measured {
  const model = new Model(trainer.state(), run.training, interventions);
  const { train, heldOut } = split(run, step);
  const lossOn = (documents: readonly string[]) =>
    modelLoss(
      model,
      documents.slice(0, wishes.measure).map((document) => run.encode(document)),
    );
  return { train: lossOn(train), heldOut: lossOn(heldOut) };
}

/** The steps of one slice on their way into a message. */
class Slice {
  readonly losses: number[] = [];
  private readonly job: Job;
  private readonly steps: number[] = [];
  private readonly snapshots: Float32Array[] = [];
  private readonly keyframes: StateData[] = [];

  constructor(job: Job) {
    this.job = job;
  }

  /** Make one step. */
  step(): void {
    const { job } = this;
    this.losses.push(...job.run.advance(job.trainer, job.step, job.step + 1));
    job.step++;
    this.keep(false);
  }

  /** Keep the state as it is now: where the rule says so, or in any case. */
  keep(always: boolean): void {
    const { trainer, keep, step, run } = this.job;
    if (always || isSnapshot(keep, step)) {
      const snapshot = new Float32Array(numParams(run.model));
      trainer.copyParams(snapshot);
      this.steps.push(step);
      this.job.kept = step;
      this.snapshots.push(snapshot);
    }
    if (always || isKeyframe(keep, step)) this.keyframes.push(stateToData(trainer.state()));
  }

  message(): [Progress, Transferable[]] {
    const { id, step, run } = this.job;
    const size = numParams(run.model);
    const snapshots = new Float32Array(this.snapshots.length * size);
    for (const [i, snapshot] of this.snapshots.entries()) snapshots.set(snapshot, i * size);
    const losses = Float64Array.from(this.losses);
    const { keyframes } = this;
    const buffers = keyframes.flatMap(({ params, m, v }) => [params.buffer, m.buffer, v.buffer]);
    return [
      {
        type: 'progress',
        id,
        step,
        losses,
        snapshotSteps: Int32Array.from(this.steps),
        snapshots,
        keyframes,
      },
      [losses.buffer, snapshots.buffer, ...buffers] as Transferable[],
    ];
  }
}
