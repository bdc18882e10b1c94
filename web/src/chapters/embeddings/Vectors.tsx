import type { Cell } from '../../engine/expression.ts';
import { fixed } from '../../figures/format.ts';
import { lookClass, tabStop, useCell } from '../../figures/Num.tsx';
import { moveInGrid } from '../../figures/roving.ts';
import { useExplorer } from '../../store/use.ts';

const BAR = 30; // px, the largest bar up or down

export interface VectorRow {
  readonly label: string;
  readonly sign: '' | '+' | '=' | '→';
  readonly note: React.ReactNode;
  readonly values: ArrayLike<number>;
  /** Null where the number belongs to no part of the running document: it can only be read. */
  readonly cells: readonly Cell[] | null;
  /** What a full bar stands for. */
  readonly largest: number;
}

/** Vectors one under another, each number a signed bar over its digits; one tab stop. */
export function Vectors(props: { name: string; rows: readonly VectorRow[] }) {
  const selected = useExplorer((s) => s.selected);
  const stop = tabStop(
    props.rows.map(({ cells }) => cells ?? []),
    selected,
  );
  return (
    <div
      role="group"
      aria-label={props.name}
      className="overflow-x-auto pb-1"
      onKeyDown={moveInGrid}
    >
      {props.rows.map(({ label, sign, note, values, cells, largest }, r) => (
        <div key={label} className="mb-2 flex w-max min-w-full items-stretch gap-[3px]">
          <div className="sticky left-0 z-[3] w-[5.75rem] shrink-0 bg-panel pr-1 md:w-32">
            <div className="flex h-[61px] items-center gap-1.5">
              <span className="w-3 text-xl font-bold text-soft" aria-hidden="true">
                {sign}
              </span>
              <span className="font-mono text-xs md:text-[0.8125rem] font-semibold leading-tight">
                {label}
              </span>
            </div>
            <div className="caption truncate">{note}</div>
          </div>
          {Array.from(values, (value, c) => {
            const cell = cells?.[c];
            const at = `${r},${c}`;
            return cell ? (
              <BarNum key={c} cell={cell} largest={largest} at={at} stop={at === stop} />
            ) : (
              <span key={c} className={CELL} style={bar(value, largest)}>
                {fixed(value)}
              </span>
            );
          })}
        </div>
      ))}
    </div>
  );
}

function BarNum(props: { cell: Cell; largest: number; at: string; stop: boolean }) {
  const { value, text, look, button } = useCell(props.cell, { places: 2 });
  return (
    <button
      {...button}
      data-at={props.at}
      tabIndex={props.stop ? 0 : -1}
      className={`${CELL} hover:outline-2 hover:outline-ink ${lookClass(look)}`}
      style={bar(value ?? 0, props.largest)}
    >
      {text}
    </button>
  );
}

const CELL =
  'relative flex h-[84px] w-12 shrink-0 grow items-end justify-center bg-no-repeat font-mono text-[0.78rem]';

/** A bar up or down from a line, drawn behind the digits. */
function bar(value: number, largest: number): React.CSSProperties {
  const height = Math.max(1, Math.min(1, Math.abs(value) / largest) * BAR);
  const colour = value < 0 ? 'var(--red)' : 'var(--blue)';
  const top = value < 0 ? BAR + 1 : BAR - height;
  return {
    backgroundImage: `linear-gradient(${colour}, ${colour}), linear-gradient(var(--hair), var(--hair))`,
    backgroundSize: `60% ${height.toFixed(1)}px, 100% 1px`,
    backgroundPosition: `center ${top.toFixed(1)}px, 0 ${BAR}px`,
  };
}
