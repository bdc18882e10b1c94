import { type PointerEvent, useMemo } from 'react';
import type { Interval, Point } from './plot.ts';
import { linear, pathThrough } from './scale.ts';

const WIDTH = 600;
const HEIGHT = 200;
const EDGE = 4; // so that a thick line at the end of the scale is not cut

export interface Line {
  readonly points: Iterable<Point>;
  /** Any colour of CSS. */
  readonly colour: string;
  readonly width?: number;
  readonly dash?: string;
  readonly opacity?: number;
}

/**
 * Curves in one frame that is as wide as there is room. The lines are drawn from the numbers as
 * they are; memoise them where there are many.
 */
export function Curves(props: {
  /** What is said of it. */
  name: string;
  /** Whether a control beside it says it already. */
  silent?: boolean;
  x: Interval;
  y: Interval;
  lines: readonly Line[];
  /** Where a line stands upright, such as the step that is shown. */
  at?: number | null;
  /** Where a thin line lies, such as zero. */
  level?: number | null;
  className?: string;
  onPointer?: (event: PointerEvent<SVGSVGElement>, place: Point) => void;
}) {
  const { name, silent, lines, at, level } = props;
  const [x0, x1] = props.x;
  const [y0, y1] = props.y;
  const across = useMemo(() => linear([x0, x1], [0, WIDTH]), [x0, x1]);
  const up = useMemo(() => linear([y0, y1], [HEIGHT - EDGE, EDGE]), [y0, y1]);
  const paths = useMemo(
    () =>
      lines.map(({ points }) =>
        pathThrough(Array.from(points, ([x, y]): Point => [across(x), up(y)])),
      ),
    [lines, across, up],
  );
  const pointer = (event: PointerEvent<SVGSVGElement>) => {
    const { left, top, width, height } = event.currentTarget.getBoundingClientRect();
    const x = across.invert(((event.clientX - left) / width) * WIDTH);
    const y = up.invert(((event.clientY - top) / height) * HEIGHT);
    props.onPointer?.(event, [x, y]);
  };
  const listens = props.onPointer && {
    onPointerDown: pointer,
    onPointerMove: pointer,
    onPointerUp: pointer,
    onPointerCancel: pointer,
  };
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      className={props.className ?? 'h-32 w-full border-2 border-line'}
      role="img"
      aria-label={name}
      aria-hidden={silent}
      {...listens}
    >
      <title>{name}</title>
      {level !== undefined && level !== null && (
        <Straight d={`M0 ${up(level)}H${WIDTH}`} colour="var(--hair)" width={1} />
      )}
      {lines.map(({ colour, width, dash, opacity }, i) => (
        <path
          key={i}
          d={paths[i]}
          fill="none"
          stroke={colour}
          strokeWidth={width ?? 2}
          strokeDasharray={dash}
          strokeOpacity={opacity}
          vectorEffect="non-scaling-stroke"
        />
      ))}
      {at !== undefined && at !== null && (
        <Straight d={`M${across(at)} 0V${HEIGHT}`} colour="var(--ink)" width={3} />
      )}
    </svg>
  );
}

function Straight({ d, colour, width }: { d: string; colour: string; width: number }) {
  return <path d={d} stroke={colour} strokeWidth={width} vectorEffect="non-scaling-stroke" />;
}

/** What stands below the ends of an axis. */
export function Ends({ children }: { children: React.ReactNode }) {
  return (
    <figcaption
      className="caption flex justify-between font-mono"
      data-not-asked="the ends of a scale"
    >
      {children}
    </figcaption>
  );
}
