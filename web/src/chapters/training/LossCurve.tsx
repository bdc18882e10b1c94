import { useEffect, useMemo, useRef, useState } from 'react';
import { count, fixed } from '../../figures/format.ts';
import { prepare } from '../../figures/paint.ts';
import { columns, smoothed, spanOf } from '../../figures/plot.ts';
import { linear } from '../../figures/scale.ts';
import { useWidth } from '../../figures/useWidth.ts';
import { useSettings } from '../../store/use.ts';

export interface Curve {
  readonly id: number;
  /** A letter or number at its end. */
  readonly mark: string;
  readonly losses: readonly number[];
  /** How many of them there are: the list may grow in place. */
  readonly made: number;
  readonly firstStep: number;
  /** A colour token and the dashes of its line. */
  readonly colour: '--red' | '--blue' | '--ink' | '--soft';
  readonly dash: readonly number[];
  readonly width: number;
  /** Whether every single loss is drawn behind it. */
  readonly raw: boolean;
}

const LEFT = 44;
const RIGHT = 26;
const TOP = 10;
const BOTTOM = 26;

/**
 * Losses over steps on a canvas. Pointing, or the arrow keys, move along the first curve; a click
 * or Enter picks the step. What is under the mark is told by the caller, in a line of its own.
 */
export function LossCurve(props: {
  name: string;
  curves: readonly Curve[];
  steps: number;
  /** The loss of a uniform guess: ln of the vocabulary. */
  uniform: number;
  keep: number;
  /** On small screens, and on large ones. */
  heights: readonly [low: number, high: number];
  /** The step that is shown everywhere; a line. */
  cursor: number | null;
  at: number | null;
  describe: (step: number) => string;
  onAt: (step: number | null) => void;
  onPick: (step: number) => void;
  onDrawn?: (() => void) | undefined;
}) {
  const { curves, steps, uniform, keep, cursor, at } = props;
  const theme = useSettings((s) => s.theme);
  const [box, width] = useWidth<HTMLDivElement>();
  const height = props.heights[width < 520 || innerHeight < 860 ? 0 : 1];
  const canvas = useRef<HTMLCanvasElement>(null);
  const [focused, setFocused] = useState(false);
  const smooth = useMemo(() => curves.map((curve) => smoothed(curve.losses, keep)), [curves, keep]);
  const range = useMemo(
    () =>
      spanOf([...curves.filter(({ raw }) => raw).map(({ losses }) => losses), ...smooth], uniform),
    [curves, smooth, uniform],
  );
  const inner = Math.max(1, width - LEFT - RIGHT);
  const across = linear([0, Math.max(1, steps)], [LEFT, LEFT + inner]);
  const down = linear(range, [height - BOTTOM, TOP]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours follow the theme
  useEffect(() => {
    const element = canvas.current;
    const context = element && width > 0 && prepare(element, width, height);
    if (!context) return;
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    context.font = `500 11px ${colour('--font-mono') || 'monospace'}`;
    context.lineJoin = 'round';
    // Axes: thin lines across, round numbers beside them.
    context.textBaseline = 'middle';
    context.textAlign = 'right';
    for (const tick of down.ticks(height > 240 ? 6 : 4)) {
      context.fillStyle = colour('--hair');
      context.fillRect(LEFT, Math.round(down(tick)), inner, 1);
      context.fillStyle = colour('--soft');
      context.fillText(tick.toFixed(1), LEFT - 8, down(tick));
    }
    context.textBaseline = 'alphabetic';
    for (const tick of across.ticks(width > 600 ? 10 : 4).filter(Number.isInteger)) {
      context.textAlign = tick === 0 ? 'left' : 'center';
      context.fillText(count(tick), across(tick), height - 8);
    }
    context.fillStyle = colour('--ink');
    context.fillRect(LEFT - 2, TOP, 2, height - TOP - BOTTOM);
    context.fillRect(LEFT - 2, height - BOTTOM, inner + 2, 2);
    // What a uniform guess costs.
    context.setLineDash([2, 4]);
    context.strokeStyle = colour('--soft');
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(LEFT, down(uniform));
    context.lineTo(LEFT + inner, down(uniform));
    context.stroke();
    context.setLineDash([]);
    // A run that blows up leaves through the top.
    context.save();
    context.beginPath();
    context.rect(LEFT, 0, width - LEFT, height - BOTTOM);
    context.clip();
    for (const curve of curves) {
      if (!curve.raw) continue;
      context.globalAlpha = 0.4;
      context.strokeStyle = colour(curve.colour);
      context.lineWidth = 1;
      context.beginPath();
      for (const column of columns(curve.losses, (i) => across(curve.firstStep + i + 1))) {
        context.lineTo(column.x, down(column.high));
        if (column.low !== column.high) context.lineTo(column.x, down(column.low));
      }
      context.stroke();
      context.globalAlpha = 1;
    }
    // The main curve last, above the others.
    const ends: { y: number; curve: Curve; x: number }[] = [];
    for (let c = curves.length - 1; c >= 0; c--) {
      const curve = curves[c]!;
      const line = smooth[c]!;
      if (line.length === 0) continue;
      context.strokeStyle = colour(curve.colour);
      context.lineWidth = curve.width;
      context.setLineDash([...curve.dash]);
      context.beginPath();
      let x = 0;
      let y = 0;
      for (const column of columns(line, (i) => across(curve.firstStep + i + 1))) {
        [x, y] = [column.x, down(column.last)];
        context.lineTo(x, y);
      }
      context.stroke();
      context.setLineDash([]);
      if (curve.mark) ends.push({ x, y, curve });
    }
    context.restore();
    // Marks at the ends, moved apart where they would lie on each other.
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    ends.sort((a, b) => a.y - b.y);
    const middles = ends.map(({ y }) => y);
    for (let i = 1; i < ends.length; i++) middles[i] = Math.max(middles[i]!, middles[i - 1]! + 17);
    let floor = height - BOTTOM - 8;
    for (let i = ends.length - 1; i >= 0; i--) {
      middles[i] = Math.min(middles[i]!, floor);
      floor = middles[i]! - 17;
    }
    context.font = `700 11px ${colour('--font-mono') || 'monospace'}`;
    for (const [i, { x, curve }] of ends.entries()) {
      const middle = Math.max(middles[i]!, TOP + 8);
      context.fillStyle = colour(curve.colour);
      context.fillRect(x + 4, middle - 8, 17, 16);
      context.fillStyle = colour('--panel');
      context.fillText(curve.mark, x + 12.5, middle + 0.5);
    }
    if (cursor !== null) {
      context.fillStyle = colour('--ink');
      context.fillRect(Math.round(across(cursor)) - 1.5, TOP, 3, height - TOP - BOTTOM);
    }
    const first = curves[0];
    const loss = first && at !== null ? first.losses[at - 1 - first.firstStep] : undefined;
    if (at !== null && loss !== undefined) {
      context.fillStyle = colour('--soft');
      context.fillRect(Math.round(across(at)), TOP, 1, height - TOP - BOTTOM);
      context.fillStyle = colour('--yellow');
      context.strokeStyle = colour('--ink');
      context.lineWidth = 2;
      context.fillRect(across(at) - 5, down(loss) - 5, 10, 10);
      context.strokeRect(across(at) - 5, down(loss) - 5, 10, 10);
    }
    props.onDrawn?.();
  }, [curves, smooth, range, width, height, steps, uniform, cursor, at, theme]);

  const first = curves[0];
  const low = (first?.firstStep ?? 0) + 1;
  const high = Math.max(low, (first?.firstStep ?? 0) + (first?.made ?? 0));
  const here = Math.max(low, Math.min(at ?? cursor ?? high, high));
  const stepAt = (event: React.PointerEvent | React.MouseEvent) => {
    const { left } = event.currentTarget.getBoundingClientRect();
    const step = Math.round(across.invert(event.clientX - left));
    return Math.max(low, Math.min(step, high));
  };
  const move = (event: React.KeyboardEvent) => {
    const far = event.shiftKey ? 10 : 1;
    const by: Record<string, number> = {
      ArrowRight: far,
      ArrowUp: far,
      ArrowLeft: -far,
      ArrowDown: -far,
      PageUp: 100,
      PageDown: -100,
      Home: -steps,
      End: steps,
    };
    if (event.key === 'Enter' || event.key === ' ') props.onPick(here);
    else if (by[event.key]) props.onAt(Math.max(low, Math.min(here + by[event.key]!, high)));
    else return;
    event.preventDefault();
  };
  return (
    <div ref={box} className="min-w-0">
      <div
        role="slider"
        tabIndex={0}
        aria-label={`${props.name}. Arrow keys move along it, Enter picks the step`}
        aria-valuemin={low}
        aria-valuemax={high}
        aria-valuenow={here}
        aria-valuetext={first?.made ? props.describe(here) : 'no step yet'}
        className="cursor-crosshair touch-pan-y"
        style={{ height }}
        onKeyDown={move}
        onFocus={(event) => setFocused(event.currentTarget.matches(':focus-visible'))}
        onBlur={() => {
          setFocused(false);
          props.onAt(null);
        }}
        onPointerMove={(event) => first?.made && props.onAt(stepAt(event))}
        onPointerLeave={() => !focused && props.onAt(null)}
        onClick={(event) => first?.made && props.onPick(stepAt(event))}
      >
        <canvas ref={canvas} className="block" style={{ width, height }} />
      </div>
      <p className="caption pl-11">
        dashed: a uniform guess among all tokens, {fixed(uniform, 3)} nats
      </p>
    </div>
  );
}
