/**
 * Retraining live: the shared run once more with other settings, in a worker.
 * A change of the settings drops the run before; finished runs can be kept and compared.
 */

import { createStore } from 'zustand/vanilla';
import { GlassError } from '../engine/errors.ts';
import type { Run } from '../engine/train.ts';
import type { Job } from '../worker/client.ts';
import type { Measured } from '../worker/protocol.ts';
import { explorer, type Loaded, show } from './explorer.ts';
import { fitting, HELD_OUT, type LabSettings, labelOf, runFor, settingsOf } from './labSettings.ts';
import { train, trainHere } from './session.ts';

/** A run of the lab, finished or on its way. */
export interface LabRun {
  readonly id: number;
  readonly label: string;
  readonly settings: LabSettings;
  readonly run: Run;
  readonly firstStep: number;
  /** Of step `firstStep + 1` and on; the list grows while `made` does. */
  readonly losses: readonly number[];
  readonly made: number;
  readonly status: 'training' | 'done' | 'failed' | 'stopped';
  readonly error: string;
  readonly measured: Measured | null;
  /** When its settings were asked for, in the time of `performance.now()`; 0: by nobody. */
  readonly asked: number;
}

export interface Lab {
  /** The shared run that the settings are measured against. */
  readonly base: Loaded | null;
  readonly settings: LabSettings | null;
  readonly current: LabRun | null;
  readonly kept: readonly LabRun[];
  /** From the asking to the screen, ms: the first piece of the curve, and all of it. */
  readonly times: {
    readonly id: number;
    readonly first: number;
    readonly whole: number | null;
  } | null;
  readonly problem: string;
}

export const MAX_KEPT = 5;
export const lab = createStore<Lab>(() => ({
  base: null,
  settings: null,
  current: null,
  kept: [],
  times: null,
  problem: '',
}));

// --- retraining --------------------------------------------------------------

/**
 * Of many wishes only the latest counts. One is begun at once, unless that begun before has shown
 * nothing yet: then it waits for that, so that a drag is seen on its way and not only at its end.
 */
export class Latest<T> {
  private readonly begin: (wish: T) => void;
  private waiting: { wish: T } | null = null;
  private unseen = false;

  constructor(begin: (wish: T) => void) {
    this.begin = begin;
  }

  ask(wish: T): void {
    if (this.unseen) {
      this.waiting = { wish };
      return;
    }
    this.unseen = true;
    this.begin(wish);
  }

  /** Something of the one begun last can be seen, or nothing will ever be. */
  seen(): void {
    this.unseen = false;
    const next = this.waiting;
    this.waiting = null;
    if (next) this.ask(next.wish);
  }
}

let job: Job | null = null;
let lastId = 0;

const latest = new Latest<{ settings: LabSettings; asked: number }>(({ settings, asked }) => {
  const { base } = lab.getState();
  if (!base) return latest.seen();
  try {
    begin(base, settings, asked);
  } catch (error) {
    if (!(error instanceof GlassError)) throw error;
    lab.setState({ problem: error.message });
    latest.seen();
  }
});

/** Follow the shared run: another one begins with its own settings and nothing kept. */
export function openLab(base: Loaded): void {
  if (lab.getState().base?.run === base.run) return;
  const settings = settingsOf(base.run);
  lab.setState({ base, settings, kept: [], current: null, times: null, problem: '' });
  latest.ask({ settings, asked: 0 }); // nobody has asked
}

/** Change some settings and train again. */
export function turn(given: Partial<LabSettings>, asked = performance.now()): void {
  const now = lab.getState().settings;
  if (!now) return;
  const settings = fitting({ ...now, ...given });
  lab.setState({ settings, problem: '' });
  latest.ask({ settings, asked });
}

export function resetLab(): void {
  const { base } = lab.getState();
  if (base) turn(settingsOf(base.run));
}

/** The step of the shared run to branch from, as a training state; null if not known. */
function stateToGoOnFrom(settings: LabSettings) {
  if (settings.from === null) return null;
  const state = explorer.getState().loaded?.history?.stateAt(settings.from);
  if (!state) throw new GlassError('train the shared run first: its steps are not kept');
  return state;
}

function begin(base: Loaded, settings: LabSettings, asked: number): void {
  const run = runFor(base.run, settings);
  const state = stateToGoOnFrom(settings);
  const id = ++lastId;
  job?.stop();
  const started: Job = train(run, {
    ...(state ? { state } : {}),
    ...(settings.decay ? {} : { variant: { constantRate: true } }),
    lean: true,
    measure: HELD_OUT,
    onProgress: (progress) => update(id, { made: progress.losses.length }),
    onStatus: ({ status, error, measured }) => {
      if (status === 'done' || status === 'failed' || status === 'stopped') {
        update(id, { status, error, measured });
      }
    },
  });
  job = started;
  lab.setState({
    problem: '',
    current: {
      ...{ id, settings, run, asked, firstStep: started.firstStep, losses: started.losses },
      ...{ label: labelOf(settings, settingsOf(base.run)), made: 0 },
      ...{ status: 'training', error: '', measured: null },
    },
  });
}

function update(id: number, given: Partial<LabRun>): void {
  const { current } = lab.getState();
  // A run that ends because the next one begins tells nothing of the next one.
  if (current?.id !== id || id !== lastId) return;
  const next = { ...current, ...given };
  lab.setState({ current: next });
  if (next.made > 0 || next.status !== 'training') latest.seen();
}

/** Give up the run that is on its way; what there is of it stays. */
export function stopLab(): void {
  job?.stop();
}

/** The page has drawn this much of a run: note how long that took from the asking. */
export function noteDrawn(id: number, made: number, now: number): void {
  const { current, times } = lab.getState();
  if (current?.id !== id || made === 0) return;
  const whole = made + current.firstStep >= current.run.training.steps;
  const took = now - current.asked;
  if (times?.id !== id) lab.setState({ times: { id, first: took, whole: whole ? took : null } });
  else if (whole && times.whole === null) lab.setState({ times: { ...times, whole: took } });
}

// --- comparing, and making it the shared run -----------------------------

/** Keep the finished run beside the next ones; the oldest goes when there are too many. */
export function keepRun(): void {
  const { current, kept } = lab.getState();
  if (!current || current.made === 0 || kept.some(({ id }) => id === current.id)) return;
  lab.setState({ kept: [...kept, { ...current, losses: [...current.losses] }].slice(-MAX_KEPT) });
}

export function dropRun(id: number): void {
  lab.setState(({ kept }) => ({ kept: kept.filter((run) => run.id !== id) }));
}

/** Why the run of the lab cannot be shown in all chapters; empty if it can. */
export function whyNotAdopted(current: LabRun | null): string {
  if (current?.status !== 'done') return 'it has to be trained to its end first';
  if (current.settings.from !== null) return 'a branch has two learning rates; a recipe has one';
  if (!current.settings.decay) return 'the recipe of the other chapters always decays';
  return '';
}

/** Show the run of the lab in all chapters, and train it there so that every step can be seen. */
export async function adopt(): Promise<void> {
  const { current, base } = lab.getState();
  if (!base || !current || whyNotAdopted(current) || !job) return;
  const { run, label } = current;
  const final = job.history.stateAt(job.history.lastStep)?.params;
  if (!final) return;
  const remarks = label === 'same settings' ? [] : [`retrained with ${label}`];
  const source = { ...base.source, remarks };
  const losses = [...current.losses];
  const loaded: Loaded = { source, run, final, finalStep: losses.length, losses, history: null };
  // The settings stay; what they and the labels are compared with is new.
  const settings = settingsOf(run);
  const relabelled = (one: LabRun) => ({ ...one, label: labelOf(one.settings, settings) });
  lab.setState(({ kept }) => ({
    base: loaded,
    settings,
    kept: kept.map(relabelled),
    current: relabelled(current),
  }));
  show(loaded, explorer.getState().document);
  await trainHere();
}
