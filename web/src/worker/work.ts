/** What a worker does, and what it needs around it. */

import type { Interventions } from '../engine/interventions.ts';
import type { TrainState } from '../engine/model.ts';
import type { Run, Trainer } from '../engine/train.ts';
import type { FromWorker, TrainerName, Variant } from './protocol.ts';

/** A job goes on for so long before others have their turn and messages are looked at. */
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

export type Post = (message: FromWorker, transfer?: Transferable[]) => void;

/** Something that is worked on in slices. */
export interface Work {
  /** One piece after the other as long as it may go on; what comes then. */
  slice(mayGoOn: () => boolean): 'more' | 'wait' | 'over';
  /** Give back what is not the collector's. */
  drop(): void;
}
