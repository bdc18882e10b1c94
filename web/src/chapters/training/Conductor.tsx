import { useEffect, useState } from 'react';
import { useStore } from 'zustand';
import { learningRate } from '../../engine/config.ts';
import { log } from '../../engine/elementary.ts';
import { count, fixed, precise } from '../../figures/format.ts';
import { Panel } from '../../figures/Panel.tsx';
import { tenths } from '../../figures/plot.ts';
import { moveInGrid } from '../../figures/roving.ts';
import { SLIDER } from '../../figures/slider.ts';
import { explorer, setDocument, setStep } from '../../store/explorer.ts';
import {
  isOpen,
  makePacedSteps,
  makeSteps,
  pause,
  session,
  setPacing,
  startOver,
} from '../../store/session.ts';
import { useExplorer, useLoaded, useSession } from '../../store/use.ts';
import { type Curve, LossCurve } from './LossCurve.tsx';

const WATCH_SECONDS = 12;
/** How much of the mean so far each new step keeps, from none to nearly all. */
const KEEPS = [0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998];

/** The shared run: made step by step, and its curve to walk along. */
export function Conductor() {
  const { run, loaded } = useLoaded();
  const step = useExplorer((s) => s.step);
  const training = useSession((s) => s.training);
  const { pacing, status, error } = useStore(session);
  const [at, setAt] = useState<number | null>(null);
  const [keepAt, setKeepAt] = useState(5);
  const { steps } = run.training;
  const { losses } = loaded;
  const uniform = log(run.model.vocab_size);
  const keep = KEEPS[keepAt]!;
  usePace(pacing, steps);

  const curve: Curve = {
    id: 0,
    mark: '',
    losses,
    made: losses.length,
    firstStep: 0,
    colour: '--red',
    dash: [],
    width: 3,
    raw: true,
  };
  const pick = (picked: number) => {
    if (pacing) pause();
    setStep(picked);
    setDocument(run.batch(picked - 1)[0]!);
  };
  const told = at ?? (step > 0 ? step : null);
  const busy = training !== null;
  const going = isOpen(loaded) && status === 'training';
  const orders: { label: string; name?: string; red?: boolean; act: () => void }[] = [
    {
      label:
        pacing || going ? 'pause' : losses.length < steps && isOpen(loaded) ? 'go on' : 'start',
      red: true,
      act: () => (pacing || going ? pause() : setPacing(true)),
    },
    ...[1, 10, 100, 300].map((n) => ({
      label: `+${n}`,
      name: `${n} ${n === 1 ? 'step' : 'steps'} more`,
      act: () => order(n),
    })),
    { label: 'all', name: 'all steps, full speed', act: () => order(steps) },
    { label: 'back to 0', act: startOver },
  ];
  return (
    <Panel
      title="the loss of every step"
      caption={
        busy
          ? `training ${count(training)} of ${count(steps)}`
          : `${count(losses.length)} of ${count(steps)} steps made`
      }
    >
      <div
        role="toolbar"
        aria-label="Train"
        className="flex flex-wrap gap-1.5"
        onKeyDown={moveInGrid}
      >
        {orders.map(({ label, name, red, act }, i) => (
          <button
            key={i}
            type="button"
            data-at={`0,${i}`}
            tabIndex={i === 0 ? 0 : -1}
            className={`btn ${red ? 'btn-red min-w-20' : ''}`}
            aria-label={name}
            disabled={busy}
            onClick={act}
          >
            {label}
          </button>
        ))}
        <label className="ml-auto flex min-w-56 flex-1 items-center gap-3 text-sm font-medium sm:max-w-80">
          <span className="shrink-0">smoothing</span>
          <input
            type="range"
            className={SLIDER}
            min={0}
            max={KEEPS.length - 1}
            value={keepAt}
            aria-valuetext={smoothingText(keep)}
            onChange={(event) => setKeepAt(Number(event.target.value))}
          />
          <span className="caption w-20 shrink-0">{smoothingText(keep)}</span>
        </label>
      </div>
      {error && (
        <p role="alert" className="mt-2 font-medium text-red">
          {error}
        </p>
      )}
      <p
        className="mt-2 min-h-11 border-b-2 border-hair font-mono text-sm leading-5"
        aria-live="off"
      >
        {told === null ? 'step 0: only random weights, nothing has been read yet' : tell(told)}
      </p>
      <div className="mt-3">
        <LossCurve
          name="Loss of every step"
          curves={[curve]}
          steps={steps}
          uniform={uniform}
          keep={keep}
          heights={[240, 300]}
          cursor={step}
          at={at}
          describe={(s) => tell(s)}
          onAt={setAt}
          onPick={pick}
        />
      </div>
      <p className="caption">
        Point at the curve to read a step, click to show that step and its document in all chapters.
      </p>
      <dl
        className="mt-3 grid grid-cols-5 gap-x-3 gap-y-2 text-right font-mono text-xs @3xl:grid-cols-10"
        aria-label="Mean loss of each tenth of the run"
      >
        {tenths(losses, steps).map(({ to, mean }) => (
          <div key={to}>
            <dt className="text-soft">to {count(to)}</dt>
            <dd className="font-semibold">{mean === null ? '–' : fixed(mean, 3)}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );

  function tell(s: number): string {
    const batch = run.batch(s - 1);
    const more = batch.length > 1 ? ` and ${batch.length - 1} more` : '';
    const loss = losses[s - 1];
    const rate = precise(learningRate(run.training, s - 1));
    return `step ${count(s)} · ${batch[0]}${more} · loss ${loss === undefined ? '–' : fixed(loss, 4)} · learning rate ${rate}`;
  }

  function order(n: number): void {
    session.setState({ pacing: false });
    makeSteps(n);
  }
}

/** Steps at a pace that the eye can follow: the whole run in some seconds. */
function usePace(pacing: boolean, steps: number): void {
  useEffect(() => {
    if (!pacing) return;
    let frame = 0;
    let before = performance.now();
    let owed = 0;
    const tick = (now: number) => {
      owed = Math.min(owed + ((now - before) / 1000 / WATCH_SECONDS) * steps, steps / 20);
      before = now;
      // The next steps are ordered when the ones before have been made.
      if (owed >= 1 && session.getState().status !== 'training') {
        makePacedSteps(Math.floor(owed));
        owed -= Math.floor(owed);
      }
      frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
    return () => cancelAnimationFrame(frame);
  }, [pacing, steps]);
  useEffect(
    () => () => {
      if (isOpen(explorer.getState().loaded)) pause();
    },
    [],
  );
}

function smoothingText(keep: number): string {
  return keep === 0 ? 'none' : `≈ ${Math.round(1 / (1 - keep))} steps`;
}
