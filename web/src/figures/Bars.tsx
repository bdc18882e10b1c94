import type { Cell } from '../engine/expression.ts';
import { percent } from './format.ts';
import { Num, useCell } from './Num.tsx';

/** A share of something as a filled part of a strip; the number itself stands beside it. */
export function Bar(props: {
  share: number;
  /** Classes: the fill, and the height of the strip with its border if it has one. */
  fill?: string;
  strip?: string;
}) {
  const width = `${(100 * Math.max(0, Math.min(1, props.share || 0))).toFixed(2)}%`;
  return (
    <span className={`block bg-bg ${props.strip ?? 'h-4'}`} aria-hidden="true">
      <span className={`block h-full ${props.fill ?? 'bg-blue'}`} style={{ width }} />
    </span>
  );
}

/** Signed bars of a vector: a quick look where the numbers themselves stand beside. */
export function Bars(props: { values: ArrayLike<number>; largest: number; name: string }) {
  const n = props.values.length;
  const width = 8;
  return (
    <svg
      role="img"
      aria-label={props.name}
      viewBox={`0 0 ${n * width} 40`}
      className="h-10 w-full max-w-[24rem]"
      preserveAspectRatio="none"
    >
      <title>{props.name}</title>
      <line x1="0" x2={n * width} y1="20" y2="20" stroke="var(--hair)" strokeWidth="1" />
      {Array.from(props.values, (value, i) => {
        const height = Math.max(0.5, Math.min(1, Math.abs(value) / props.largest) * 20);
        return (
          <rect
            key={i}
            x={i * width + 1}
            width={width - 2}
            y={value < 0 ? 20 : 20 - height}
            height={height}
            fill={value < 0 ? 'var(--red)' : 'var(--blue)'}
          />
        );
      })}
    </svg>
  );
}

interface TokenBar {
  readonly token: string;
  readonly cell: Cell;
  readonly mark?: 'target' | undefined;
}

function CellBar({ cell }: { cell: Cell }) {
  const { value } = useCell(cell);
  return (
    <>
      <Bar share={value ?? 0} fill="bg-yellow" strip="h-4 border-2 border-line" />
      <Num cell={cell} write={percent} className="text-right font-mono text-sm" />
    </>
  );
}

/** Probabilities of tokens, likeliest first, as bars with their numbers. */
export function TokenBars(props: { rows: readonly TokenBar[] }) {
  return (
    <ul className="space-y-1.5">
      {props.rows.map(({ token, cell, mark }) => (
        <li key={token} className="grid grid-cols-[auto_1fr_4rem] items-center gap-3">
          <span
            className={`tile tile-small ${token === 'BOS' ? '!text-[0.625rem]' : ''}`}
            aria-current={mark === 'target' ? 'true' : undefined}
          >
            {token}
          </span>
          <CellBar cell={cell} />
        </li>
      ))}
    </ul>
  );
}
