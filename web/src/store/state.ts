/**
 * The state of the page: a run, a cursor into it, interventions; and what follows from them. Knows
 * nothing of React, and not how it changes: see `explorer.ts`.
 */

import { createStore } from 'zustand/vanilla';
import { type Cell, cellKey } from '../engine/expression.ts';
import type { History } from '../engine/history.ts';
import type { Interventions } from '../engine/interventions.ts';
import type { Trace } from '../engine/model.ts';
import type { Params } from '../engine/params.ts';
import type { Run } from '../engine/train.ts';

/** What the page says of the data it was given. */
export interface SourceInfo {
  readonly name: string;
  readonly title: string;
  /** Of the file read, in hexadecimal. */
  readonly sha256: string;
  /** Remarks of the reader: duplicates, cut documents, byte order mark… */
  readonly remarks: readonly string[];
}

/** A run that can be looked into: what is known at least is the last step made. */
export interface Loaded {
  readonly source: SourceInfo;
  readonly run: Run;
  /** After `finalStep` updates. */
  readonly final: Params;
  /** The updates that `final` has had; a file may hold a run that was stopped on its way. */
  readonly finalStep: number;
  /** Of the steps from the first; empty where a file does not tell them. */
  readonly losses: readonly number[];
  /** The sampling temperature that a file suggests. */
  readonly temperature?: number;
  /** Parameters after every step; null until the run has been trained in this page. */
  readonly history: History | null;
}

export interface Explorer {
  /** null before the first model is there. */
  readonly loaded: Loaded | null;
  /** One line, when something could not be read or trained. */
  readonly error: string;
  /** One line that is good to know. */
  readonly notice: string;

  // cursor
  /** The step whose numbers are shown. */
  readonly step: number;
  /** The step that was asked for; see `whichStep`. */
  readonly asked: number;
  /** A large model reads in a worker: what is shown is of the question before. */
  readonly reading: boolean;
  readonly document: string;
  readonly position: number;
  readonly layer: number;
  readonly head: number;
  readonly selected: Cell | null;
  readonly hovered: Cell | null;

  // interventions
  readonly interventions: Interventions;
  /** Edited weights: place in the flat parameters -> value. */
  readonly edits: ReadonlyMap<number, number>;

  // what follows
  /** After `step` updates, edits applied. */
  readonly params: Params | null;
  /** The running document, read there and back with `params` under `interventions`. */
  readonly trace: Trace | null;
  /** Token ids of the running document. */
  readonly ids: readonly number[];
}

export const NO_EDITS: ReadonlyMap<number, number> = new Map();

const EMPTY: Explorer = {
  loaded: null,
  error: '',
  notice: '',
  step: 0,
  asked: 0,
  reading: false,
  document: '',
  position: 0,
  layer: 0,
  head: 0,
  selected: null,
  hovered: null,
  interventions: {},
  edits: NO_EDITS,
  params: null,
  trace: null,
  ids: [],
};

export const explorer = createStore<Explorer>(() => EMPTY);

/** The step that can be shown when one is asked for: itself, the nearest that is kept, the last. */
export function shownStep({ finalStep, history }: Loaded, asked: number): number {
  return asked === finalStep || !history ? finalStep : history.nearestKept(asked);
}

/** The parameters after a step that `shownStep` has given. */
export function paramsAt({ final, finalStep, history }: Loaded, step: number): Params {
  if (step === finalStep) return final;
  if (!history) throw new RangeError(`step ${step} is not known`);
  return history.paramsAt(step);
}

/** What is shown where a step was asked for: it, the nearest that is kept, or not known yet. */
export type Which = 'exact' | 'kept' | 'unknown';

export function whichStep({ loaded, step, asked, reading }: Explorer): Which {
  if (reading) return 'unknown';
  if (step === asked) return 'exact';
  return loaded?.history ? 'kept' : 'unknown';
}

/** The last step that can be asked for. */
export function lastStep({ losses, finalStep }: Loaded): number {
  return Math.max(losses.length, finalStep);
}

export function edited(params: Params, edits: ReadonlyMap<number, number>): Params {
  if (edits.size === 0) return params;
  const copy = params.copy();
  for (const [index, value] of edits) copy.data[index] = value;
  return copy;
}

export function sameCell(a: Cell | null, b: Cell | null): boolean {
  return a === b || (a !== null && b !== null && cellKey(a) === cellKey(b));
}
