import { precise } from '../../figures/format.ts';
import { strength } from '../../figures/paint.ts';

const FRACTIONS = [-1, -0.5, -0.25, -0.0625, 0, 0.0625, 0.25, 0.5, 1] as const;

/** Which colour stands for which number. */
export function Legend(props: {
  /** What full colour stands for, if it is the same everywhere. */
  largest: number | null;
}) {
  const end = props.largest === null ? 'largest' : precise(props.largest);
  return (
    <div className="mt-2">
      <div className="flex border-2 border-line" aria-hidden="true">
        {FRACTIONS.map((fraction) => (
          <span
            key={fraction}
            className="h-5 flex-1"
            style={{
              background: `color-mix(in srgb, var(${fraction < 0 ? '--tint-neg' : '--tint-pos'}) ${100 * strength(fraction, 1)}%, var(--panel))`,
            }}
          />
        ))}
      </div>
      <div className="caption flex justify-between font-mono">
        <span>−{end}</span>
        <span>0</span>
        <span>+{end}</span>
      </div>
      <p className="caption">
        Red below zero, blue above; the strength is the square root of the size, so that small
        numbers show.
      </p>
    </div>
  );
}
