import { type RefObject, useEffect, useMemo, useRef, useState } from 'react';
import {
  type Cell,
  type Expr,
  formatNumber,
  type Segment,
  segments,
} from '../engine/expression.ts';
import { points as pointsOf } from '../engine/overRun.ts';
import { explain, label, nudge } from '../engine/provenance.ts';
import { cellValue } from '../engine/scene.ts';
import { percent } from '../figures/format.ts';
import { moveInGrid } from '../figures/roving.ts';
import { Sparkline } from '../figures/Sparkline.tsx';
import { clearEdits, editWeight, hover, select } from '../store/explorer.ts';
import { useScene } from '../store/scene.ts';
import { useCompute, useExplorer, useLoaded } from '../store/use.ts';

const TERMS = 7; // of a sum, before it is cut short; the reader can open it
const CHIPS = 8;

/** Everything about one number: what made it, how the loss feels it, what uses it, its history. */
export default function Inspector() {
  const scene = useScene();
  const selected = useExplorer((s) => s.selected)!;
  const explanation = useMemo(() => {
    try {
      return explain(scene, selected);
    } catch (error) {
      if (error instanceof RangeError) return null; // the document has become shorter
      throw error;
    }
  }, [scene, selected]);
  const box = useRef<HTMLElement>(null);
  const close = useFocus(box, selected);
  return (
    <aside
      ref={box}
      tabIndex={-1}
      aria-label="Inspector"
      aria-describedby="inspector-value inspector-name"
      className="fixed inset-x-0 bottom-[4.75rem] z-20 max-h-[55vh] overflow-y-auto border-t-4 border-line bg-panel p-4 md:left-auto md:right-0 md:top-16 md:max-h-none md:w-80 md:border-l-4 md:border-t-0 lg:static lg:w-[20.5rem] lg:p-5"
    >
      <div className="flex items-start justify-between gap-2">
        <h2 className="text-sm font-bold">selected number</h2>
        <button type="button" className="btn !min-h-7 !px-2" onClick={close}>
          close
        </button>
      </div>
      {explanation === null ? (
        <p className="caption mt-3">{missing(selected)}</p>
      ) : (
        <>
          <p
            id="inspector-value"
            className="break-words font-mono text-[2.5rem] font-semibold leading-tight tracking-tight"
          >
            {formatNumber(explanation.value)}
          </p>
          <p id="inspector-name" className="caption break-words font-mono">
            {label(selected)}
          </p>
          <Section title="computed from">
            {explanation.expr?.op === 'number' ? (
              <p className="caption">{sentence(explanation.expr.note)}</p>
            ) : explanation.expr ? (
              <Formula key={label(selected)} expr={explanation.expr} value={explanation.value} />
            ) : (
              <Learned cell={selected} value={explanation.value} />
            )}
          </Section>
          {(selected.kind === 'value' || selected.kind === 'param') && <Slope cell={selected} />}
          {explanation.consumers.length > 0 && <Consumers cells={explanation.consumers} />}
          {OF_THE_TRACE.has(selected.kind) && <OverRun cell={selected} />}
        </>
      )}
    </aside>
  );
}

/**
 * Opened from the keyboard, the inspector takes the focus; Escape, wherever it is pressed, closes it
 * and gives the focus back to the number that was asked. Returns the way to close it.
 */
function useFocus(box: RefObject<HTMLElement | null>, selected: Cell): () => void {
  const opener = useRef<HTMLElement | null>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever another number is asked
  useEffect(() => {
    const at = document.activeElement as HTMLElement | null;
    const outside = at !== null && at !== document.body && !box.current?.contains(at);
    if (outside) opener.current = at;
    if (!outside || at.matches(':focus-visible')) box.current?.focus();
  }, [selected]);

  const close = () => {
    const at = document.activeElement;
    select(null);
    if (at === document.body || box.current?.contains(at)) opener.current?.focus();
  };
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      const elsewhere = (event.target as HTMLElement).closest('dialog');
      if (event.key !== 'Escape' || event.defaultPrevented || elsewhere) return;
      event.preventDefault();
      close();
    };
    addEventListener('keydown', key);
    return () => removeEventListener('keydown', key);
  });
  return close;
}

function Section({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <section className="mt-3 border-t-2 border-line pt-3">
      <h3 className="mb-1 text-sm font-bold">{title}</h3>
      {children}
    </section>
  );
}

/** The formula with names, then with the numbers put in; each part can be asked in its turn. */
function Formula({ expr, value }: { expr: Expr; value: number }) {
  const [all, setAll] = useState(false);
  const how = all ? {} : { maxTerms: TERMS };
  const names = segments(expr, { ...how, name: label });
  const numbers = segments(expr, how);
  const cut = numbers.some(({ note }) => note?.endsWith(' terms'));
  return (
    <div className="font-mono text-[0.8125rem] leading-6">
      <div role="group" aria-label="Operands: arrow keys move among them" onKeyDown={moveInGrid}>
        <p className="break-words">
          <Segments parts={names} row={0} />
        </p>
        <p className="mt-2 break-words">
          = <Segments parts={numbers} row={1} />
        </p>
      </div>
      <p className="mt-2 font-semibold">= {formatNumber(value)}</p>
      {(cut || all) && (
        <button type="button" className="btn mt-2 !min-h-7 !px-2" onClick={() => setAll(!all)}>
          {all ? 'shorter' : 'all terms'}
        </button>
      )}
    </div>
  );
}

function Segments({ parts, row }: { parts: readonly Segment[]; row: number }) {
  const first = parts.findIndex(({ cell }) => cell);
  return parts.map(({ text, cell, note }, i) =>
    cell ? (
      <button
        key={i}
        type="button"
        data-at={`${row},${i}`}
        tabIndex={row === 0 && i === first ? 0 : -1}
        className="underline decoration-hair decoration-2 underline-offset-4 hover:bg-yellow hover:text-[#121212]"
        onClick={() => select(cell)}
        onPointerEnter={() => hover(cell)}
        onPointerLeave={() => hover(null)}
        onFocus={() => hover(cell)}
        onBlur={() => hover(null)}
      >
        {text}
      </button>
    ) : (
      <span key={i} title={note}>
        {text}
      </span>
    ),
  );
}

/** A parameter comes from training, not from a formula; here it can be changed. */
function Learned({ cell, value }: { cell: Cell; value: number }) {
  const { params } = useLoaded();
  const edits = useExplorer((s) => s.edits);
  if (cell.kind !== 'param') return <p className="caption">{given(cell)}</p>;
  const index = params.index(cell.name, cell.row, cell.column);
  return (
    <div className="text-sm">
      <p className="caption">
        A parameter: random before training, then changed by every step. Change it yourself:
      </p>
      <input
        type="range"
        className="mt-2 w-full accent-[var(--red)]"
        aria-label={`Value of ${label(cell)}`}
        min={-2}
        max={2}
        step={0.01}
        value={value}
        onChange={(event) => editWeight(index, Number(event.target.value))}
      />
      {edits.size > 0 && (
        <button type="button" className="btn mt-1 !min-h-7 !px-2" onClick={clearEdits}>
          take back {edits.size === 1 ? 'the edit' : `${edits.size} edits`}
        </button>
      )}
    </div>
  );
}

function sentence(note: string): string {
  const text = note.charAt(0).toUpperCase() + note.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** What each step of the run has a value of. */
const OF_THE_TRACE: ReadonlySet<Cell['kind']> = new Set(['value', 'grad', 'param', 'param_grad']);

/** Why a number has no formula here. */
function given({ kind }: Cell): string {
  switch (kind) {
    case 'initial':
      return 'Drawn at random before the first step.';
    case 'batch_grad':
      return 'The gradient of the documents that this step reads.';
    case 'weight_before':
      return 'The weight before this step.';
    case 'm_before':
    case 'v_before':
      return 'A running mean over the steps before this one.';
    default:
      return 'It is an input and was not computed.';
  }
}

function missing({ kind }: Cell): string {
  return OF_THE_TRACE.has(kind)
    ? 'It is not part of this document. Select another.'
    : 'It has not been worked out for this step.';
}

/** The gradient, and a real nudge of the number that checks it. */
function Slope({ cell }: { cell: Cell }) {
  const { trace } = useLoaded();
  const result = useMemo(() => nudge({ trace }, cell), [trace, cell]);
  const { gradient, slope, distance, lossUp, lossDown } = result;
  const agrees = Math.abs(slope - gradient) <= 1e-6 * Math.max(1, Math.abs(gradient));
  const kinked = !agrees && Math.abs(slope - gradient) > 1e-3 * Math.abs(gradient);
  return (
    <Section title="its gradient, dL/dx">
      <p className="font-mono text-lg font-semibold">{formatNumber(gradient)}</p>
      <p className="caption mt-1">
        Moved by ±{formatNumber(distance)}, the loss of this document goes from{' '}
        {lossDown.toFixed(8)} to {lossUp.toFixed(8)}: a slope of {formatNumber(slope)}.{' '}
        <span className={`px-1.5 font-bold ${agrees ? 'bg-yellow text-[#121212]' : ''}`}>
          {agrees ? 'agrees' : kinked ? 'a kink lies between' : 'agrees within rounding'}
        </span>
      </p>
    </Section>
  );
}

function Consumers({ cells }: { cells: readonly Cell[] }) {
  const more = cells.length - CHIPS;
  return (
    <Section title={`used by ${cells.length}`}>
      <div className="flex flex-wrap gap-1">
        {cells.slice(0, CHIPS).map((cell) => (
          <button
            key={label(cell)}
            type="button"
            className="border-2 border-line px-1.5 font-mono text-xs hover:bg-yellow hover:text-[#121212]"
            onClick={() => select(cell)}
            onPointerEnter={() => hover(cell)}
            onPointerLeave={() => hover(null)}
          >
            {label(cell)}
          </button>
        ))}
        {more > 0 && <span className="caption self-center">and {more} more</span>}
      </div>
    </Section>
  );
}

function OverRun({ cell }: { cell: Cell }) {
  const { loaded, trace } = useLoaded();
  const step = useExplorer((s) => s.step);
  const document = useExplorer((s) => s.document);
  const interventions = useExplorer((s) => s.interventions);
  const { history, run } = loaded;
  const { value, soFar } = useCompute(
    'valueOverRun',
    useMemo(
      () => history && { run, points: pointsOf(history), document, interventions, cell },
      [history, run, document, interventions, cell],
    ),
  );
  const points = value ?? [];
  if (history && points.length < 2) {
    return (
      <Section title="during training">
        <p className="caption">being computed: {percent(soFar ?? 0, 0)} done</p>
      </Section>
    );
  }
  if (points.length < 2) {
    return (
      <Section title="during training">
        <p className="caption">
          Click the loss curve at the bottom of the page to retrain; the history fills in.
        </p>
      </Section>
    );
  }
  return (
    <Section title="during training">
      <Sparkline
        name={`${label(cell)} after each step`}
        points={points}
        at={step}
        now={cellValue({ trace }, cell)}
      />
    </Section>
  );
}
