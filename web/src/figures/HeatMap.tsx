import { useEffect, useRef, useState } from 'react';
import { useSettings } from '../store/use.ts';
import { layer, type Palette, paintMatrix, palette, prepare } from './paint.ts';
import { useWidth } from './useWidth.ts';

const MARGIN = 26; // px for the names at the left and on top
const LARGEST_CELL = 24;
const LETTER = 6.5; // px, the widest of a name

type Place = readonly [row: number, column: number];

/**
 * A table of numbers in colour, on a canvas: for more of them than a page can hold as elements.
 * Pointing or the arrow keys read it out; a click or Enter picks a number.
 */
export function HeatMap(props: {
  name: string;
  /** Row by row. */
  values: ArrayLike<number>;
  rows: readonly string[];
  columns: readonly string[];
  /** The number at a place in words: `position 3 and position 4: 0.25`. */
  describe: (row: number, column: number, value: number) => string;
  /** What full colour stands for. */
  largest: number;
  onPoint?: (place: Place | null) => void;
  onPick?: (place: Place) => void;
}) {
  const { name, values, rows, columns, describe, largest, onPoint, onPick } = props;
  const [box, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const scratch = useRef<HTMLCanvasElement>(null);
  const names = useRef<{ key: string; canvas: HTMLCanvasElement }>(null);
  const theme = useSettings((s) => s.theme);
  const [hovered, setHovered] = useState<Place | null>(null);
  const [cursor, setCursor] = useState<Place>([0, 0]);
  const [focused, setFocused] = useState(false);
  const left = Math.max(MARGIN, Math.min(0.3 * width, longest(rows) * LETTER + 8));
  const most = (width - left - 2) / columns.length;
  const cell = most >= 2 ? Math.min(LARGEST_CELL, Math.floor(most)) : Math.max(0.5, most);
  const across = left + columns.length * cell + 2;
  const down = MARGIN + rows.length * cell + 2;
  const [row, column] = hovered ?? (focused ? cursor : [-1, -1]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours follow the theme
  useEffect(() => {
    const element = canvas.current;
    const context = element && prepare(element, across, down);
    if (!context) return;
    const colours = palette();
    scratch.current ??= document.createElement('canvas');
    const shape = { rows: rows.length, columns: columns.length, x: left, y: MARGIN };
    paintMatrix(context, scratch.current, values, shape, cell, largest, colours);
    context.strokeStyle = colours.ink;
    context.lineWidth = 1;
    context.strokeRect(left - 0.5, MARGIN - 0.5, columns.length * cell, rows.length * cell);
    const key = [colours.ink, cell, row, column, rows, columns].join();
    if (names.current?.key !== key) {
      const size = { across, down, left, cell };
      names.current = { key, canvas: drawNames(rows, columns, size, [row, column], colours) };
    }
    context.drawImage(names.current.canvas, 0, 0, across, down);
    if (row >= 0) {
      context.strokeStyle = colours.ink;
      context.lineWidth = 2;
      const side = Math.max(cell, 4) + 2;
      const middle = (from: number, i: number) => from + (i + 0.5) * cell - side / 2;
      context.strokeRect(middle(left, column), middle(MARGIN, row), side, side);
    }
  }, [values, rows, columns, cell, left, across, down, largest, theme, row, column]);

  const text =
    row >= 0 && row < rows.length && column < columns.length
      ? describe(row, column, values[row * columns.length + column]!)
      : '';
  const point = (place: Place | null) => {
    setHovered(place);
    onPoint?.(place);
  };
  const find = (event: React.MouseEvent): Place | null => {
    const edge = event.currentTarget.getBoundingClientRect();
    const c = Math.floor((event.clientX - edge.left - left) / cell);
    const r = Math.floor((event.clientY - edge.top - MARGIN) / cell);
    const inside = r >= 0 && r < rows.length && c >= 0 && c < columns.length;
    return inside ? [r, c] : null;
  };
  return (
    <div ref={box} className="relative min-w-0">
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: it takes the arrow keys */}
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-label={`${name}. Arrow keys move${onPick ? ', Enter picks a number' : ''}.`}
        className="mx-auto block cursor-crosshair"
        style={{ width: across, height: down }}
        onPointerMove={(event) => point(find(event))}
        onPointerDown={(event) => point(find(event))}
        onPointerLeave={() => point(null)}
        onClick={(event) => {
          const place = find(event);
          if (place) onPick?.(place);
        }}
        onFocus={() => setFocused(true)}
        onBlur={() => setFocused(false)}
        onKeyDown={(event) => {
          const steps: Record<string, [number, number]> = {
            ArrowUp: [-1, 0],
            ArrowDown: [1, 0],
            ArrowLeft: [0, -1],
            ArrowRight: [0, 1],
          };
          const step = steps[event.key];
          if (event.key === 'Enter' && onPick) onPick(cursor);
          else if (step) {
            const within = (i: number, n: number) => Math.max(0, Math.min(n - 1, i));
            const next: Place = [
              within(cursor[0] + step[0], rows.length),
              within(cursor[1] + step[1], columns.length),
            ];
            point(null);
            setCursor(next);
            onPoint?.(next);
          } else return;
          event.preventDefault();
        }}
      />
      <p className="mt-3 h-6 truncate border-l-8 border-yellow pl-2 font-mono text-sm leading-6">
        {text || <span className="text-soft">point, or use the arrow keys</span>}
      </p>
      <p className="sr-only" aria-live="polite">
        {focused ? text : ''}
      </p>
    </div>
  );
}

function longest(names: readonly string[]): number {
  return Math.max(0, ...names.map(({ length }) => length));
}

/** The names at the left and on top, as many as there is room for; the two pointed at in bold. */
function drawNames(
  rows: readonly string[],
  columns: readonly string[],
  size: { across: number; down: number; left: number; cell: number },
  [row, column]: Place,
  colours: Palette,
): HTMLCanvasElement {
  const { across, down, left, cell } = size;
  const every = (room: number) => Math.max(1, Math.ceil(room / cell));
  const atLeft = every(LETTER * 2);
  const onTop = every(LETTER * longest(columns) + 3);
  return layer(across, down, (context) => {
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    const write = (text: string, x: number, y: number, lit: boolean) => {
      context.font = `${lit ? 700 : 400} ${Math.min(13, Math.max(10, cell - 2))}px ${colours.mono}`;
      context.fillStyle = lit ? colours.ink : colours.soft;
      context.fillText(text, x, y, left - 2);
    };
    for (const [i, text] of rows.entries()) {
      const lit = i === row;
      if (lit || i % atLeft === 0) write(text, left / 2, MARGIN + (i + 0.5) * cell, lit);
    }
    for (const [i, text] of columns.entries()) {
      const lit = i === column;
      if (lit || i % onTop === 0) write(text, left + (i + 0.5) * cell, MARGIN / 2, lit);
    }
  });
}
