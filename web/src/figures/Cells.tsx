import { type Cell, cellKey } from '../engine/expression.ts';
import { hover, sameCell, select } from '../store/explorer.ts';
import { useSources } from '../store/sources.ts';
import { useExplorer } from '../store/use.ts';
import { fixed } from './format.ts';
import { moveInGrid } from './roving.ts';

export interface Row {
  readonly label: string;
  /** Spoken instead of the label. */
  readonly name?: string;
  readonly cells: readonly Cell[];
  readonly values: ArrayLike<number>;
  readonly current?: boolean;
}

/**
 * Numbers as a grid of buttons: colour says sign and size, a click asks where a number comes from,
 * hovering shows what it was made of wherever that is on the page. One tab stop, arrows within.
 */
export function Cells(props: {
  name: string;
  rows: readonly Row[];
  /** What full colour stands for. */
  largest: number;
  places?: number;
  /** Cells to leave hatched at the end of each row: what does not exist yet. */
  width?: number;
  labelWidth?: string;
}) {
  const selected = useExplorer((s) => s.selected);
  const sources = useSources();
  const focusAt = focusable(props.rows, selected);
  return (
    <div
      role="group"
      aria-label={props.name}
      className="cells min-w-0"
      onKeyDown={moveInGrid}
      onPointerLeave={() => hover(null)}
    >
      {props.rows.map((row, r) => (
        <div key={row.label + r} className="mb-[3px] flex flex-wrap gap-x-[3px] sm:flex-nowrap">
          <span
            className={`w-full shrink-0 pr-2 text-sm font-semibold leading-7 sm:w-[var(--label)] ${row.current ? 'text-ink' : 'text-soft'}`}
            style={{ '--label': props.labelWidth ?? '5.75rem' } as React.CSSProperties}
          >
            {row.label}
          </span>
          <div className="cells-row">
            {row.cells.map((cell, c) => {
              const value = row.values[c]!;
              const chosen = sameCell(cell, selected);
              const source = sources.has(cellKey(cell));
              return (
                <button
                  key={c}
                  type="button"
                  data-at={`${r},${c}`}
                  tabIndex={focusAt === `${r},${c}` ? 0 : -1}
                  className={`cell shrink-0 ${value < 0 ? 'cell-neg' : 'cell-pos'} ${chosen ? 'cell-selected' : source ? 'cell-source' : ''}`}
                  style={
                    { '--a': Math.min(1, Math.abs(value) / props.largest) } as React.CSSProperties
                  }
                  aria-label={`${fixed(value, props.places ?? 2)}: ${row.name ?? row.label} ${c}`}
                  aria-pressed={chosen}
                  onClick={() => select(chosen ? null : cell)}
                  onPointerEnter={() => hover(cell)}
                  onFocus={() => hover(cell)}
                  onBlur={() => hover(null)}
                >
                  {fixed(value, props.places ?? 2)}
                </button>
              );
            })}
            {Array.from({ length: (props.width ?? 0) - row.cells.length }, (_, i) => (
              <span key={`future${i}`} className="cell hatched shrink-0" aria-hidden="true" />
            ))}
          </div>
        </div>
      ))}
    </div>
  );
}

/** The one cell of a grid that takes the focus: the selected one, or the first. */
function focusable(rows: readonly Row[], selected: Cell | null): string {
  for (const [r, row] of rows.entries()) {
    const c = row.cells.findIndex((cell) => sameCell(cell, selected));
    if (c >= 0) return `${r},${c}`;
  }
  return '0,0';
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
