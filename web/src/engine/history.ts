/**
 * What a run looked like after each of its steps.
 *
 * Two kinds of memory. Snapshots: the parameters as float32 after every step, to show any of them
 * at once (17 MB for 1,000 steps at the default size). Keyframes: the whole state in float64 now
 * and then, from which the exact numbers of any step are trained again in milliseconds.
 */

import { type ModelConfig, numParams, type TrainConfig } from './config.ts';
import type { Interventions } from './interventions.ts';
import { Model, type TrainState } from './model.ts';
import { Params } from './params.ts';
import type { Run } from './train.ts';

const SNAPSHOT_BYTES = 24_000_000;
const KEYFRAME_BYTES = 8_000_000;
const MIN_KEYFRAME_STEPS = 50;

/** Which steps are kept. A step is a number of updates: 0 is the initial weights. */
export interface Keeping {
  /** Snapshots: every so many steps; 1 is all. */
  readonly every: number;
  /** Keyframes: every so many steps. */
  readonly keyframeEvery: number;
  /** The last step, which is always kept, as is the first. */
  readonly last: number;
}

/**
 * The rule: every step as long as the snapshots fit 24 MB, then every second, third…; a keyframe
 * every 50 steps as long as they fit 8 MB, then fewer.
 */
export function keeping(config: ModelConfig, training: TrainConfig): Keeping {
  const last = training.steps;
  const size = numParams(config);
  const every = Math.max(1, Math.ceil((last * size * 4) / SNAPSHOT_BYTES));
  const keyframes = Math.max(1, Math.floor(KEYFRAME_BYTES / (3 * 8 * size)));
  return { every, keyframeEvery: Math.max(MIN_KEYFRAME_STEPS, Math.ceil(last / keyframes)), last };
}

export function isSnapshot(keep: Keeping, step: number): boolean {
  return step % keep.every === 0 || step === keep.last;
}

export function isKeyframe(keep: Keeping, step: number): boolean {
  return step % keep.keyframeEvery === 0 || step === keep.last;
}

export class History {
  readonly run: Run;
  /** In force while the run was trained. */
  readonly interventions: Interventions;
  /** Steps that have a snapshot, ascending. */
  readonly steps: number[] = [];
  private readonly snapshots: Float32Array[] = [];
  private readonly keyframes: TrainState[] = [];

  constructor(run: Run, interventions: Interventions = {}) {
    this.run = run;
    this.interventions = interventions;
  }

  /** Updates made so far. */
  get lastStep(): number {
    return this.steps.at(-1) ?? 0;
  }

  /** Steps must come in ascending order; the array is taken over. */
  addSnapshot(step: number, params: Float32Array): void {
    this.steps.push(step);
    this.snapshots.push(params);
  }

  addKeyframe(state: TrainState): void {
    this.keyframes.push(state);
  }

  /** The step with a snapshot that is nearest to this one; of two equally near, the earlier. */
  nearestKept(step: number): number {
    const before = this.place(step);
    const [low, high] = [this.steps[before], this.steps[before + 1]];
    if (low === undefined) throw new RangeError('nothing has been kept yet');
    return high !== undefined && high - step < step - low ? high : low;
  }

  /** The parameters after a step that is kept, as float32 (a view); RangeError for any other. */
  snapshot(step: number): Float32Array {
    const place = this.place(step);
    if (this.steps[place] !== step) throw new RangeError(`step ${step} has not been kept`);
    return this.snapshots[place]!;
  }

  /** The same as Params: exact to about seven digits, at once. */
  paramsAt(step: number): Params {
    return new Params(this.run.model, Float64Array.from(this.snapshot(step)));
  }

  /** One parameter after each kept step: beside `steps`. */
  series(index: number): Float32Array {
    return Float32Array.from(this.snapshots, (params) => params[index]!);
  }

  /**
   * The whole state after a step, exactly: trained again from the keyframe before it, at the default
   * size within 5 ms. Null where no keyframe goes that far back.
   */
  stateAt(step: number): TrainState | null {
    return this.replay(step)?.state() ?? null;
  }

  /** The last state that is kept whole at or before a step. */
  keyframeBefore(step: number): TrainState | undefined {
    return this.keyframes.findLast((state) => state.step <= step);
  }

  private replay(step: number): Model | null {
    const keyframe = this.keyframeBefore(step);
    if (!keyframe || step < 0 || step > this.run.training.steps) return null;
    const model = new Model(keyframe, this.run.training, this.interventions);
    this.run.advance(model, keyframe.step, step);
    return model;
  }

  private place(step: number): number {
    let low = 0;
    let high = this.steps.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.steps[middle]! <= step) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
