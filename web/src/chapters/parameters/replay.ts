/**
 * A run once more from its start, to know what a page does not keep of it: the weights before the
 * first step, and Adam's moments after any. Works in slices, so that the page stays at hand.
 */

import { learningRate, numParams } from '../../engine/config.ts';
import { freshState, Model, type TrainState } from '../../engine/model.ts';
import { Params } from '../../engine/params.ts';
import { Random } from '../../engine/random.ts';
import { recordUpdate, type Update } from '../../engine/scene.ts';
import type { Run } from '../../engine/train.ts';

const SLICE = 8; // ms of work before others have their turn
const WEIGHTS_A_LOOK = 256; // drawn between two looks at the clock
const MEMORY = 16e6; // bytes of states kept to start from again
const MOST_KEPT = 20;

export type Progress = (made: number, of: number) => void;

/** Gives way to whatever waits: input, drawing, other timers. */
export type Pause = () => Promise<void>;

const nextTask: Pause = () => new Promise((resolve) => setTimeout(resolve, 0));

export class Replay {
  private readonly run: Run;
  private readonly pause: Pause;
  private initial: Promise<Params> | null = null;
  private readonly kept = new Map<number, TrainState>();
  private readonly between: number;

  constructor(run: Run, pause: Pause = nextTask) {
    this.run = run;
    this.pause = pause;
    const bytes = 3 * 8 * numParams(run.model);
    const most = Math.max(1, Math.min(MOST_KEPT, Math.floor(MEMORY / bytes)));
    this.between = Math.ceil(run.training.steps / most);
  }

  /** The weights before the first step. */
  initialWeights(): Promise<Params> {
    this.initial ??= this.draw();
    return this.initial;
  }

  /** All of the training after so many steps; null if given up on the way. */
  async stateAt(step: number, signal: AbortSignal, progress: Progress): Promise<TrainState | null> {
    const { run } = this;
    const from = Math.max(0, ...[...this.kept.keys()].filter((known) => known <= step));
    const start = this.kept.get(from) ?? freshState(await this.initialWeights());
    const model = new Model(start, run.training);
    let until = performance.now() + SLICE;
    while (model.step < step) {
      if (signal.aborted) return null;
      if (performance.now() >= until) {
        progress(model.step, step);
        await this.pause();
        until = performance.now() + SLICE;
        continue;
      }
      run.advance(model, model.step, model.step + 1);
      if (model.step % this.between === 0 && !this.kept.has(model.step)) {
        this.kept.set(model.step, model.state());
      }
    }
    return signal.aborted ? null : model.state();
  }

  /** An update, from 1, with all that went into it; null if given up on the way. */
  async updateAt(step: number, signal: AbortSignal, progress: Progress): Promise<Update | null> {
    const { run } = this;
    const state = await this.stateAt(step - 1, signal, progress);
    if (!state) return null;
    const model = new Model(state, run.training);
    model.lossAndGrads(run.batch(step - 1).map((document) => run.encode(document)));
    const rate = learningRate(run.training, step - 1);
    return recordUpdate(state, model.grads, rate, run.training);
  }

  /**
   * As `begin` does it: one random stream, first the order of the documents, then the weights. The
   * documents of a run are in their order already; only the random numbers of it are used up.
   */
  private async draw(): Promise<Params> {
    const { model, training, documents } = this.run;
    await this.pause();
    const rng = new Random(training.seed);
    rng.shuffle(documents.map((_, i) => i));
    const params = new Params(model);
    const { data } = params;
    let until = performance.now() + SLICE;
    for (let i = 0; i < data.length; i++) {
      if (i % WEIGHTS_A_LOOK === 0 && performance.now() >= until) {
        await this.pause();
        until = performance.now() + SLICE;
      }
      data[i] = rng.gauss(0, training.init_std);
    }
    return params;
  }
}
