/**
 * The one state of the page: a run, a cursor into it, interventions; and what follows from them.
 * Knows nothing of React. Every chapter reads it, so every chapter moves with the scrubber.
 */

import { createStore } from 'zustand/vanilla';
import { numParams } from '../engine/config.ts';
import { type Cell, cellKey } from '../engine/expression.ts';
import type { History } from '../engine/history.ts';
import type { Interventions } from '../engine/interventions.ts';
import { type Trace, trace } from '../engine/model.ts';
import type { Params } from '../engine/params.ts';
import type { Run } from '../engine/train.ts';
import { traceFromData } from '../worker/traceData.ts';
import { workers } from './workers.ts';

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

const NO_EDITS: ReadonlyMap<number, number> = new Map();

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

/** What the numbers on the screen follow from. */
interface Question {
  readonly loaded: Loaded;
  readonly step: number;
  readonly document: string;
  readonly edits: ReadonlyMap<number, number>;
  readonly interventions: Interventions;
}

/** What is shown or, where a large model is being read, will be. */
let question: Question | null = null;

/** Parameters times positions: up to here a document is read within a few milliseconds. */
const LIGHT = 2_000_000;

/** Change something and let what depends on it follow. */
function change(given: Partial<Explorer>): void {
  const before = explorer.getState();
  const next: { -readonly [K in keyof Explorer]: Explorer[K] } = { ...before, ...given };
  const { loaded, edits, interventions } = next;
  if (!loaded) {
    explorer.setState(next);
    return;
  }
  const last = question;
  const moved = loaded !== last?.loaded || given.asked !== undefined;
  question = {
    ...{ loaded, edits, interventions },
    step: moved ? shownStep(loaded, next.asked) : last.step,
    document: given.document ?? last?.document ?? next.document,
  };
  if (last && sameAnswer(question, last)) {
    explorer.setState({ ...given, step: before.reading ? before.step : question.step });
  } else if (loaded.run !== before.loaded?.run || isLight(question)) {
    busy?.stop();
    busy = null;
    const shown = answer(question, readNow(question));
    const position = Math.min(next.position, shown.trace.values.length - 1);
    explorer.setState({ ...next, ...shown, position, reading: false });
  } else {
    // The switches move at once; the cursor, which is in the document, with the document.
    const { document, position, selected, hovered, ...now } = given;
    explorer.setState({ ...now, reading: true });
    if (!busy) readLater(question);
  }
}

function isLight({ loaded: { run }, document }: Question): boolean {
  return numParams(run.model) * Math.min(document.length + 1, run.model.block_size) <= LIGHT;
}

function sameAnswer(a: Question, b: Question): boolean {
  return (
    a.document === b.document &&
    a.interventions === b.interventions &&
    a.edits === b.edits &&
    a.step === b.step &&
    (a.loaded === b.loaded || weightsAt(a) === weightsAt(b))
  );
}

/** Where the weights are kept: the same place, the same numbers. */
function weightsAt({ loaded: { final, finalStep, history }, step }: Question): unknown {
  return step === finalStep ? final : history?.snapshot(step);
}

/** What of the state an answer brings. */
function answer({ step, document }: Question, read: Trace) {
  return { step, document, trace: read, params: read.params, ids: Array.from(read.document) };
}

function readingOf({ loaded, step, edits, document, interventions }: Question) {
  const params = edited(paramsAt(loaded, step), edits);
  return { params, document: loaded.run.tokenizer.encode(document), interventions };
}

function readNow(asked: Question): Trace {
  const { params, document, interventions } = readingOf(asked);
  return trace(params, document, interventions);
}

/** The question that a worker is about; the newest one is next. */
let busy: { stop(): void } | null = null;

function readLater(asked: Question): void {
  const given = readingOf(asked);
  const work = workers().compute('reading', given);
  busy = work;
  const settle = (read: Trace) => {
    if (busy !== work || !question) return; // another run is shown
    busy = null;
    const { document, position } = explorer.getState();
    const other = asked.document !== document;
    const shown = answer(asked, read);
    explorer.setState({
      ...shown,
      position: other ? 0 : Math.min(position, read.values.length - 1),
      ...(other ? { selected: null, hovered: null } : {}),
      reading: asked !== question && !sameAnswer(asked, question),
    });
    if (explorer.getState().reading) readLater(question);
  };
  work.finished.then(
    (data) => data && settle(traceFromData(data, given)),
    () => settle(readNow(asked)), // no worker can run here
  );
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

/** Show another run, at its end, with its first document running. */
export function show(loaded: Loaded, document?: string): void {
  change({
    loaded,
    error: '',
    notice: '',
    asked: loaded.finalStep,
    document: document ?? loaded.run.documents[0]!,
    position: 0,
    layer: 0,
    head: 0,
    selected: null,
    hovered: null,
    interventions: {},
    edits: NO_EDITS,
  });
}

/** The same run with more known of it: its history, or steps made since. */
export function enrich(loaded: Loaded, asked = explorer.getState().asked): void {
  change({ loaded, asked });
}

export function setStep(step: number): void {
  const { loaded } = explorer.getState();
  if (!loaded) return;
  change({ asked: Math.max(0, Math.min(step, lastStep(loaded))), edits: NO_EDITS });
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
  change({ edits: NO_EDITS });
}

export function notify(notice: string): void {
  change({ notice });
}

export function fail(error: string): void {
  change({ error });
}

export function sameCell(a: Cell | null, b: Cell | null): boolean {
  return a === b || (a !== null && b !== null && cellKey(a) === cellKey(b));
}
