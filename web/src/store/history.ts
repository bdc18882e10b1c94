/** Parameters after the steps of a run, as the worker keeps them: float32, thinned for long runs. */

import type { ModelConfig } from '../engine/config.ts';
import { Params } from '../engine/params.ts';

export class History {
  readonly config: ModelConfig;
  /** Steps that are kept, ascending; 0 is the initial weights. */
  readonly steps: readonly number[];
  private readonly snapshots: readonly Float32Array[];

  constructor(config: ModelConfig, steps: readonly number[], snapshots: readonly Float32Array[]) {
    this.config = config;
    this.steps = steps;
    this.snapshots = snapshots;
  }

  /** After the last kept step that is not beyond this one. */
  paramsAt(step: number): Params {
    let low = 0;
    let high = this.steps.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.steps[middle]! <= step) low = middle;
      else high = middle - 1;
    }
    return new Params(this.config, Float64Array.from(this.snapshots[low]!));
  }
}
