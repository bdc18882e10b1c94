/**
 * What is each part for? Leave one out, train again with several seeds, and measure on documents
 * that were never read. One measurement after the other, in a worker of its own.
 */

import { createStore } from 'zustand/vanilla';
import { type ModelConfig, trainConfig } from '../engine/config.ts';
import { MAX_DOCUMENTS } from '../engine/evaluate.ts';
import type { Interventions } from '../engine/interventions.ts';
import { prepare, type Run } from '../engine/train.ts';
import { createWorker, type Job, TrainingClient } from '../worker/client.ts';
import type { Variant } from '../worker/protocol.ts';
import { fileOrder, trainable } from './lab.ts';

/** One thing done otherwise. */
export interface Part {
  readonly id: string;
  readonly title: string;
  /** Of a sentence: 'without …', 'with …'. */
  readonly phrase: string;
  readonly interventions?: (model: ModelConfig) => Interventions;
  readonly variant?: Variant;
  /** All weights begin at 0. */
  readonly zeros?: boolean;
  /** Slow: the scalar engine; only over so many steps. */
  readonly maxSteps?: number;
}

const layers = ({ n_layer }: ModelConfig) => Array.from({ length: n_layer }, (_, i) => i);

export const FULL: Part = { id: 'full', title: 'the whole model', phrase: 'as it is' };

export const PARTS: readonly Part[] = [
  {
    id: 'attention',
    title: 'attention',
    phrase: 'without attention (all heads muted)',
    interventions: (model) => ({
      mutedHeads: layers(model).map(() => Array.from({ length: model.n_head }, (_, h) => h)),
    }),
  },
  {
    id: 'mlp',
    title: 'MLP',
    phrase: 'without the MLP',
    interventions: (model) => ({ mutedMlps: layers(model) }),
  },
  {
    id: 'residual',
    title: 'residuals',
    phrase: 'without residual connections',
    interventions: () => ({ noResiduals: true }),
  },
  {
    id: 'norm',
    title: 'norms',
    phrase: 'without RMSNorm',
    interventions: () => ({ noNorms: true }),
  },
  {
    id: 'positions',
    title: 'positions',
    phrase: 'without position embeddings',
    interventions: () => ({ noPositions: true }),
  },
  {
    id: 'scale',
    title: '1/√d',
    phrase: 'without 1/√d',
    interventions: () => ({ noScaling: true }),
  },
  {
    id: 'decay',
    title: 'decay',
    phrase: 'without decay of the learning rate',
    variant: { constantRate: true },
  },
  {
    id: 'bias',
    title: 'bias correction',
    phrase: "without Adam's bias correction",
    variant: { noBiasCorrection: true },
  },
  {
    id: 'sgd',
    title: 'Adam',
    phrase: 'with plain gradient steps instead of Adam',
    variant: { sgd: true },
  },
  {
    id: 'zeroing',
    title: 'zeroing',
    phrase: 'with gradients that are never zeroed',
    variant: { neverZeroed: true },
  },
  { id: 'zeros', title: 'random start', phrase: 'with all weights 0 at the start', zeros: true },
  {
    id: 'assign',
    title: '+=',
    phrase: 'with = instead of += in backward',
    variant: { assigned: true },
    maxSteps: 1000,
  },
];

export interface Result {
  readonly seed: number;
  /** Held-out nats a character; null if it did not get there. */
  readonly nats: number | null;
  /** One line, if it failed. */
  readonly error: string;
  /** The step from 1 at which the loss was no longer a finite number; null if it always was. */
  readonly divergedAt: number | null;
}

export interface Ablations {
  readonly base: Run | null;
  readonly seeds: number;
  readonly steps: number;
  /** By part; one result a seed, in order. */
  readonly results: ReadonlyMap<string, readonly Result[]>;
  readonly running: {
    readonly part: Part;
    readonly seed: number;
    readonly step: number;
    readonly done: number;
    readonly of: number;
  } | null;
}

export const ablations = createStore<Ablations>(() => ({
  base: null,
  seeds: 3,
  steps: 1000,
  results: new Map(),
  running: null,
}));

/** The run of one measurement: only the seed and the length differ from the base. */
export function runOf(base: Run, part: Part, seed: number, steps: number): Run {
  const total = base.documents.length;
  const aside = total - trainable(total, MAX_DOCUMENTS);
  const training = trainConfig({
    ...base.training,
    seed,
    steps,
    val_fraction: aside ? (aside + 0.5) / total : 0,
    ...(part.zeros ? { init_std: 0 } : {}),
  });
  return prepare(fileOrder(base), training, base.tokenizer, base.model);
}

/** 42, 43, 44…: the first one is that of the recipe. */
export function seedsOf(base: Run, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Number(base.training.seed) + i);
}

let client: TrainingClient | null = null;
let job: Job | null = null;
/** Counts what was asked for, so that one that was called off stops where it is. */
let round = 0;

/** For tests: another worker than the browser's. */
export function useAblationClient(given: TrainingClient): void {
  client = given;
}

/** Another run, other seeds, another length: what was measured is of no use any more. */
export function arrangeAblations(
  given: Partial<Pick<Ablations, 'base' | 'seeds' | 'steps'>>,
): void {
  const before = ablations.getState();
  const next = { ...before, ...given };
  if (next.base === before.base && next.seeds === before.seeds && next.steps === before.steps) {
    return;
  }
  callOff();
  const fresh = next.base !== before.base || next.steps !== before.steps;
  ablations.setState({ ...given, ...(fresh ? { results: new Map() } : {}) });
}

/** Measure these parts, and the whole model before them, with every seed not measured yet. */
export async function measureParts(parts: readonly Part[]): Promise<void> {
  callOff();
  const mine = round;
  const { base, steps, seeds } = ablations.getState();
  if (!base) return;
  const wanted = [FULL, ...parts]
    .filter((part) => steps <= (part.maxSteps ?? steps))
    .flatMap((part) => seedsOf(base, seeds).map((seed) => ({ part, seed })))
    .filter(({ part, seed }) => !resultOf(part, seed));
  for (const [done, { part, seed }] of wanted.entries()) {
    const running = { part, seed, step: 0, done, of: wanted.length };
    ablations.setState({ running });
    const result = await measureOne(base, part, seed, steps, (step) => {
      if (mine === round) ablations.setState({ running: { ...running, step } });
    });
    if (mine !== round) return;
    const { results } = ablations.getState();
    const list = [...(results.get(part.id) ?? []), result].sort((a, b) => a.seed - b.seed);
    ablations.setState({ results: new Map(results).set(part.id, list) });
  }
  ablations.setState({ running: null });
}

export function callOff(): void {
  round++;
  job?.stop();
  job = null;
  ablations.setState({ running: null });
}

function resultOf(part: Part, seed: number): Result | undefined {
  return ablations
    .getState()
    .results.get(part.id)
    ?.find((result) => result.seed === seed);
}

async function measureOne(
  base: Run,
  part: Part,
  seed: number,
  steps: number,
  onStep: (step: number) => void,
): Promise<Result> {
  const run = runOf(base, part, seed, steps);
  client ??= new TrainingClient(createWorker());
  const one = client.start(run, {
    lean: true,
    measure: MAX_DOCUMENTS,
    interventions: part.interventions?.(run.model) ?? {},
    ...(part.variant ? { variant: part.variant } : {}),
    onProgress: ({ step }) => onStep(step),
  });
  job = one;
  try {
    await one.finished;
  } catch {
    return { seed, nats: null, error: one.error, divergedAt: one.diverged ? one.step + 1 : null };
  }
  return { seed, nats: one.measured?.heldOut?.nats ?? null, error: '', divergedAt: null };
}
