import { useMemo } from 'react';
import { type Cell, formatNumber } from '../engine/expression.ts';
import { hover, sameCell, select } from '../store/explorer.ts';
import { useScene } from '../store/scene.ts';
import { useExplorer } from '../store/use.ts';
import { HeatMap } from './HeatMap.tsx';
import { knownValue, Num, sayIn, tabStop, type Writing } from './Num.tsx';
import { moveInGrid } from './roving.ts';

export interface Row {
  readonly label: string;
  readonly cells: readonly Cell[];
  readonly current?: boolean;
}

/** Beyond so many numbers a grid is drawn on a canvas: a page has room for some 1,500 elements. */
const MOST_BUTTONS = 640;

/**
 * Numbers as a grid of buttons: colour says sign and size, a click asks where a number comes from,
 * hovering shows what it was made of wherever that is on the page. One tab stop, arrows within.
 * Of many numbers the colours alone, on a canvas that is asked in the same ways.
 */
export function Cells(props: CellsProps) {
  const count = props.rows.reduce((sum, { cells }) => sum + cells.length, 0);
  return count > MOST_BUTTONS ? <Painted {...props} /> : <Buttons {...props} />;
}

type CellsProps = Writing & {
  name: string;
  rows: readonly Row[];
  /** What full colour stands for. */
  largest: number;
  /** Cells to leave hatched at the end of each row: what does not exist yet. */
  width?: number;
  labelWidth?: string;
};

function Painted({ name, rows, largest }: CellsProps) {
  const scene = useScene();
  const selected = useExplorer((s) => s.selected);
  const columns = Math.max(...rows.map(({ cells }) => cells.length));
  const at = ([r, c]: readonly [number, number]) => rows[r]?.cells[c] ?? null;
  const values = useMemo(
    () =>
      Float64Array.from({ length: rows.length * columns }, (_, i) => {
        const cell = rows[Math.floor(i / columns)]?.cells[i % columns];
        return (cell && knownValue(scene, cell)) ?? 0;
      }),
    [scene, rows, columns],
  );
  return (
    <HeatMap
      name={name}
      values={values}
      rows={useMemo(() => rows.map(({ label }) => label), [rows])}
      columns={useMemo(() => Array.from({ length: columns }, (_, i) => `${i}`), [columns])}
      largest={largest}
      describe={(r, c, value) => {
        const cell = at([r, c]);
        return cell ? `${sayIn(scene, cell)}: ${formatNumber(value)}` : '';
      }}
      onPoint={(place) => hover(place && at(place))}
      onPick={(place) => {
        const cell = at(place);
        select(sameCell(cell, selected) ? null : cell);
      }}
    />
  );
}

function Buttons(props: CellsProps) {
  const { rows, largest, places = 2, write, width = 0 } = props;
  const selected = useExplorer((s) => s.selected);
  const stop = tabStop(
    rows.map(({ cells }) => cells),
    selected,
  );
  return (
    <div role="group" aria-label={props.name} className="cells min-w-0" onKeyDown={moveInGrid}>
      {rows.map((row, r) => (
        <div key={row.label + r} className="mb-[3px] flex flex-wrap gap-x-[3px] sm:flex-nowrap">
          <span
            className={`w-full shrink-0 pr-2 text-sm font-semibold leading-7 sm:w-[var(--label)] ${row.current ? 'text-ink' : 'text-soft'}`}
            style={{ '--label': props.labelWidth ?? '5.75rem' } as React.CSSProperties}
          >
            {row.label}
          </span>
          <div className="cells-row">
            {row.cells.map((cell, c) => (
              <Num
                key={c}
                cell={cell}
                largest={largest}
                at={`${r},${c}`}
                stop={stop === `${r},${c}`}
                places={places}
                write={write}
                className="shrink-0"
              />
            ))}
            {Array.from({ length: width - row.cells.length }, (_, i) => (
              <span key={`future${i}`} className="cell hatched shrink-0" aria-hidden="true" />
            ))}
          </div>
        </div>
      ))}
    </div>
  );
}

export const MEAN_LOSS: Cell = { kind: 'value', name: 'mean_loss', row: 0, column: 0, head: 0 };

/** −log of the probability of what comes after a position. */
export function lossCell(row: number): Cell {
  return { kind: 'value', name: 'loss', row, column: 0, head: 0 };
}

/** Of a token after a position. */
export function probability(row: number, column: number): Cell {
  return { kind: 'value', name: 'probs', row, column, head: 0 };
}

/** The cells of a row of a named intermediate or, with another kind, of its gradient, of a tensor… */
export function rowCells(
  name: string,
  row: number,
  width: number,
  kind: Cell['kind'] = 'value',
  head = 0,
): Cell[] {
  return Array.from({ length: width }, (_, column) => ({ kind, name, row, column, head }));
}
