/**
 * A run once more, to know what a page does not keep of it: the weights before the first step, and
 * Adam's moments after any.
 */

import { learningRate, numParams } from '../engine/config.ts';
import type { Interventions } from '../engine/interventions.ts';
import { lossOf, Model, type TrainState } from '../engine/model.ts';
import type { Run } from '../engine/train.ts';
import { type StateData, stateFromData, stateToData } from './protocol.ts';
import { initialState } from './weights.ts';

const MEMORY = 16e6; // bytes of states kept to start from again
const MOST_KEPT = 20;

/** States on the way of the run replayed last. */
let kept: { documents: unknown; key: string; states: Map<number, TrainState> } | null = null;

export interface Wanted {
  readonly run: Run;
  readonly step: number;
  /** A state of the run to start from; else its first. */
  readonly from?: StateData | undefined;
  readonly interventions?: Interventions;
}

/** All of the training after so many steps; yields the steps made. */
export function* replay(wanted: Wanted): Generator<number, StateData> {
  return stateToData((yield* replayed(wanted)).state());
}

/** The state before an update, its gradients, and the mean losses of lists of texts around it. */
export function* updateOf({
  texts,
  ...wanted
}: Wanted & { texts: readonly (readonly string[])[] }) {
  const { run, step } = wanted;
  const model = yield* replayed({ ...wanted, step: step - 1 });
  const mean = (list: readonly string[]) =>
    list.reduce((sum, text) => sum + lossOf(model.params, run.encode(text)), 0) / list.length;
  const before = texts.map(mean);
  model.lossAndGrads(run.batch(step - 1).map((document) => run.encode(document)));
  const [state, grads] = [stateToData(model.state()), model.grads.data.slice()];
  model.update(learningRate(run.training, step - 1));
  const losses = texts.map((list, i) => ({
    ...{ texts: list, before: before[i] ?? Number.NaN, after: mean(list) },
  }));
  return { state, grads, losses };
}

function* replayed({ run, step, from, interventions = {} }: Wanted): Generator<number, Model> {
  const { model: config, training, documents, numTrain } = run;
  const key = JSON.stringify([config, training, numTrain, interventions], (_, value) =>
    typeof value === 'bigint' ? `${value}` : value,
  );
  if (kept?.documents !== documents || kept.key !== key) {
    kept = { documents, key, states: new Map() };
  }
  const { states } = kept;
  if (from && from.step <= step) states.set(from.step, stateFromData(config, from));
  const nearest = Math.max(-1, ...[...states.keys()].filter((known) => known <= step));
  const model = new Model(states.get(nearest) ?? initialState(run), training, interventions);
  const bytes = 3 * 8 * numParams(config);
  const most = Math.max(1, Math.min(MOST_KEPT, Math.floor(MEMORY / bytes)));
  const between = Math.ceil(training.steps / most);
  while (model.step < step) {
    yield model.step;
    run.advance(model, model.step, model.step + 1);
    if (model.step % between === 0) states.set(model.step, model.state());
  }
  return model;
}
