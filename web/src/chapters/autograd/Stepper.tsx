import { useEffect, useState } from 'react';

const PAUSE = 1000; // ms between two steps

/** Through the frames: back, step, play, all; a slider to any of them. */
export function Stepper(props: {
  at: number;
  last: number;
  /** What the frame shows, for those who do not see it. */
  name: string;
  onMove: (at: number) => void;
}) {
  const { at, last, onMove } = props;
  const [playing, setPlaying] = useState(false);

  useEffect(() => {
    if (!playing) return;
    if (at >= last) {
      setPlaying(false);
      return;
    }
    const timer = setTimeout(() => onMove(at + 1), PAUSE);
    return () => clearTimeout(timer);
  }, [playing, at, last, onMove]);

  const go = (to: number) => {
    setPlaying(false);
    onMove(Math.max(0, Math.min(last, to)));
  };
  const atEnd = at >= last;
  return (
    <div role="group" aria-label="Steps" className="flex flex-wrap items-center gap-1.5">
      <button type="button" className="btn" disabled={at === 0} onClick={() => go(at - 1)}>
        back
      </button>
      <button
        type="button"
        className="btn min-w-[4.25rem]"
        aria-label={atEnd ? 'again from the start' : undefined}
        onClick={() => go(atEnd ? 0 : at + 1)}
      >
        {atEnd ? 'again' : 'step'}
      </button>
      <button
        type="button"
        className="btn btn-red min-w-[4.75rem]"
        onClick={() => {
          if (!playing && atEnd) onMove(0);
          setPlaying(!playing);
        }}
      >
        {playing ? 'pause' : 'play'}
      </button>
      <button type="button" className="btn" disabled={atEnd} onClick={() => go(last)}>
        all
      </button>
      <label className="flex min-w-[14rem] flex-1 items-center gap-3">
        <input
          type="range"
          className="h-9 min-w-0 flex-1 accent-[var(--ink)]"
          aria-label="Step"
          aria-valuetext={`${at} of ${last}: ${props.name}`}
          min={0}
          max={last}
          value={at}
          onChange={(event) => go(event.target.valueAsNumber)}
        />
        <span className="caption whitespace-nowrap font-mono" aria-hidden="true">
          {at} / {last}
        </span>
      </label>
    </div>
  );
}
