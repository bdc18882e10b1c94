import { type Cell, cellKey } from '../engine/expression.ts';
import { hover, sameCell, select } from '../store/explorer.ts';
import { useSources } from '../store/sources.ts';
import { useExplorer } from '../store/use.ts';
import { fixed } from './format.ts';

/** What a grid of numbers knows of the page, asked once for all its cells. */
export interface Marks {
  readonly selected: Cell | null;
  readonly sources: ReadonlySet<string>;
}

export function useMarks(): Marks {
  const selected = useExplorer((s) => s.selected);
  return { selected, sources: useSources() };
}

/** A number that can be questioned, in a grid with `moveInGrid`. */
export function NumberCell(props: {
  cell: Cell;
  value: number;
  /** What full colour stands for. */
  largest: number;
  /** `row,column` in its grid. */
  at: string;
  /** Whether it is the one tab stop of its grid. */
  stop: boolean;
  name: string;
  marks: Marks;
  places?: number;
  className?: string;
}) {
  const { cell, value, marks } = props;
  const chosen = sameCell(cell, marks.selected);
  const source = marks.sources.has(cellKey(cell));
  const places = props.places ?? 2;
  return (
    <button
      type="button"
      data-at={props.at}
      tabIndex={props.stop ? 0 : -1}
      className={`cell ${value < 0 ? 'cell-neg' : 'cell-pos'} ${chosen ? 'cell-selected' : source ? 'cell-source' : ''} ${props.className ?? ''}`}
      style={{ '--a': Math.min(1, Math.abs(value) / props.largest) } as React.CSSProperties}
      aria-label={`${props.name}: ${fixed(value, 4)}`}
      aria-pressed={chosen}
      onClick={() => select(chosen ? null : cell)}
      onPointerEnter={() => hover(cell)}
      onFocus={() => hover(cell)}
      onBlur={() => hover(null)}
    >
      {fixed(value, places)}
    </button>
  );
}

/** The cell of a grid that takes the focus: the selected one, or the one that is given. */
export function tabStop(
  cells: readonly (readonly Cell[])[],
  selected: Cell | null,
  otherwise = '0,0',
): string {
  for (const [r, row] of cells.entries()) {
    const c = row.findIndex((cell) => sameCell(cell, selected));
    if (c >= 0) return `${r},${c}`;
  }
  return otherwise;
}
