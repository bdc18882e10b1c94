/**
 * All that changes the one state of the page, and lets what depends on it follow. Every chapter reads
 * that state, so every chapter moves with the scrubber.
 */

import { numParams } from '../engine/config.ts';
import type { Cell } from '../engine/expression.ts';
import type { Interventions } from '../engine/interventions.ts';
import { type Trace, trace } from '../engine/model.ts';
import { traceFromData } from '../worker/traceData.ts';
import {
  type Explorer,
  edited,
  explorer,
  type Loaded,
  lastStep,
  NO_EDITS,
  paramsAt,
  shownStep,
} from './state.ts';
import { workers } from './workers.ts';

export {
  type Explorer,
  edited,
  explorer,
  type Loaded,
  lastStep,
  paramsAt,
  type SourceInfo,
  sameCell,
  type Which,
  whichStep,
} from './state.ts';

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

/** Give several weights other values at once. */
export function editWeights(edits: Iterable<readonly [index: number, value: number]>): void {
  change({ edits: new Map(edits) });
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
