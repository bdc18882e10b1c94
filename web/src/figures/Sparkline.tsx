import { useMemo } from 'react';
import { formatNumber } from '../engine/expression.ts';
import { Curves, Ends } from './Curves.tsx';
import { extent, type Point } from './plot.ts';

/** A number over the steps of the run, with the step that is shown. */
export function Sparkline(props: {
  name: string;
  points: readonly Point[];
  at: number;
  now: number;
}) {
  const { name, points, at } = props;
  const values = points.map(([, value]) => value);
  const [low, high] = extent(values, props.now);
  const lines = useMemo(() => [{ points, colour: 'var(--blue)' }], [points]);
  const from = formatNumber(values[0] ?? props.now);
  const to = formatNumber(values.at(-1) ?? props.now);
  return (
    <figure>
      <Curves
        name={`${name}: from ${from} to ${to}, between ${formatNumber(low)} and ${formatNumber(high)}`}
        x={[0, Math.max(1, points.at(-1)?.[0] ?? 1)]}
        y={[low, high]}
        lines={lines}
        at={at}
        level={low < 0 && high > 0 ? 0 : null}
        className="h-16 w-full border-2 border-line"
      />
      <Ends>
        <span>{formatNumber(low)}</span>
        <span>{formatNumber(high)}</span>
      </Ends>
    </figure>
  );
}
