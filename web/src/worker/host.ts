/**
 * The worker's side: one run at a time, trained a slice at a time, so that a message is never
 * waited for longer than a slice and a step take.
 */

import { numParams } from '../engine/config.ts';
import { isKeyframe, isSnapshot, type Keeping, keeping } from '../engine/history.ts';
import type { Interventions } from '../engine/interventions.ts';
import type { TrainState } from '../engine/model.ts';
import { initial, type Run, type Trainer } from '../engine/train.ts';
import {
  type FromWorker,
  type Port,
  type Progress,
  runFromData,
  type StateData,
  stateFromData,
  stateToData,
  type ToWorker,
  type TrainerName,
} from './protocol.ts';

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
  ) => Promise<{ trainer: Trainer; name: TrainerName }>;
}

interface Job {
  readonly id: number;
  readonly run: Run;
  readonly trainer: Trainer;
  readonly keep: Keeping;
  step: number;
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
    const { id } = message;
    const run = runFromData(message.run);
    const state = message.state ? stateFromData(run.model, message.state) : initial(run).state;
    const { trainer, name } = await this.around.makeTrainer(state, run, message.interventions);
    if (id !== this.current) {
      trainer.free?.(); // a later run was asked for in the meantime
      return;
    }
    const keep = keeping(run.model, run.training);
    const job = { id, run, trainer, keep, step: state.step, until: state.step, scheduled: false };
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
    this.post({ type: 'idle', id: job.id, step: job.step, done: job.step >= job.keep.last });
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
