import { useEffect, useRef, useState } from 'react';
import { fixed } from '../../figures/format.ts';
import { layer, type Palette, paintMatrix, palette, prepare } from '../../figures/paint.ts';
import { useWidth } from '../../figures/useWidth.ts';
import { useSettings } from '../../store/use.ts';

const MARGIN = 26; // px for the names at the left and on top
const LARGEST_CELL = 24;
const LETTER = 6.5; // px, the widest of a name

/** A square table of numbers between things, in colour; pointing or the arrow keys read it out. */
export function HeatMap(props: {
  name: string;
  values: Float64Array;
  labels: readonly string[];
  /** How a thing is called where there is room: `position 3`. */
  fullName: (i: number) => string;
  largest: number;
}) {
  const { name, values, labels, fullName, largest } = props;
  const n = labels.length;
  const [box, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const scratch = useRef<HTMLCanvasElement>(null);
  const names = useRef<{ key: string; labels: readonly string[]; canvas: HTMLCanvasElement }>(null);
  const theme = useSettings((s) => s.theme);
  const [hovered, setHovered] = useState<[number, number] | null>(null);
  const [cursor, setCursor] = useState<[number, number]>([0, 0]);
  const [focused, setFocused] = useState(false);
  const most = (width - MARGIN - 2) / n;
  const cell = most >= 2 ? Math.min(LARGEST_CELL, Math.floor(most)) : Math.max(0.5, most);
  const side = MARGIN + n * cell + 2;
  const [row, column] = hovered ?? (focused ? cursor : [-1, -1]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours follow the theme
  useEffect(() => {
    const element = canvas.current;
    const context = element && prepare(element, side, side);
    if (!context) return;
    const colours = palette();
    scratch.current ??= document.createElement('canvas');
    const shape = { rows: n, columns: n, x: MARGIN, y: MARGIN };
    paintMatrix(context, scratch.current, values, shape, cell, largest, colours);
    context.strokeStyle = colours.ink;
    context.lineWidth = 1;
    context.strokeRect(MARGIN - 0.5, MARGIN - 0.5, n * cell, n * cell);
    const key = [colours.ink, cell, row, column].join();
    if (names.current?.key !== key || names.current.labels !== labels) {
      const drawn = drawNames(labels, side, cell, [row, column], colours);
      names.current = { key, labels, canvas: drawn };
    }
    context.drawImage(names.current.canvas, 0, 0, side, side);
    if (row >= 0) {
      context.strokeStyle = colours.ink;
      context.lineWidth = 2;
      const side = Math.max(cell, 4) + 2;
      const middle = (i: number) => MARGIN + (i + 0.5) * cell - side / 2;
      context.strokeRect(middle(column), middle(row), side, side);
    }
  }, [values, labels, cell, side, largest, theme, row, column]);

  const text =
    row >= 0 && row < n && column < n
      ? `${fullName(row)} and ${fullName(column)}: ${fixed(values[row * n + column]!, 3)}`
      : '';
  const find = (event: React.PointerEvent): [number, number] | null => {
    const edge = event.currentTarget.getBoundingClientRect();
    const c = Math.floor((event.clientX - edge.left - MARGIN) / cell);
    const r = Math.floor((event.clientY - edge.top - MARGIN) / cell);
    return r >= 0 && r < n && c >= 0 && c < n ? [r, c] : null;
  };
  return (
    <div ref={box} className="relative min-w-0">
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: it takes the arrow keys */}
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-label={`${name}. Arrow keys move.`}
        className="mx-auto block cursor-crosshair"
        style={{ width: side, height: side }}
        onPointerMove={(event) => setHovered(find(event))}
        onPointerDown={(event) => setHovered(find(event))}
        onPointerLeave={() => setHovered(null)}
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
          if (!step) return;
          event.preventDefault();
          setHovered(null);
          const within = (i: number) => Math.max(0, Math.min(n - 1, i));
          setCursor(([r, c]) => [within(r + step[0]), within(c + step[1])]);
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

/** The names at the left and on top, as many as there is room for; the two pointed at in bold. */
function drawNames(
  labels: readonly string[],
  side: number,
  cell: number,
  [row, column]: readonly [number, number],
  colours: Palette,
): HTMLCanvasElement {
  const shown = labels.map((label) => (label === 'BOS' ? '·' : label));
  const letters = Math.max(...shown.map((label) => label.length));
  const every = Math.ceil((letters * LETTER + 3) / cell);
  return layer(side, side, (context) => {
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    shown.forEach((text, i) => {
      const at = MARGIN + (i + 0.5) * cell;
      const lit = i === row || i === column;
      context.font = `${lit ? 700 : 400} ${Math.min(13, Math.max(10, cell - 2))}px ${colours.mono}`;
      context.fillStyle = lit ? colours.ink : colours.soft;
      if (i % every === 0 || i === row) context.fillText(text, MARGIN / 2, at);
      if (i % every === 0 || i === column) context.fillText(text, at, MARGIN / 2);
    });
  });
}
