/** One tab stop for a whole grid of buttons; the arrow keys move within it. */

import type { KeyboardEvent } from 'react';

/**
 * For the `onKeyDown` of an element whose buttons carry `data-at="row,column"`. Ctrl+Home and
 * Ctrl+End go to the ends of the grid, Home and End to those of the row.
 */
export function moveInGrid(event: KeyboardEvent<HTMLElement>): void {
  const target = (event.target as HTMLElement).closest<HTMLElement>('[data-at]');
  if (!target) return;
  const cells = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-at]')];
  const [row, column] = place(target);
  const inRow = cells.filter((cell) => place(cell)[0] === row);
  const inColumn = cells.filter((cell) => place(cell)[1] === column);
  const step = (line: HTMLElement[], by: number) => line[line.indexOf(target) + by];
  const moves: Record<string, () => HTMLElement | undefined> = {
    ArrowRight: () => step(inRow, 1),
    ArrowLeft: () => step(inRow, -1),
    ArrowDown: () => step(inColumn, 1),
    ArrowUp: () => step(inColumn, -1),
    Home: () => (event.ctrlKey ? cells[0] : inRow[0]),
    End: () => (event.ctrlKey ? cells.at(-1) : inRow.at(-1)),
  };
  const next = moves[event.key]?.();
  if (!next) return;
  event.preventDefault();
  for (const cell of cells) cell.tabIndex = cell === next ? 0 : -1;
  next.focus();
}

function place(cell: HTMLElement): [row: number, column: number] {
  const [row = 0, column = 0] = (cell.dataset.at ?? '').split(',').map(Number);
  return [row, column];
}
