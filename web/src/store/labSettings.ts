/** What can be turned in the lab, and the run that the settings stand for. */

import { MODEL_DEFAULTS, type TrainConfig, trainConfig } from '../engine/config.ts';
import { prepare, Run, type Shape } from '../engine/train.ts';
import { originalOrder } from './share.ts';

/** What can be turned. `documents` is the number trained on. */
export interface LabSettings {
  readonly learning_rate: number;
  readonly decay: boolean;
  readonly beta1: number;
  readonly beta2: number;
  readonly n_embd: number;
  readonly n_head: number;
  readonly n_layer: number;
  readonly block_size: number;
  readonly seed: number;
  readonly documents: number;
  readonly batch_size: number;
  readonly steps: number;
  /** Go on from this step of the shared run; null: from the start. */
  readonly from: number | null;
}

/** Documents set aside to measure on; short lists have none to spare. */
export const HELD_OUT = 100;
const ENOUGH = 200;

/** How many documents there are to train on once some are set aside. */
export function trainable(total: number, heldOut = HELD_OUT): number {
  return total >= ENOUGH ? total - Math.min(heldOut, Math.floor(total / 4)) : total;
}

/** The settings of a run, as far as the lab has them. */
export function settingsOf({ model, training, documents, numTrain }: Run): LabSettings {
  const { n_embd, n_head, n_layer, block_size } = model;
  const { learning_rate, beta1, beta2, batch_size, steps } = training;
  const most = trainable(documents.length);
  return {
    ...{ learning_rate, decay: true, beta1, beta2, n_embd, n_head, n_layer, block_size },
    ...{ seed: Number(training.seed), documents: Math.min(numTrain, most), batch_size, steps },
    from: null,
  };
}

/** Another width may need another number of heads: the most that divide it, but no more than now. */
export function fitting(settings: LabSettings): LabSettings {
  let heads = Math.min(settings.n_head, settings.n_embd);
  while (settings.n_embd % heads) heads--;
  return heads === settings.n_head ? settings : { ...settings, n_head: heads };
}

/** What is worked out once for each run: its list as it stands in the file, and other orders of it. */
const lists = new WeakMap<Run, { file: string[]; orders: (readonly string[])[] }>();
const ORDERS = 6;

function listsOf(run: Run) {
  let known = lists.get(run);
  if (!known) {
    known = { file: originalOrder(run), orders: [run.documents] };
    lists.set(run, known);
  }
  return known;
}

/** The documents as they stand in the file. */
export function fileOrder(run: Run): string[] {
  return listsOf(run).file;
}

/**
 * Another run on the same file. Runs with the same order share one list of documents, so that it
 * goes to a worker once, not with every move of a slider.
 */
export function runBeside(base: Run, training: TrainConfig, shape: Shape): Run {
  const { file, orders } = listsOf(base);
  const run = prepare(file, training, base.tokenizer, shape);
  const order = orders.find((list) => list.every((text, i) => text === run.documents[i]));
  if (order) return new Run(run.model, training, run.tokenizer, order, run.numTrain);
  orders.push(run.documents);
  if (orders.length > ORDERS) orders.splice(1, 1);
  return run;
}

/** The run that the settings stand for; throws ConfigError for impossible ones. */
export function runFor(base: Run, settings: LabSettings): Run {
  const { learning_rate, beta1, beta2, seed, batch_size, steps } = settings;
  const recipe = { ...base.training, learning_rate, beta1, beta2 };
  if (settings.from !== null) {
    const { model, tokenizer, documents, numTrain } = base;
    return new Run(model, trainConfig(recipe), tokenizer, documents, numTrain);
  }
  const total = base.documents.length;
  const aside = total - Math.min(settings.documents, total);
  // Half a document more, so that rounding cannot take one away.
  const val_fraction = aside ? (aside + 0.5) / total : 0;
  const training = trainConfig({ ...recipe, seed, batch_size, steps, val_fraction });
  const { n_embd, n_head, n_layer, block_size } = settings;
  const shape = { n_embd, n_head, n_layer, block_size };
  return runBeside(base, training, shape);
}

const NAMES: readonly (readonly [keyof LabSettings, string])[] = [
  ['learning_rate', 'rate'],
  ['beta1', 'β1'],
  ['beta2', 'β2'],
  ['n_embd', 'width'],
  ['n_head', 'heads'],
  ['n_layer', 'layers'],
  ['block_size', 'block'],
  ['seed', 'seed'],
  ['documents', 'documents'],
  ['batch_size', 'batch'],
  ['steps', 'steps'],
];

/** What a run has otherwise than the base, in a few words. */
export function labelOf(settings: LabSettings, base: LabSettings): string {
  const parts = NAMES.filter(([key]) => settings[key] !== base[key]).map(
    ([key, name]) => `${name} ${settings[key]}`,
  );
  if (settings.decay !== base.decay) parts.push('no decay');
  if (settings.from !== null) parts.unshift(`from step ${settings.from}`);
  return parts.join(', ') || 'same settings';
}

/** The run with nothing changed but the learning rate, whatever the sliders say now. */
export function onlyRate(base: Run, learning_rate: number): LabSettings {
  return { ...settingsOf(base), learning_rate };
}

export function sameSettings(a: LabSettings, b: LabSettings): boolean {
  return labelOf(a, b) === labelOf(b, b);
}

/** Mean of the last 100 losses, or of as many as there are. */
export function lastMean(losses: readonly number[], count = 100): number | null {
  const last = losses.slice(-count);
  return last.length ? last.reduce((sum, loss) => sum + loss, 0) / last.length : null;
}

/** Whether a shape is the default one, at which times are promised. */
export function isDefaultShape({ n_embd, n_head, n_layer, block_size, steps }: LabSettings) {
  const d = MODEL_DEFAULTS;
  const shape = n_embd === d.n_embd && n_head === d.n_head && n_layer === d.n_layer;
  return shape && block_size === d.block_size && steps === 1000;
}
