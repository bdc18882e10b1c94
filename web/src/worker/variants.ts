/**
 * Training done otherwise than the recipe says, so that it can be seen what each line of it is for:
 * the forward pass stays as it is, the gradients or the update are not what they should be.
 */

import { adamUpdate } from '../engine/adam.ts';
import type { Interventions } from '../engine/interventions.ts';
import { type Document, Model, type TrainState } from '../engine/model.ts';
import type { Run, Trainer } from '../engine/train.ts';
import type { TrainerName, Variant } from './protocol.ts';
import { AssigningTrainer } from './scalar.ts';

/** A trainer in JavaScript, for whatever is to be left out or done otherwise. */
export function variantTrainer(
  state: TrainState,
  run: Run,
  interventions: Interventions,
  variant: Variant,
): { trainer: Trainer; name: TrainerName } {
  const { constantRate, assigned, ...update } = variant;
  const trainer = assigned
    ? new AssigningTrainer(state, run.training)
    : Object.values(update).some(Boolean)
      ? new VariantModel(state, run, interventions, update)
      : new Model(state, run.training, interventions);
  return {
    trainer: constantRate ? atConstantRate(trainer, run) : trainer,
    name: assigned ? 'scalar' : 'model',
  };
}

/** The same trainer, which does not hear that the learning rate falls. */
export function atConstantRate(trainer: Trainer, { training }: Run): Trainer {
  return {
    get step() {
      return trainer.step;
    },
    train: (batches, rates) =>
      trainer.train(
        batches,
        rates.map(() => training.learning_rate),
      ),
    copyParams: (into) => trainer.copyParams(into),
    state: () => trainer.state(),
    free: () => trainer.free?.(),
  };
}

/** After so many updates nothing is left to correct: 1 - beta^step is 1. */
const ENDLESS = Number.MAX_SAFE_INTEGER;

class VariantModel extends Model {
  private readonly variant: Variant;
  /** The sum of all gradients so far, if they are never zeroed. */
  private readonly piled: Float64Array;

  constructor(state: TrainState, run: Run, interventions: Interventions, variant: Variant) {
    super(state, run.training, interventions);
    this.variant = variant;
    this.piled = new Float64Array(variant.neverZeroed ? this.grads.data.length : 0);
  }

  override lossAndGrads(batch: readonly Document[]): number {
    const loss = super.lossAndGrads(batch);
    const { piled, grads } = this;
    for (let i = 0; i < piled.length; i++) grads.data[i] = piled[i]! += grads.data[i]!;
    return loss;
  }

  override update(learningRate: number): void {
    const { params, m, v, grads, adam, variant } = this;
    if (variant.sgd) {
      this.step++;
      for (let i = 0; i < params.data.length; i++) params.data[i]! -= learningRate * grads.data[i]!;
    } else if (variant.noBiasCorrection) {
      this.step++;
      adamUpdate(params.data, m.data, v.data, grads.data, ENDLESS, learningRate, adam);
    } else super.update(learningRate);
  }
}
