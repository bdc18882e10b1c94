/** The page's side of a job: steer a run and have its history grow here, or follow a computation. */

import { GlassError } from '../engine/errors.ts';
import { History } from '../engine/history.ts';
import type { Interventions } from '../engine/interventions.ts';
import type { TrainState } from '../engine/model.ts';
import type { Run } from '../engine/train.ts';
import {
  type FromWorker,
  type Measured,
  type Progress,
  stateFromData,
  type ToWorker,
  type TrainerName,
  type Wishes,
} from './protocol.ts';

export type JobStatus = 'starting' | 'training' | 'paused' | 'done' | 'failed' | 'stopped';

/** What a page is told of a job; all are optional. */
export interface JobEvents {
  /** Some steps were made: `history` and `losses` have grown. */
  onProgress?(job: Job): void;
  onStatus?(job: Job): void;
}

export interface JobOptions extends JobEvents, Wishes {
  /** Go on from here, for instance a step of another run, perhaps edited; else from the start. */
  readonly state?: TrainState;
  /** Train the model with parts left out. */
  readonly interventions?: Interventions;
  /** Wait for `train()` or `step()`; otherwise training begins at once. */
  readonly paused?: boolean;
}

/** One run in the worker. */
export class Job {
  readonly id: number;
  readonly run: Run;
  readonly history: History;
  /** The step it began from: 0, or that of the state given. */
  firstStep = 0;
  /** Updates made so far. */
  step = 0;
  /** Of step `firstStep + 1`, `firstStep + 2`…, before its update. */
  readonly losses: number[] = [];
  status: JobStatus = 'starting';
  /** One line, if it failed. */
  error = '';
  /** Whether it failed because the loss was no longer a finite number. */
  diverged = false;
  /** How good it has become, if that was asked for; null before the end. */
  measured: Measured | null = null;
  /** What makes the steps; null until it is known. */
  trainer: TrainerName | null = null;
  /** Resolves when the schedule is at its end, or the job was stopped; rejects if it failed. */
  readonly finished: Promise<void>;
  private readonly events: JobEvents;
  private readonly send: (message: ToWorker) => void;
  private finish: () => void = () => {};
  private giveUp: (error: Error) => void = () => {};

  constructor(id: number, run: Run, options: JobOptions, send: (message: ToWorker) => void) {
    this.id = id;
    this.run = run;
    this.history = new History(run, options.interventions);
    this.firstStep = this.step = options.state?.step ?? 0;
    this.events = options;
    this.send = send;
    this.finished = new Promise((resolve, reject) => {
      this.finish = resolve;
      this.giveUp = reject;
    });
    this.finished.catch(() => {}); // a page that only watches `status` need not handle it
  }

  /** Train until the end of the schedule, or until told otherwise. */
  train(): void {
    this.order({ type: 'train', id: this.id });
  }

  /** Make so many steps, then pause. */
  makeSteps(count = 1): void {
    this.order({ type: 'step', id: this.id, count });
  }

  pause(): void {
    if (this.isOver) return;
    this.send({ type: 'pause', id: this.id });
  }

  /** For good; what was trained stays in `history`. */
  stop(): void {
    if (this.isOver) return;
    this.send({ type: 'stop', id: this.id });
    this.become('stopped');
    this.finish();
  }

  get isOver(): boolean {
    return this.status === 'done' || this.status === 'failed' || this.status === 'stopped';
  }

  /** A message of the worker about this run. */
  receive(message: FromWorker): void {
    if (this.status === 'stopped') return;
    switch (message.type) {
      case 'ready':
        this.trainer = message.trainer;
        break;
      case 'progress':
        this.add(message);
        this.events.onProgress?.(this);
        break;
      case 'idle':
        this.measured = message.measured;
        this.become(message.done ? 'done' : 'paused');
        if (message.done) this.finish();
        break;
      case 'failed':
        this.diverged = message.kind === 'DivergedError';
        this.fail(message.error);
    }
  }

  /** Give up with one line; what was trained stays in `history`. */
  fail(error: string): void {
    if (this.isOver) return;
    this.error = error;
    this.become('failed');
    this.giveUp(new GlassError(error));
  }

  private add({ step, losses, snapshotSteps, snapshots, keyframes }: Progress): void {
    this.step = step;
    // An order may have crossed the message that the worker was idle.
    if (losses.length && this.status === 'paused') this.become('training');
    for (const loss of losses) this.losses.push(loss);
    const size = snapshots.length / snapshotSteps.length;
    snapshotSteps.forEach((kept, i) => {
      this.history.addSnapshot(kept, snapshots.subarray(i * size, (i + 1) * size));
    });
    for (const keyframe of keyframes) {
      this.history.addKeyframe(stateFromData(this.run.model, keyframe));
    }
  }

  private order(message: ToWorker): void {
    if (this.isOver) return;
    this.send(message);
    this.become('training');
  }

  private become(status: JobStatus): void {
    this.status = status;
    this.events.onStatus?.(this);
  }
}

/** Something that is worked out in a worker; `onNews` tells that more of it is known. */
export class Computation<Y, R> {
  readonly id: number;
  status: 'running' | 'done' | 'failed' | 'stopped' = 'running';
  /** The newest of what it has yielded. */
  soFar: Y | null = null;
  value: R | null = null;
  /** One line, if it failed. */
  error = '';
  /** What it comes to; null if it was stopped; rejects if it failed. */
  readonly finished: Promise<R | null>;
  private readonly send: (message: ToWorker) => void;
  private readonly onNews: ((work: Computation<Y, R>) => void) | undefined;
  private finish: (value: R | null) => void = () => {};
  private giveUp: (error: Error) => void = () => {};

  constructor(
    id: number,
    send: (message: ToWorker) => void,
    onNews?: (work: Computation<Y, R>) => void,
  ) {
    this.id = id;
    this.send = send;
    this.onNews = onNews;
    this.finished = new Promise((resolve, reject) => {
      this.finish = resolve;
      this.giveUp = reject;
    });
    this.finished.catch(() => {}); // whoever watches `status` need not handle it
  }

  get isOver(): boolean {
    return this.status !== 'running';
  }

  stop(): void {
    if (this.isOver) return;
    this.status = 'stopped';
    this.send({ type: 'stop', id: this.id });
    this.finish(null);
  }

  receive(message: FromWorker): void {
    if (this.isOver) return;
    if (message.type === 'failed') this.fail(message.error);
    if (message.type !== 'value') return;
    if (message.done) {
      this.status = 'done';
      this.value = message.value as R;
      this.finish(this.value);
    } else this.soFar = message.value as Y;
    this.onNews?.(this);
  }

  fail(error: string): void {
    if (this.isOver) return;
    this.status = 'failed';
    this.error = error;
    this.giveUp(new GlassError(error));
    this.onNews?.(this);
  }
}
