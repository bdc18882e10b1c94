import { Ends } from '../../figures/Curves.tsx';
import { count, fixed } from '../../figures/format.ts';
import { linear } from '../../figures/scale.ts';
import { histogram } from './statistics.ts';

const BINS = 48;
const HEIGHT = 120;
const UNIT = 10; // width of a bin

/** How the values are spread: now as columns, before the first step as an outline. */
export function Histogram(props: {
  now: ArrayLike<number>;
  initial: ArrayLike<number> | null;
  limit: number;
}) {
  const { now, initial, limit } = props;
  const columns = histogram(now, limit, BINS);
  const outline = initial && histogram(initial, limit, BINS);
  const most = Math.max(...columns, ...(outline ?? []));
  const y = linear([0, most], [HEIGHT, 4]);
  const bars = columns
    .map((n, i) => `M${i * UNIT + 1} ${HEIGHT}V${y(n).toFixed(1)}h${UNIT - 2}V${HEIGHT}z`)
    .join('');
  const steps = outline?.map((n, i) => `${i ? 'L' : 'M'}${i * UNIT} ${y(n).toFixed(1)}h${UNIT}`);
  const name = `Distribution of the values between ${fixed(-limit)} and ${fixed(limit)}; the fullest bin holds ${count(most)}`;
  return (
    <figure>
      <svg
        role="img"
        aria-label={name}
        viewBox={`0 0 ${BINS * UNIT} ${HEIGHT}`}
        preserveAspectRatio="none"
        className="h-40 w-full border-b-2 border-line"
      >
        <title>{name}</title>
        <path d={bars} fill="var(--blue)" />
        {steps && (
          <path
            d={steps.join('')}
            fill="none"
            stroke="var(--red)"
            strokeWidth="2.5"
            vectorEffect="non-scaling-stroke"
          />
        )}
      </svg>
      <Ends>
        <span>{fixed(-limit)}</span>
        <span>0</span>
        <span>{fixed(limit)}</span>
      </Ends>
    </figure>
  );
}
