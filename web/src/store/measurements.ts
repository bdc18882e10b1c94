/**
 * Runs that are trained to be measured on documents that were never read, one after the other: with
 * one part left out, with several seeds; and on ever more documents.
 */

import { createStore } from 'zustand/vanilla';
import { trainConfig } from '../engine/config.ts';
import { MAX_DOCUMENTS } from '../engine/evaluate.ts';
import type { Run } from '../engine/train.ts';
import type { Job } from '../worker/client.ts';
import { runBeside, runFor, settingsOf, trainable } from './labSettings.ts';
import { FULL, type Part } from './parts.ts';
import { train } from './session.ts';

// --- what does each part contribute? -------------------------------------------------

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
  return runBeside(base, training, base.model);
}

/** 42, 43, 44…: the first one is that of the recipe. */
export function seedsOf(base: Run, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Number(base.training.seed) + i);
}

let job: Job | null = null;
/** Counts what was asked for, so that one that was called off stops where it is. */
let round = 0;

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
    if (!result) break; // another run is shown
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
): Promise<Result | null> {
  const run = runOf(base, part, seed, steps);
  const one = train(run, {
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
  if (one.status === 'stopped') return null;
  return { seed, nats: one.measured?.heldOut?.nats ?? null, error: '', divergedAt: null };
}

// --- how much does it help to have more to read? ----------------------------------

export interface Size {
  readonly documents: number;
  /** Nats a character on documents that were read, and on others. */
  readonly train: number | null;
  readonly heldOut: number | null;
}

export interface Sizes {
  readonly base: Run | null;
  readonly rows: readonly Size[];
  /** Whether all rows are there, so that the first and the last can be compared. */
  readonly done: boolean;
}

export const sizes = createStore<Sizes>(() => ({ base: null, rows: [], done: false }));

/** How a run on few documents predicts others: judged once everything is measured, null before. */
export function verdictOnFew({ rows, done }: Sizes, uniform: number): string | null {
  const few = rows[0]?.heldOut;
  const many = rows.at(-1)?.heldOut;
  if (!done || few == null || many == null) return null;
  if (few > uniform) return 'worse than guessing';
  return few - many < 0.1 ? 'nearly as well' : 'somewhat worse';
}

export const SIZES = [10, 30, 100, 300, 1000];
const MEASURED = 300;

/** Once for each shared run: train on ever more documents, one after the other. */
export async function measureSizes(base: Run): Promise<void> {
  if (sizes.getState().base === base) return;
  sizes.setState({ base, rows: [], done: false });
  const most = trainable(base.documents.length);
  for (const documents of [...SIZES.filter((n) => n < most), most]) {
    const run = runFor(base, { ...settingsOf(base), documents });
    const job = train(run, { lean: true, measure: MEASURED });
    await job.finished.catch(() => {});
    if (sizes.getState().base !== base) return;
    if (job.status === 'stopped') return sizes.setState({ base: null, rows: [] });
    const { measured } = job;
    const row = {
      documents,
      train: measured?.train?.nats ?? null,
      heldOut: measured?.heldOut?.nats ?? null,
    };
    sizes.setState(({ rows }) => ({ rows: [...rows, row] }));
  }
  sizes.setState({ done: true });
}
