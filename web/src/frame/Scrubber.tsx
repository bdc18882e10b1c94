import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { count } from '../figures/format.ts';
import { extent, smoothed, thinned } from '../figures/plot.ts';
import { explorer, lastStep, setStep, type Which, whichStep } from '../store/explorer.ts';
import { trainHere } from '../store/session.ts';
import { present } from '../store/settings.ts';
import { useExplorer, useSession } from '../store/use.ts';
import { Share } from './Share.tsx';

const Curves = lazy(async () => ({ default: (await import('../figures/Curves.tsx')).Curves }));
const POINTS = 1000;
const REPLAY_SECONDS = 10;

/** The loss of every step; drag to see the whole page as it was after that step. */
export function Scrubber() {
  const loaded = useExplorer((s) => s.loaded);
  const step = useExplorer((s) => s.step);
  const asked = useExplorer((s) => s.asked);
  const which = useExplorer(whichStep);
  const training = useSession((s) => s.training);
  const [playing, setPlaying] = useState(false);
  const losses = loaded?.losses;
  const steps = loaded?.run.training.steps ?? 1000;
  const curve = useMemo(() => (losses ? curvesOf(losses) : null), [losses]);

  useEffect(() => {
    if (!playing) return;
    let frame = 0;
    const from = explorer.getState().asked;
    const started = performance.now();
    const tick = (now: number) => {
      const next = Math.round(from + ((now - started) / 1000 / REPLAY_SECONDS) * steps);
      const { loaded: playingNow } = explorer.getState();
      const end = playingNow ? lastStep(playingNow) : 0;
      setStep(next);
      if (next < end) frame = requestAnimationFrame(tick);
      else setPlaying(false);
    };
    frame = requestAnimationFrame(tick);
    return () => cancelAnimationFrame(frame);
  }, [playing, steps]);

  const known = loaded?.history !== null;
  const prepare = () => {
    if (loaded && !known && training === null) return trainHere();
    return Promise.resolve();
  };
  const play = async () => {
    if (playing) return setPlaying(false);
    await prepare();
    const { asked: now, loaded: run } = explorer.getState();
    if (!run || now >= lastStep(run)) setStep(0);
    setPlaying(true);
  };

  const loss = step > 0 ? losses?.[step - 1] : undefined;
  return (
    <footer className="col-span-full flex items-center gap-3 border-t-4 border-line bg-panel px-3 py-2 md:gap-5 md:px-5">
      <button
        type="button"
        className="grid h-11 w-11 shrink-0 place-items-center border-3 border-line bg-red text-on-accent"
        aria-label={playing ? 'Pause the replay' : 'Replay the training'}
        onClick={() => void play()}
        disabled={!loaded || training !== null}
      >
        <svg viewBox="0 0 20 20" className="h-5 w-5" fill="currentColor" aria-hidden="true">
          <title>replay</title>
          {playing ? <path d="M3 2h5v16H3zM12 2h5v16h-5z" /> : <path d="M4 2 18 10 4 18Z" />}
        </svg>
      </button>
      <div
        className="h-9 w-24 shrink-0 overflow-hidden whitespace-nowrap leading-tight md:h-12 md:w-32"
        aria-live="off"
      >
        <div className="font-mono text-sm font-bold md:text-lg">
          {training === null ? `step ${count(step)}` : `training ${count(training)}`}
        </div>
        <div className="caption">
          {which !== 'exact'
            ? which === 'kept'
              ? `nearest to ${count(asked)}`
              : `${count(asked)} not known yet`
            : loss === undefined
              ? step === 0
                ? 'before training'
                : 'loss not known'
              : `loss ${loss.toFixed(4)}`}
        </div>
      </div>
      <div className="relative h-14 min-w-0 flex-1">
        {curve && (
          <Suspense>
            <Curves
              name="loss of every step"
              silent
              x={[0, steps]}
              y={curve.y}
              lines={curve.lines}
              at={step}
              className="absolute inset-0 h-full w-full"
            />
          </Suspense>
        )}
        <input
          type="range"
          className="absolute inset-0 h-full w-full cursor-ew-resize opacity-0"
          aria-label="Training step"
          aria-valuetext={valueText(step, asked, which, loss)}
          min={0}
          max={steps}
          value={asked}
          disabled={!loaded}
          onPointerDown={() => void prepare()}
          onFocus={() => void prepare()}
          onChange={(event) => {
            setPlaying(false);
            setStep(Number(event.target.value));
          }}
        />
        <span className="pointer-events-none absolute inset-0 [input:focus-visible+&]:outline-3 [input:focus-visible+&]:outline-blue" />
      </div>
      <Share />
      <button type="button" className="btn shrink-0 max-md:hidden" onClick={() => present(true)}>
        present
      </button>
    </footer>
  );
}

function valueText(step: number, asked: number, which: Which, loss: number | undefined): string {
  const shown = `step ${step}${loss === undefined ? '' : `, loss ${loss.toFixed(4)}`}`;
  if (which === 'exact') return shown;
  if (which === 'kept') return `step ${asked} is not kept; shown is the nearest: ${shown}`;
  return `step ${asked} is not known yet; shown is ${shown}`;
}

/** The raw losses and their running mean over the whole schedule. */
function curvesOf(losses: readonly number[]) {
  const [low, high] = extent(losses, 0.1);
  const place = (i: number) => i + 1;
  return {
    y: [0.9 * low, high] as const,
    lines: [
      { points: [...thinned(losses, POINTS, place)], ...RAW },
      { points: [...thinned(smoothed(losses, 0.98), POINTS, place)], ...SMOOTH },
    ],
  };
}

const RAW = { colour: 'var(--red)', opacity: 0.45, width: 1 } as const;
const SMOOTH = { colour: 'var(--red)', width: 3 } as const;
