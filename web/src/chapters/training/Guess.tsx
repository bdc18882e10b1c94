import { useEffect, useMemo, useState } from 'react';
import { useStore } from 'zustand';
import { log } from '../../engine/elementary.ts';
import { Curves } from '../../figures/Curves.tsx';
import { fixed } from '../../figures/format.ts';
import { type Point, smoothed, thinned } from '../../figures/plot.ts';
import { SLIDER } from '../../figures/slider.ts';
import { lab, turn } from '../../store/lab.ts';
import { lastMean, onlyRate, sameSettings } from '../../store/labSettings.ts';
import { answer } from '../../store/settings.ts';
import { useLoaded, useSettings } from '../../store/use.ts';

export const GUESS = 'training rate guess';
const POINTS = 41;
const FACTOR = 10;

/** Draw what you expect before you see it: the curve at ten times the learning rate. */
export function Guess() {
  const { run, loaded } = useLoaded();
  const kept = useSettings((s) => s.answers[GUESS]);
  const current = useStore(lab, (s) => s.current);
  const base = useStore(lab, (s) => s.base);
  const uniform = log(run.model.vocab_size);
  const [drawn, setDrawn] = useState<readonly number[] | null>(() => read(kept));
  const [pen, setPen] = useState<number | null>(null);
  const [truth, setTruth] = useState<readonly number[] | null>(null);
  const rate = (base?.run ?? run).training.learning_rate;
  const asked = Number((FACTOR * rate).toPrecision(2));
  const wanted = useMemo(() => onlyRate(base?.run ?? run, asked), [base, run, asked]);
  const own = useMemo(() => smoothed(loaded.losses, 0.98), [loaded.losses]);
  const bottom = Math.max(0, Math.min(...own, uniform) - 0.6);
  const top = uniform + 0.5;

  // The run that answers is the one with nothing but the rate changed.
  useEffect(() => {
    if (kept === undefined || current?.status !== 'done') return;
    if (sameSettings(current.settings, wanted)) setTruth([...current.losses]);
  }, [current, wanted, kept]);

  const lines = useMemo(() => {
    const over = (values: ArrayLike<number>) => [
      ...thinned(values, 200, (i) => i / Math.max(1, values.length - 1)),
    ];
    return [
      { points: over(own), colour: 'var(--soft)' },
      { points: over(smoothed(truth ?? [], 0.98)), colour: 'var(--red)', width: 3 },
      { points: over(drawn ?? []), colour: 'var(--blue)', width: 3, dash: '8 5' },
    ];
  }, [own, truth, drawn]);
  const start = uniform;
  const end = drawn?.at(-1) ?? uniform;
  const draw = ([x, loss]: Point, from: number | null) => {
    const at = Math.max(0, Math.min(POINTS - 1, Math.round(x * (POINTS - 1))));
    const next = [...(drawn ?? ending(start, start))];
    const before = from ?? at;
    const was = next[before]!;
    for (let i = Math.min(at, before); i <= Math.max(at, before); i++) {
      next[i] = at === before ? loss : was + ((i - before) / (at - before)) * (loss - was);
    }
    // What has not been drawn yet goes on level.
    for (let i = at + 1; from === null && i < POINTS; i++) next[i] = loss;
    if (from !== null && at > from) next.fill(loss, at);
    setDrawn(next);
    setPen(at);
  };
  const commit = () => {
    answer(GUESS, (drawn ?? ending(start, end)).map((v) => v.toFixed(2)).join(' '));
    turn(wanted, performance.now());
  };
  const done = kept !== undefined;
  const truly = truth && lastMean(truth);
  const before = lastMean(loaded.losses);
  return (
    <section className="panel border-l-[16px] p-4" aria-labelledby="guess-title">
      <h2 id="guess-title" className="text-sm font-bold">
        <span className="mr-2 bg-yellow px-2 py-0.5 text-[#121212]">predict</span>A learning rate
        ten times larger, {String(asked)} instead of {String(rate)}: better, the same, worse? Draw
        the curve that you expect.
      </h2>
      <div className="mt-3 grid grid-cols-[minmax(0,1fr)] gap-4 @4xl:grid-cols-[minmax(0,1.6fr)_minmax(0,1fr)]">
        <Curves
          name={`Loss during training. At rate ${rate} it ends at ${before === null ? 'an unknown loss' : fixed(before, 2)}; your guess ends at ${fixed(end, 2)}${truly === null ? '' : `; in truth ${fixed(truly, 2)}`}`}
          x={[0, 1]}
          y={[bottom, top]}
          lines={lines}
          className={`h-44 w-full border-2 border-line bg-bg ${done ? '' : 'cursor-crosshair touch-none'}`}
          onPointer={({ type, currentTarget, pointerId }, place) => {
            if (done) return;
            if (type === 'pointerdown') {
              currentTarget.setPointerCapture(pointerId);
              draw(place, null);
            } else if (type !== 'pointermove') setPen(null);
            else if (pen !== null) draw(place, pen);
          }}
        />
        <div className="space-y-2 text-sm">
          <p className="caption">
            Grey: the run as it is, at {String(rate)}. Blue: your guess. Draw with the pointer, or
            say where it ends:
          </p>
          <label className="grid grid-cols-[auto_minmax(0,1fr)_3rem] items-center gap-2 font-medium">
            ends at
            <input
              type="range"
              className={SLIDER}
              min={Math.round(bottom * 20) / 20}
              max={Math.round(top * 20) / 20}
              step={0.05}
              value={end}
              disabled={done}
              onChange={(event) => setDrawn(ending(start, Number(event.target.value)))}
            />
            <span className="text-right font-mono">{drawn ? fixed(end, 2) : '?'}</span>
          </label>
          {done ? (
            <p aria-live="polite">
              {truly === null || before === null ? (
                <button type="button" className="btn" onClick={() => turn(wanted)}>
                  train at {String(asked)}
                </button>
              ) : (
                <Verdict guess={end} truth={truly} before={before} />
              )}
            </p>
          ) : (
            <button type="button" className="btn btn-red" disabled={!drawn} onClick={commit}>
              submit my guess and train
            </button>
          )}
        </div>
      </div>
    </section>
  );
}

/** What the last 100 losses say; their mean is only good to about 0.05. */
function Verdict({ guess, truth, before }: { guess: number; truth: number; before: number }) {
  const by = truth - before;
  const result = Math.abs(by) < 0.05 ? 'about the same' : by > 0 ? 'worse' : 'better';
  return (
    <>
      <b>
        Result: {result}, {fixed(truth, 2)} instead of {fixed(before, 2)}.
      </b>{' '}
      Your guess is {fixed(Math.abs(guess - truth), 2)} {guess > truth ? 'above' : 'below'} it.
      {by > 0.05 && ' Steps that are too large jump over the minimum.'} The learning rate is
      unlocked now: drag it below.
    </>
  );
}

/** A curve that falls as loss curves do, to this end. */
function ending(start: number, end: number): number[] {
  return Array.from(
    { length: POINTS },
    (_, i) => end + (start - end) * Math.exp((-6 * i) / POINTS),
  );
}

function read(kept: string | undefined): number[] | null {
  const values = (kept ?? '').split(' ').map(Number);
  return values.length === POINTS && values.every(Number.isFinite) ? values : null;
}
