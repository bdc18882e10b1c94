/**
 * The one controller of the page's work: it trains the shared run, has everything else worked out
 * that takes long, and ends all of it when another run is shown.
 */

import { createStore } from 'zustand/vanilla';
import type { TrainState } from '../engine/model.ts';
import type { Params } from '../engine/params.ts';
import type { Run } from '../engine/train.ts';
import type { Computation, Job, JobOptions } from '../worker/client.ts';
import { stateFromData, stateToData } from '../worker/protocol.ts';
import type { ArgsOf, SoFar, TaskName, ValueOf } from '../worker/tasks.ts';
import { enrich, explorer, fail, type Loaded, setStep } from './explorer.ts';
import { workers } from './workers.ts';

export interface Session {
  /** Steps made so far where the shared run is trained in one go; null otherwise. */
  readonly training: number | null;
  /** Whether steps made by hand can be gone on with; otherwise the next order begins anew. */
  readonly open: boolean;
  /** Steps are being made at a pace that the eye can follow. */
  readonly pacing: boolean;
  readonly status: Job['status'] | 'none';
  /** One line, if training by hand failed. */
  readonly error: string;
}

const NOTHING: Session = { training: null, open: false, pacing: false, status: 'none', error: '' };

export const session = createStore<Session>(() => NOTHING);

// --- jobs of the run that is shown ------------------------------------------------

const jobs = new Set<{ readonly isOver: boolean; stop(): void }>();

function own<J extends { readonly isOver: boolean; stop(): void }>(job: J): J {
  for (const one of jobs) if (one.isOver) jobs.delete(one);
  jobs.add(job);
  return job;
}

/** Train some run, as long as the run that is shown now is shown. */
export function train(run: Run, options: JobOptions): Job {
  return own(workers().train(run, options));
}

/** Work something out, as long as the run that is shown now is shown. */
export function compute<N extends TaskName>(
  task: N,
  args: ArgsOf<N>,
  onNews?: (work: Computation<SoFar<N>, ValueOf<N>>) => void,
): Computation<SoFar<N>, ValueOf<N>> {
  return own(workers().compute(task, args, onNews));
}

explorer.subscribe(({ loaded }, { loaded: last }) => {
  if (loaded?.run === last?.run) return;
  shared = null;
  before = null;
  for (const job of jobs) job.stop();
  jobs.clear();
  session.setState(NOTHING);
});

// --- training the shared run ------------------------------------------------------

/** The training of the shared run: in one go or by hand. */
let shared: { job: Job; byHand: boolean } | null = null;

/** What the page showed before the steps made by hand took its place; see `putBack`. */
let before: Loaded | null = null;

function begin(run: Run, byHand: boolean, options: JobOptions): Job {
  shared?.job.stop();
  session.setState(NOTHING);
  // Told of nothing before it is the one that counts.
  shared = { job: train(run, options), byHand };
  return shared.job;
}

/**
 * Train the loaded run from its start, by its recipe. The same seed gives the same numbers: the
 * weights that were known before are compared with those that training has at the same step.
 */
export async function trainHere(): Promise<void> {
  const { loaded } = explorer.getState();
  if (!loaded) return;
  const job = begin(loaded.run, false, {
    onProgress: ({ step }) => isShared(job) && session.setState({ training: step }),
  });
  session.setState({ training: 0 });
  try {
    await job.finished;
  } catch {
    if (!isShared(job)) return;
    session.setState({ training: null });
    fail(job.error);
    return;
  }
  const same = job.status === 'done' && (await agrees(loaded, job));
  const { loaded: now } = explorer.getState();
  if (!isShared(job) || job.status !== 'done' || now?.run !== loaded.run) return;
  const { history, losses } = job;
  const finalStep = history.lastStep;
  const final = history.stateAt(finalStep)?.params ?? history.paramsAt(finalStep);
  const remark = same
    ? []
    : [`trained here, step ${loaded.finalStep} has other numbers than the file`];
  const source = { ...now.source, remarks: [...now.source.remarks, ...remark] };
  session.setState({ training: null });
  enrich(
    { ...now, source, final, finalStep, losses, history },
    loaded.finalStep === 0 ? finalStep : explorer.getState().asked,
  );
}

function isShared(job: Job): boolean {
  return shared?.job === job;
}

/** Whether training came to the weights that a file had given, at the step that they are of. */
async function agrees({ final, finalStep, history }: Loaded, job: Job): Promise<boolean> {
  if (history) return true;
  const state = await stateAt(job, finalStep);
  return state === null || distance(final, state.params) < 1e-9;
}

function distance(a: Params, b: Params): number {
  return a.data.reduce((most, x, i) => Math.max(most, Math.abs(x - b.data[i]!)), 0);
}

/** The whole state of a run after a step, trained again from the keyframe before it. */
export async function stateAt(
  { run, history }: Pick<Loaded, 'run' | 'history'>,
  step: number,
): Promise<TrainState | null> {
  const keyframe = history?.keyframeBefore(step);
  if (!keyframe || step > run.training.steps) return null;
  if (keyframe.step === step) return keyframe;
  const { interventions } = history!;
  const from = stateToData(keyframe);
  const data = await compute('replay', { run, step, from, interventions }).finished;
  return data && stateFromData(run.model, data);
}

// --- by hand ------------------------------------------------------------------------

/** Back to the initial weights; the steps made are forgotten. */
export function startOver(): void {
  const { loaded } = explorer.getState();
  if (!loaded) return;
  if (before?.run !== loaded.run || !isUnfinished(loaded)) before = loaded;
  begin(loaded.run, true, { paused: true, onProgress: follow, onStatus: report });
  session.setState({ open: true, status: 'paused' });
}

/** Make so many steps more; a run that is at its end, or was not begun here, begins anew. */
export function makeSteps(count: number): void {
  const { loaded } = explorer.getState();
  if (!loaded) return;
  if (!isOpen(loaded)) startOver();
  shared?.job.makeSteps(Math.min(count, loaded.run.training.steps));
}

/** Steps at a pace: of the run that is under way. What is not under way is never begun by it. */
export function makePacedSteps(count: number): void {
  if (session.getState().pacing && isOpen(explorer.getState().loaded)) makeSteps(count);
}

export function setPacing(pacing: boolean): void {
  if (pacing && !isOpen(explorer.getState().loaded)) startOver();
  session.setState({ pacing });
}

/** Stop making steps; they can be gone on with. */
export function pause(): void {
  session.setState({ pacing: false });
  if (shared?.byHand) shared.job.pause();
}

/** Whether there is more to order of a run that was begun by hand. */
export function isOpen(loaded: Loaded | null): boolean {
  return shared?.byHand === true && !shared.job.isOver && shared.job.run === loaded?.run;
}

/** What every chapter shows is what has been made so far. */
function follow(job: Job): void {
  const { loaded } = explorer.getState();
  const { history, losses } = job;
  if (!isShared(job) || !loaded || history.steps.length === 0) return;
  // Of a large model not every step is kept: what is shown is the last one that is.
  const finalStep = history.lastStep;
  const done = finalStep === loaded.run.training.steps;
  const exact = done ? history.stateAt(finalStep)?.params : null;
  const final = exact ?? history.paramsAt(finalStep);
  enrich({ ...loaded, history, losses: losses.slice(0, finalStep), final, finalStep }, finalStep);
}

function report(job: Job): void {
  if (!isShared(job)) return;
  const { status, error, isOver } = job;
  const open = isOpen(explorer.getState().loaded);
  session.setState({ status, error, open, ...(isOver ? { pacing: false } : {}) });
}

// --- a model on its way --------------------------------------------------------

/** Whether a model has made fewer steps than its recipe has. */
export function isUnfinished({ finalStep, run }: Loaded): boolean {
  return finalStep < run.training.steps;
}

/** Make the steps that are missing, and show the end. */
export async function finish(): Promise<void> {
  const { loaded } = explorer.getState();
  if (!loaded) return;
  session.setState({ pacing: false });
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
  shared?.job.stop();
  enrich({ ...before, source: loaded.source }, before.finalStep);
}
