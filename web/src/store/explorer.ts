/**
 * The one state of the page: a run, a cursor into it, interventions; and what follows from them.
 * Knows nothing of React. Every chapter reads it, so every chapter moves with the scrubber.
 */

import { createStore } from 'zustand/vanilla';
import { type Cell, cellKey } from '../engine/expression.ts';
import type { History } from '../engine/history.ts';
import type { Interventions } from '../engine/interventions.ts';
import { type Trace, trace } from '../engine/model.ts';
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

export type Theme = 'light' | 'dark';

export interface Explorer {
  /** null before the first model is there. */
  readonly loaded: Loaded | null;
  /** One line, when something could not be read or trained. */
  readonly error: string;
  /** One line that is good to know. */
  readonly notice: string;
  /** Steps made by the worker while it trains; null otherwise. */
  readonly training: number | null;

  // cursor
  /** The step whose numbers are shown. */
  readonly step: number;
  /** The step that was asked for; see `whichStep`. */
  readonly asked: number;
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

const EMPTY: Explorer = {
  loaded: null,
  error: '',
  notice: '',
  training: null,
  step: 0,
  asked: 0,
  document: '',
  position: 0,
  layer: 0,
  head: 0,
  selected: null,
  hovered: null,
  interventions: {},
  edits: new Map(),
  params: null,
  trace: null,
  ids: [],
};

export const explorer = createStore<Explorer>(() => EMPTY);

/** Change something and let what depends on it follow. */
function change(given: Partial<Explorer>): void {
  const before = explorer.getState();
  const next: { -readonly [K in keyof Explorer]: Explorer[K] } = { ...before, ...given };
  const { loaded } = next;
  if (loaded) {
    const moved = loaded !== before.loaded || next.asked !== before.asked;
    if (moved) next.step = shownStep(loaded, next.asked);
    const params =
      moved || next.edits !== before.edits
        ? edited(paramsAt(loaded, next.step), next.edits)
        : next.params!;
    if (
      params !== before.params ||
      next.document !== before.document ||
      next.interventions !== before.interventions
    ) {
      const ids = loaded.run.tokenizer.encode(next.document);
      const read = trace(params, ids, next.interventions);
      const position = Math.min(next.position, read.values.length - 1);
      explorer.setState({ ...next, params, ids, trace: read, position });
      return;
    }
  }
  explorer.setState(next);
}

/** The step that can be shown when one is asked for: itself, the nearest that is kept, the last. */
function shownStep({ finalStep, history }: Loaded, asked: number): number {
  return asked === finalStep || !history ? finalStep : history.nearestKept(asked);
}

/** The parameters after a step that `shownStep` has given. */
export function paramsAt({ final, finalStep, history }: Loaded, step: number): Params {
  if (step === finalStep) return final;
  if (!history) throw new RangeError(`step ${step} is not known`);
  return history.paramsAt(step);
}

/** The parameters that are shown, in full precision where the history can give it. */
export function exactParams({ loaded, step, edits, params }: Explorer): Params | null {
  if (!loaded || !params || step === loaded.finalStep) return params;
  const exact = loaded.history?.stateAt(step)?.params;
  return exact ? edited(exact, edits) : params;
}

/** What is shown where a step was asked for: it, the nearest that is kept, or not known yet. */
export type Which = 'exact' | 'kept' | 'unknown';

export function whichStep({ loaded, step, asked }: Explorer): Which {
  if (step === asked) return 'exact';
  return loaded?.history ? 'kept' : 'unknown';
}

/** The last step that can be asked for. */
export function lastStep({ losses, finalStep }: Loaded): number {
  return Math.max(losses.length, finalStep);
}

function edited(params: Params, edits: ReadonlyMap<number, number>): Params {
  if (edits.size === 0) return params;
  const copy = params.copy();
  for (const [index, value] of edits) copy.data[index] = value;
  return copy;
}

/** Show another run, at its end, with its first document running. */
export function show(loaded: Loaded, document?: string): void {
  change({
    loaded,
    error: '',
    notice: '',
    training: null, // whatever was being trained is not shown any more
    asked: loaded.finalStep,
    document: document ?? loaded.run.documents[0]!,
    position: 0,
    layer: 0,
    head: 0,
    selected: null,
    hovered: null,
    interventions: {},
    edits: new Map(),
  });
}

/** The same run with more known of it: its history, or steps made since. */
export function enrich(loaded: Loaded, asked = explorer.getState().asked): void {
  change({ loaded, asked });
}

export function setStep(step: number): void {
  const { loaded } = explorer.getState();
  if (!loaded) return;
  change({ asked: Math.max(0, Math.min(step, lastStep(loaded))), edits: new Map() });
}

/** Throws DataError if the text has characters that the model does not know. */
export function setDocument(document: string): void {
  const { loaded } = explorer.getState();
  if (!loaded) return;
  loaded.run.tokenizer.encode(document);
  change({ document, position: 0, selected: null, hovered: null });
}

export function setPosition(position: number): void {
  const { trace } = explorer.getState();
  if (trace) change({ position: Math.max(0, Math.min(position, trace.values.length - 1)) });
}

export function setHead(head: number, layer = explorer.getState().layer): void {
  change({ head, layer });
}

export function select(selected: Cell | null): void {
  change({ selected });
}

export function hover(hovered: Cell | null): void {
  if (hovered !== explorer.getState().hovered) explorer.setState({ hovered });
}

export function intervene(interventions: Interventions): void {
  change({ interventions });
}

/** Give one weight another value; null takes the edit back. */
export function editWeight(index: number, value: number | null): void {
  const edits = new Map(explorer.getState().edits);
  if (value === null) edits.delete(index);
  else edits.set(index, value);
  change({ edits });
}

export function clearEdits(): void {
  change({ edits: new Map() });
}

export function setTraining(training: number | null): void {
  change({ training });
}

export function notify(notice: string): void {
  change({ notice });
}

export function fail(error: string): void {
  change({ error, training: null });
}

export function sameCell(a: Cell | null, b: Cell | null): boolean {
  return a === b || (a !== null && b !== null && cellKey(a) === cellKey(b));
}
