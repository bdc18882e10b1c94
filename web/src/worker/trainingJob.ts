/** One run in the worker: its steps, what is kept of them, and how good it has become. */

import { numParams } from '../engine/config.ts';
import { meanLoss, split } from '../engine/evaluate.ts';
import { isKeyframe, isSnapshot, type Keeping, keeping } from '../engine/history.ts';
import type { Interventions } from '../engine/interventions.ts';
import { Model } from '../engine/model.ts';
import type { Run, Trainer } from '../engine/train.ts';
import {
  type Measured,
  type Order,
  type Progress,
  type Start,
  type StateData,
  stateFromData,
  stateToData,
  type Wishes,
} from './protocol.ts';
import { initialState } from './weights.ts';
import type { Post, Surroundings, Work } from './work.ts';

export class TrainingJob implements Work {
  private readonly id: number;
  private readonly run: Run;
  private readonly interventions: Interventions;
  private readonly wishes: Wishes;
  private readonly start: StateData | null;
  private readonly keep: Keeping;
  private readonly post: Post;
  /** null while it is in the making. */
  private trainer: Trainer | null = null;
  private dropped = false;
  private step: number;
  /** The last step that has a snapshot. */
  private kept = -1;
  /** Train up to this step. */
  private until: number;
  /** What was asked for has been made, and that has been said. */
  private told = true;
  private measuring: Generator<unknown, Measured> | null = null;

  constructor({ id, state, interventions, wishes }: Start, run: Run, post: Post) {
    this.id = id;
    this.run = run;
    this.start = state;
    this.interventions = interventions;
    this.wishes = wishes;
    this.post = post;
    this.step = this.until = state?.step ?? 0;
    const rule = keeping(run.model, run.training);
    const never = Number.POSITIVE_INFINITY;
    this.keep = wishes.lean ? { ...rule, every: never, keyframeEvery: never } : rule;
  }

  async begin({ makeTrainer }: Pick<Surroundings, 'makeTrainer'>): Promise<void> {
    const { run, start, interventions, wishes } = this;
    const state = start ? stateFromData(run.model, start) : initialState(run);
    const { variant = {} } = wishes;
    const { trainer, name } = await makeTrainer(state, run, interventions, variant);
    if (this.dropped) {
      trainer.free?.();
      return;
    }
    this.trainer = trainer;
    this.post({ type: 'ready', id: this.id, trainer: name });
    const begun = new Batch();
    this.record(begun, true);
    this.send(begun);
  }

  order(order: Order): void {
    const count = { train: Number.POSITIVE_INFINITY, pause: 0, step: 0 }[order.type];
    const wanted = this.step + (order.type === 'step' ? order.count : count);
    this.until = Math.min(wanted, this.keep.last);
    this.told = false;
  }

  /** Some steps; what they gave is reported even where the last one fails. */
  slice(mayGoOn: () => boolean): 'more' | 'wait' | 'over' {
    const { trainer } = this;
    if (!trainer) return 'wait';
    if (this.step < this.until) {
      const batch = new Batch();
      try {
        do {
          batch.losses.push(...this.run.advance(trainer, this.step, this.step + 1));
          this.step++;
          this.record(batch, false);
        } while (this.step < this.until && mayGoOn());
      } finally {
        if (batch.losses.length) this.send(batch);
      }
      if (this.step < this.until) return 'more';
    }
    return this.told ? 'wait' : this.idle(mayGoOn);
  }

  drop(): void {
    this.dropped = true;
    this.trainer?.free?.();
    this.trainer = null;
  }

  private idle(mayGoOn: () => boolean): 'more' | 'wait' | 'over' {
    const { id, step, wishes } = this;
    if (this.kept !== step && !wishes.lean) {
      const batch = new Batch(); // a page that pauses here shows this step
      this.record(batch, true);
      this.send(batch);
    }
    const done = step >= this.keep.last;
    let measured: Measured | null = null;
    if (done && wishes.measure) {
      this.measuring ??= this.measure();
      let next = this.measuring.next();
      while (!next.done && mayGoOn()) next = this.measuring.next();
      if (!next.done) return 'more';
      measured = next.value;
    }
    this.told = true;
    this.post({ type: 'idle', id, step, done, measured });
    return done ? 'over' : 'wait';
  }

  /** How good the run has become, on documents it has read and on others. */
  private *measure(): Generator<unknown, Measured> {
    const { run, step, wishes, interventions } = this;
    const model = new Model(this.trainer!.state(), run.training, interventions);
    const { train, heldOut } = split(run, step);
    const on = (documents: readonly string[]) =>
      meanLoss(
        model,
        documents.slice(0, wishes.measure).map((document) => run.encode(document)),
      );
    return { train: yield* on(train), heldOut: yield* on(heldOut) };
  }

  /** Keep the state as it is now: where the rule says so, or in any case. */
  private record(batch: Batch, always: boolean): void {
    const { trainer, keep, step, run } = this;
    if (!trainer) return;
    if (always || isSnapshot(keep, step)) {
      const snapshot = new Float32Array(numParams(run.model));
      trainer.copyParams(snapshot);
      batch.steps.push(step);
      batch.snapshots.push(snapshot);
      this.kept = step;
    }
    if (always || isKeyframe(keep, step)) batch.keyframes.push(stateToData(trainer.state()));
  }

  private send({ losses, steps, snapshots, keyframes }: Batch): void {
    const size = numParams(this.run.model);
    const all = new Float32Array(snapshots.length * size);
    for (const [i, snapshot] of snapshots.entries()) all.set(snapshot, i * size);
    const message: Progress = {
      type: 'progress',
      id: this.id,
      step: this.step,
      losses: Float64Array.from(losses),
      snapshotSteps: Int32Array.from(steps),
      snapshots: all,
      keyframes,
    };
    const buffers = keyframes.flatMap(({ params, m, v }) => [params.buffer, m.buffer, v.buffer]);
    this.post(message, [message.losses.buffer, all.buffer, ...buffers] as Transferable[]);
  }
}

/** The steps of one slice on their way into a message. */
class Batch {
  readonly losses: number[] = [];
  readonly steps: number[] = [];
  readonly snapshots: Float32Array[] = [];
  readonly keyframes: StateData[] = [];
}
