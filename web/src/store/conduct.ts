/**
 * Train the shared run by hand: from the start, some steps at a time. What has been made
 * so far is what every chapter shows.
 */

import { createStore } from 'zustand/vanilla';
import { createWorker, type Job, TrainingClient } from '../worker/client.ts';
import { enrich, explorer, type Loaded, setStep } from './explorer.ts';
import { trainHere } from './training.ts';

export interface Conduct {
  /** Whether there is a run to go on with; otherwise the next order begins one. */
  readonly open: boolean;
  /** Steps are being made at a pace that the eye can follow. */
  readonly pacing: boolean;
  readonly status: Job['status'] | 'none';
  /** One line, if training failed. */
  readonly error: string;
}

export const conduct = createStore<Conduct>(() => ({
  open: false,
  pacing: false,
  status: 'none',
  error: '',
}));

let client: TrainingClient | null = null;
let job: Job | null = null;

/** For tests: another worker than the browser's. */
export function useConductClient(given: TrainingClient): void {
  client = given;
}

/** What the page showed before the steps made here took its place; see `putBack`. */
let before: Loaded | null = null;

/** Back to the initial weights; the steps made are forgotten. */
export function startOver(): void {
  const { loaded } = explorer.getState();
  if (!loaded) return;
  if (before?.run !== loaded.run || !isUnfinished(loaded)) before = loaded;
  client ??= new TrainingClient(createWorker());
  job = client.start(loaded.run, { paused: true, onProgress: follow, onStatus: report });
  conduct.setState({ open: true, pacing: false, status: 'paused', error: '' });
}

/** Make so many steps more; a run that is at its end, or was not begun here, begins anew. */
export function makeSteps(count: number): void {
  const { loaded } = explorer.getState();
  if (!loaded) return;
  if (!isOpen(loaded)) startOver();
  job?.makeSteps(Math.min(count, loaded.run.training.steps));
}

/** Steps at a pace: of the run that is under way. What is not under way is never begun by it. */
export function makePacedSteps(count: number): void {
  if (conduct.getState().pacing && isOpen(explorer.getState().loaded)) makeSteps(count);
}

export function setPacing(pacing: boolean): void {
  if (pacing && !isOpen(explorer.getState().loaded)) startOver();
  conduct.setState({ pacing });
}

/** Stop making steps; they can be gone on with. */
export function pause(): void {
  conduct.setState({ pacing: false });
  if (!job || job.isOver) return;
  job.pause();
}

// Other data have been chosen: what was under way ends, and does not go on with them.
explorer.subscribe(({ loaded }) => {
  if (before && before.run !== loaded?.run) before = null;
  if (job && !job.isOver && job.run !== loaded?.run) job.stop();
});

// --- a model on its way --------------------------------------------------------

/** Whether a model has made fewer steps than its recipe has. */
export function isUnfinished({ finalStep, run }: Loaded): boolean {
  return finalStep < run.training.steps;
}

/** Make the steps that are missing, and show the end. */
export async function finish(): Promise<void> {
  const { loaded } = explorer.getState();
  if (!loaded) return;
  conduct.setState({ pacing: false });
  if (isOpen(loaded)) return makeSteps(loaded.run.training.steps);
  await trainHere();
  const now = explorer.getState().loaded;
  if (now?.run === loaded.run) setStep(now.finalStep);
}

/** The step of the model that `putBack` would show; null where there is none. */
export function stepBefore(loaded: Loaded): number | null {
  if (before?.run !== loaded.run || before.finalStep === loaded.finalStep) return null;
  return before.finalStep || null;
}

/** Show the model again that was there before steps were made by hand. */
export function putBack(): void {
  const { loaded } = explorer.getState();
  if (!before || before.run !== loaded?.run) return;
  job?.stop();
  enrich({ ...before, source: loaded.source }, before.finalStep);
}

/** Whether there is more to order of a run that was begun here. */
export function isOpen(loaded: Loaded | null): boolean {
  return job !== null && !job.isOver && job.run === loaded?.run;
}

function follow(progress: Job): void {
  const { loaded } = explorer.getState();
  if (progress !== job || !loaded) return;
  if (loaded.run !== progress.run) {
    progress.stop(); // other data have been chosen
    return;
  }
  const { history, losses } = progress;
  if (history.steps.length === 0) return;
  // Of a large model not every step is kept: what is shown is the last one that is.
  const finalStep = history.lastStep;
  const done = finalStep === loaded.run.training.steps;
  const exact = done ? history.stateAt(finalStep)?.params : null;
  const final = exact ?? history.paramsAt(finalStep);
  enrich({ ...loaded, history, losses: losses.slice(0, finalStep), final, finalStep }, finalStep);
}

function report(changed: Job): void {
  if (changed !== job) return;
  const { status, error } = changed;
  conduct.setState({
    ...{ status, error, open: isOpen(explorer.getState().loaded) },
    ...(changed.isOver ? { pacing: false } : {}),
  });
}
