import { formatNumber } from '../engine/expression.ts';

/** A number over the steps of the run, with the step that is shown. */
export function Sparkline(props: {
  name: string;
  points: readonly (readonly [step: number, value: number])[];
  at: number;
  now: number;
}) {
  const { points } = props;
  const values = points.map(([, value]) => value);
  const low = Math.min(...values, props.now);
  const high = Math.max(...values, props.now);
  const last = points.at(-1)![0];
  const x = (step: number) => (step / Math.max(1, last)) * 200;
  const y = (value: number) => 56 - ((value - low) / (high - low || 1)) * 52;
  const path = points.map(([s, v]) => `${x(s).toFixed(1)} ${y(v).toFixed(1)}`).join('L');
  return (
    <figure>
      <svg
        viewBox="0 0 200 60"
        preserveAspectRatio="none"
        className="h-16 w-full border-2 border-line"
        role="img"
        aria-label={`${props.name}: from ${formatNumber(values[0]!)} to ${formatNumber(values.at(-1)!)}, between ${formatNumber(low)} and ${formatNumber(high)}`}
      >
        <title>{props.name}</title>
        {low < 0 && high > 0 && (
          <line
            x1="0"
            x2="200"
            y1={y(0)}
            y2={y(0)}
            stroke="var(--hair)"
            vectorEffect="non-scaling-stroke"
          />
        )}
        <path
          d={`M${path}`}
          fill="none"
          stroke="var(--blue)"
          strokeWidth="2"
          vectorEffect="non-scaling-stroke"
        />
        <line
          x1={x(props.at)}
          x2={x(props.at)}
          y1="0"
          y2="60"
          stroke="var(--ink)"
          strokeWidth="2"
          vectorEffect="non-scaling-stroke"
        />
      </svg>
      <figcaption className="caption flex justify-between font-mono">
        <span>{formatNumber(low)}</span>
        <span>{formatNumber(high)}</span>
      </figcaption>
    </figure>
  );
}
