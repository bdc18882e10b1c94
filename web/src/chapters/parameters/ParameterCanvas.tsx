import { useEffect, useMemo, useRef, useState } from 'react';
import type { Cell } from '../../engine/expression.ts';
import { label } from '../../engine/provenance.ts';
import type { Scene } from '../../engine/scene.ts';
import { largest, precise } from '../../figures/format.ts';
import { knownValue } from '../../figures/Num.tsx';
import { layer, type Palette, paintMatrix, palette, prepare } from '../../figures/paint.ts';
import { useWidth } from '../../figures/useWidth.ts';
import { select } from '../../store/explorer.ts';
import { useLinks, useScene } from '../../store/scene.ts';
import { useExplorer, useSettings } from '../../store/use.ts';
import { arrange, type Direction, type Layout, neighbour, type Place, placeAt } from './layout.ts';
import { cellAt, numbersOf, type Shown, type Where } from './shown.ts';

const ARROWS: Readonly<Record<string, Direction>> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
};

/**
 * All parameters at once, each a square. Pointing at one reads it out below; a click, or Enter,
 * selects it. One tab stop: the arrows move a cursor over all tensors.
 */
export function ParameterCanvas(props: {
  shown: Shown;
  scale: 'tensor' | 'all';
  /** What a row of a tensor stands for, where it stands for something: a token, a position. */
  rowName: (tensor: string, row: number) => string;
}) {
  const { shown, scale } = props;
  const scene = useScene();
  const { params, config } = scene.trace;
  const numbers = numbersOf(scene, shown);
  const [box, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const scratch = useRef<HTMLCanvasElement>(null);
  const names = useRef<Names>(null);
  const theme = useSettings((s) => s.theme);
  const selected = useExplorer((s) => s.selected);
  const { sources } = useLinks();
  const layout = useMemo(() => arrange(config, width), [config, width]);
  const [hovered, setHovered] = useState<Place | null>(null);
  const [focused, setFocused] = useState(false);
  const [cursor, setCursor] = useState<Where>({ name: 'wte', row: 0, column: 0 });
  const chosen = selected?.name && params.tensors.has(selected.name) ? selected : null;
  const at = onLayout(layout, cursor);
  const place = hovered ?? (focused ? at : chosen ? onLayout(layout, chosen) : null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours follow the theme
  useEffect(() => {
    const element = canvas.current;
    const context = element && prepare(element, layout.width, layout.height);
    if (!context) return;
    const colours = palette();
    scratch.current ??= document.createElement('canvas');
    const most = numbers && scale === 'all' ? largest(numbers.data) : 0;
    if (names.current?.layout !== layout || names.current.colours !== colours) {
      names.current = { layout, colours, canvas: drawNames(layout, colours) };
    }
    context.drawImage(names.current.canvas, 0, 0, layout.width, layout.height);
    for (const block of layout.blocks) {
      const { x, y, rows, columns, name } = block;
      const right = columns * layout.cell;
      const down = rows * layout.cell;
      if (numbers) {
        const { data } = numbers.tensor(name);
        paintMatrix(
          context,
          scratch.current,
          data,
          block,
          layout.cell,
          most || largest(data),
          colours,
        );
      }
      context.strokeStyle = chosen?.name === name ? colours.ink : colours.hair;
      context.lineWidth = chosen?.name === name ? 2 : 1;
      context.strokeRect(x - 1.5, y - 1.5, right + 2, down + 2);
    }
    const frame = (spot: Place, colour: string, thick: number) => {
      const side = Math.max(layout.cell, 4) + thick;
      const middle = layout.cell / 2;
      const cx = spot.block.x + spot.column * layout.cell + middle;
      const cy = spot.block.y + spot.row * layout.cell + middle;
      context.strokeStyle = colour;
      context.lineWidth = thick;
      context.strokeRect(cx - side / 2, cy - side / 2, side, side);
    };
    for (const key of sources) {
      const [kind, name, , row, column] = key.split(' ');
      if (kind !== shown.kind) continue;
      const spot = onLayout(layout, { name: name!, row: Number(row), column: Number(column) });
      if (spot) frame(spot, colours.yellow, 2);
    }
    if (chosen) {
      const spot = onLayout(layout, chosen);
      if (spot) {
        frame(spot, colours.ink, 5);
        frame(spot, colours.yellow, 2.5);
      }
    }
    if (place && place !== hovered && focused) frame(place, colours.ink, 3);
    if (hovered) frame(hovered, colours.ink, 2);
  }, [layout, numbers, shown, scale, theme, chosen, hovered, cursor, focused, sources]);

  const text = place ? read(scene, props, place) : '';
  const move = (event: React.KeyboardEvent) => {
    const direction = ARROWS[event.key];
    if (at && (event.key === 'Enter' || event.key === ' ')) {
      event.preventDefault();
      select(cellAt(shown, whereOf(at)));
    } else if (at && direction) {
      event.preventDefault();
      setHovered(null);
      let next = at;
      for (let n = event.shiftKey ? 4 : 1; n > 0; n--) next = neighbour(layout, next, direction);
      setCursor(whereOf(next));
    } else if (at && (event.key === 'Home' || event.key === 'End')) {
      event.preventDefault();
      const column = event.key === 'Home' ? 0 : at.block.columns - 1;
      setCursor({ ...whereOf(at), column });
    } else if (event.key === 'PageDown' || event.key === 'PageUp') {
      event.preventDefault();
      const names = [...params.tensors.keys()];
      const step = event.key === 'PageDown' ? 1 : names.length - 1;
      const name = names[(names.indexOf(cursor.name) + step) % names.length]!;
      setCursor({ name, row: 0, column: 0 });
    }
  };
  return (
    <div ref={box} className="relative min-w-0">
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: it takes the arrow keys */}
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-label={`All parameters, ${shown.title}. Arrow keys move, Page Down goes to the next tensor, Enter selects.`}
        className="block cursor-crosshair focus-visible:outline-offset-4"
        style={{ width: layout.width, height: layout.height }}
        onPointerMove={(event) => {
          const edge = event.currentTarget.getBoundingClientRect();
          const found = placeAt(layout, event.clientX - edge.left, event.clientY - edge.top);
          if (!samePlace(found, hovered)) setHovered(found);
        }}
        onPointerLeave={() => setHovered(null)}
        onClick={(event) => {
          const edge = event.currentTarget.getBoundingClientRect();
          const found = placeAt(layout, event.clientX - edge.left, event.clientY - edge.top);
          if (!found) return;
          setCursor(whereOf(found));
          select(cellAt(shown, whereOf(found)));
        }}
        onKeyDown={move}
        onFocus={() => setFocused(true)}
        onBlur={() => setFocused(false)}
      />
      <p className="mt-3 h-6 overflow-hidden text-ellipsis whitespace-nowrap border-l-8 border-yellow pl-2 font-mono text-sm leading-6">
        {text || <span className="text-soft">point, or use the arrow keys</span>}
      </p>
      <p className="sr-only" aria-live="polite">
        {focused ? text : ''}
      </p>
    </div>
  );
}

function onLayout(layout: Layout, { name, row, column }: Where): Place | null {
  const block = layout.blocks.find((candidate) => candidate.name === name);
  return block && row < block.rows && column < block.columns ? { block, row, column } : null;
}

function whereOf({ block, row, column }: Place): Where {
  return { name: block.name, row, column };
}

function samePlace(a: Place | null, b: Place | null): boolean {
  if (!a || !b) return a === b;
  return a.block === b.block && a.row === b.row && a.column === b.column;
}

function read(
  scene: Scene,
  { shown, rowName }: { shown: Shown; rowName: RowName },
  place: Place,
): string {
  const where = whereOf(place);
  const { params } = scene.trace;
  if (!params.tensors.has(where.name)) return '';
  const written = (cell: Cell) => {
    const value = knownValue(scene, cell);
    return value === null ? '…' : precise(value);
  };
  const weight: Cell = { kind: 'param', ...where, head: 0 };
  const plain = shown.kind === 'param';
  const meaning = rowName(where.name, where.row);
  const value = plain ? '' : `, value ${written(weight)}`;
  const title = plain ? '' : `${shown.title} `;
  return `${label(weight)}${meaning ? ` (${meaning})` : ''}  ${title}${written(cellAt(shown, where))}${value}`;
}

type RowName = (tensor: string, row: number) => string;

interface Names {
  readonly layout: Layout;
  readonly colours: Palette;
  readonly canvas: HTMLCanvasElement;
}

function drawNames(layout: Layout, colours: Palette): HTMLCanvasElement {
  const layers = layout.blocks.filter(({ name }) => name.endsWith('attn_wq')).length;
  return layer(layout.width, layout.height, (context) => {
    context.fillStyle = colours.ink;
    context.font = `600 11px ${colours.mono}`;
    for (const { name, x, y, columns } of layout.blocks) {
      context.fillText(fitting(context, name, columns * layout.cell, layers), x, y - 5);
    }
  });
}

/** A name as it fits: whole, or without its layer where there is but one. */
function fitting(
  context: CanvasRenderingContext2D,
  name: string,
  width: number,
  layers: number,
): string {
  const bare = name.replace(/^layer\d+\./, '');
  const short = layers > 1 ? name.replace(/^layer(\d+)\./, '$1.') : bare;
  return [name, short].find((text) => context.measureText(text).width <= width) ?? bare;
}
