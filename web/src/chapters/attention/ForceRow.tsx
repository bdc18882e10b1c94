import { type KeyboardEvent, type PointerEvent, useRef, useState } from 'react';
import { forcedRow, reweighted, withForced } from '../../figures/changes.ts';
import { percent } from '../../figures/format.ts';
import { moveInGrid } from '../../figures/roving.ts';
import { intervene } from '../../store/explorer.ts';
import { useExplorer, useLoaded } from '../../store/use.ts';

const STEP = 0.05;

/** The shares of one query as bars that can be dragged; the others make room. */
export function ForceRow() {
  const { trace, tokenizer } = useLoaded();
  const layer = useExplorer((s) => s.layer);
  const head = useExplorer((s) => s.head);
  const position = useExplorer((s) => s.position);
  const given = useExplorer((s) => s.interventions);
  const [last, setLast] = useState(0);
  const group = useRef<HTMLDivElement>(null);
  const row = trace.values.row(`layer${layer}.attn_weights`, position, head).slice(0, position + 1);
  const at = Math.min(last, position);
  const forced = forcedRow(given, layer, head, position) !== null;
  const token = (t: number) => tokenizer.token(trace.values.tokens[t]!);
  const force = (weights: readonly number[] | null) =>
    intervene(withForced(given, layer, head, position, weights));
  const give = (place: number, share: number) => {
    setLast(place);
    force(reweighted(row, place, share));
  };

  const drag = (event: PointerEvent<HTMLElement>, place: number) => {
    if (event.type === 'pointerdown') event.currentTarget.setPointerCapture(event.pointerId);
    else if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = event.currentTarget.getBoundingClientRect();
    give(place, (box.bottom - event.clientY) / box.height);
  };
  const key = (event: KeyboardEvent<HTMLElement>, place: number) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const turn = { ArrowUp: STEP, ArrowDown: -STEP, Home: -1, End: 1 }[event.key];
    if (move === undefined && turn === undefined) return;
    event.preventDefault();
    if (turn !== undefined) return give(place, row[place]! + turn);
    const next = Math.max(0, Math.min(position, place + move!));
    setLast(next);
    group.current?.querySelectorAll<HTMLElement>('[role="slider"]')[next]?.focus();
  };

  return (
    <section aria-label="Force an attention row">
      <h3 className="text-sm font-bold">
        force a row: head {head}, position {position} ({token(position)})
      </h3>
      <p className="caption mt-1">
        Drag a bar, or use the arrow keys: what {token(position)} gives to one position is taken
        from the others.
      </p>
      <div
        ref={group}
        role="group"
        aria-label="Shares of this row"
        className="mt-2 flex max-w-full gap-[3px] overflow-x-auto p-1"
      >
        {Array.from(row, (share, s) => (
          <div key={s} className="w-9 shrink-0 text-center">
            <div
              role="slider"
              tabIndex={s === at ? 0 : -1}
              aria-label={`share of position ${s}, ${token(s)}`}
              aria-orientation="vertical"
              aria-valuemin={0}
              aria-valuemax={100}
              aria-valuenow={Math.round(100 * share)}
              aria-valuetext={percent(share)}
              className="relative h-24 cursor-ns-resize touch-none border-2 border-line bg-bg"
              onPointerDown={(event) => drag(event, s)}
              onPointerMove={(event) => drag(event, s)}
              onKeyDown={(event) => key(event, s)}
              onFocus={() => setLast(s)}
            >
              <span
                className={`absolute inset-x-0 bottom-0 ${forced ? 'bg-red' : 'bg-yellow'}`}
                style={{ height: `${100 * share}%` }}
              />
            </div>
            <span className="caption block font-mono !text-[0.7rem]">
              {Math.round(100 * share)}
            </span>
            <span className={`block font-bold ${token(s) === 'BOS' ? 'text-[0.7rem]' : 'text-sm'}`}>
              {token(s)}
            </span>
          </div>
        ))}
      </div>
      <div
        role="group"
        aria-label="The whole row"
        className="mt-2 flex flex-wrap gap-1"
        onKeyDown={moveInGrid}
      >
        {(
          [
            [`all on ${token(at)}`, Array.from(row, (_, s) => (s === at ? 1 : 0))],
            ['uniform', Array.from(row, () => 1 / row.length)],
            ['as computed', null],
          ] as const
        ).map(([label, weights], i) => (
          <button
            key={i}
            type="button"
            data-at={`0,${i}`}
            tabIndex={i === 0 ? 0 : -1}
            className="btn"
            aria-disabled={weights === null && !forced}
            onClick={() => force(weights)}
          >
            {label}
          </button>
        ))}
      </div>
    </section>
  );
}
