import { useEffect, useState } from 'react';
import { useStore } from 'zustand';
import { learningRate } from '../../engine/config.ts';
import { log } from '../../engine/elementary.ts';
import { count, fixed, precise } from '../../figures/format.ts';
import { Panel } from '../../figures/Panel.tsx';
import { moveInGrid } from '../../figures/roving.ts';
import { Scroll } from '../../figures/Scroll.tsx';
import {
  adopt,
  dropRun,
  keepRun,
  type LabRun,
  lab,
  MAX_KEPT,
  noteDrawn,
  openLab,
  stopLab,
  turn,
  whyNotAdopted,
} from '../../store/lab.ts';
import { lastMean } from '../../store/labSettings.ts';
import { useLoaded, useSession } from '../../store/use.ts';
import { Guess } from './Guess.tsx';
import { type Curve, LossCurve } from './LossCurve.tsx';
import { Settings } from './Settings.tsx';

const STYLES = [
  { colour: '--blue', dash: [] },
  { colour: '--ink', dash: [] },
  { colour: '--blue', dash: [8, 4] },
  { colour: '--ink', dash: [8, 4] },
  { colour: '--ink', dash: [2, 3] },
] as const;
const KEEP = 0.98;

/** Every setting within reach: turn one and the whole run is trained again. */
export function Lab(props: { locked: boolean; onTouch: (key: string) => void }) {
  const { loaded, run } = useLoaded();
  const training = useSession((s) => s.training);
  const { current, kept, times, problem, base } = useStore(lab);
  const [at, setAt] = useState<number | null>(null);
  useEffect(() => openLab(loaded), [loaded]);

  const uniform = log(run.model.vocab_size);
  const curves: Curve[] = [];
  if (current)
    curves.push(curveOf(current, kept.length ? 'n' : '', { colour: '--red', dash: [] }, true));
  for (const [i, one] of kept.entries()) {
    curves.push(curveOf(one, `${i + 1}`, STYLES[i % STYLES.length]!, false));
  }
  if (base && base.losses.length > 1) {
    curves.push({
      ...{ id: -1, mark: '', losses: base.losses, made: base.losses.length, firstStep: 0 },
      ...{ colour: '--soft', dash: [], width: 2, raw: false },
    });
  }
  const steps = Math.max(...[current, ...kept].map((one) => one?.run.training.steps ?? 1));
  const why = whyNotAdopted(current);
  const told = current && (at === null ? null : lineOf(current, at));
  const runs = [
    ...(current ? [{ run: current, mark: 'now' }] : []),
    ...kept.map((one, i) => ({ run: one, mark: `${i + 1}` })),
  ];
  return (
    <>
      <Guess />
      <Panel title="drag, and it trains again" caption={<Times times={times} run={current} />}>
        <div className="grid grid-cols-[minmax(0,1fr)] gap-x-6 gap-y-3 @4xl:grid-cols-[minmax(0,1fr)_21rem]">
          <div className="sticky -top-6 z-10 min-w-0 bg-panel @4xl:static">
            <LossCurve
              name="Loss of the run that is being tried"
              curves={curves}
              steps={steps}
              uniform={uniform}
              keep={KEEP}
              heights={[190, 390]}
              cursor={null}
              at={at}
              describe={(s) => (current ? lineOf(current, s) : '')}
              onAt={setAt}
              onPick={setAt}
              onDrawn={current ? () => seen(current) : undefined}
            />
            <p className="h-10 overflow-hidden font-mono text-xs leading-5" aria-live="off">
              {problem || current?.error ? (
                <span className="font-semibold text-red" role="alert">
                  {problem || current?.error}
                </span>
              ) : (
                (told ?? 'red: this run; grey: the shared run; means of about 50 steps')
              )}
            </p>
          </div>
          <Settings locked={props.locked} onTouch={props.onTouch} />
        </div>
        {props.locked && (
          <p className="caption mt-2">
            The learning rate is locked until you have drawn your guess above.
          </p>
        )}
        <div onKeyDown={moveInGrid} role="group" aria-label="This run and those kept">
          <div className="mt-4 flex flex-wrap items-center gap-1.5">
            <button type="button" data-at="0,0" tabIndex={0} className="btn" onClick={keepRun}>
              keep to compare
            </button>
            <button
              type="button"
              data-at="0,1"
              tabIndex={-1}
              className="btn"
              disabled={current?.status !== 'training'}
              onClick={stopLab}
            >
              stop
            </button>
            <button
              type="button"
              data-at="0,2"
              tabIndex={-1}
              className="btn btn-red"
              disabled={why !== '' || training !== null || current?.run === run}
              onClick={() => void adopt()}
            >
              make this the shared run
            </button>
            <span className="caption">{why}</span>
          </div>
          <Scroll name="Runs compared" className="mt-4">
            <table className="w-full min-w-[34rem] text-right text-sm">
              <thead className="caption">
                <tr>
                  <th className="w-12 text-left font-medium">run</th>
                  <th className="text-left font-medium">changed settings</th>
                  <th className="font-medium">last 100 losses</th>
                  <th className="font-medium">read, a character</th>
                  <th className="font-medium">held out, per character</th>
                  <th className="w-10">
                    <span className="sr-only">remove</span>
                  </th>
                </tr>
              </thead>
              <tbody className="font-mono">
                {runs.map(({ run: one, mark }, i) => (
                  <RunRow key={mark} run={one} mark={mark} row={i + 1} />
                ))}
              </tbody>
            </table>
          </Scroll>
        </div>
        <p className="caption mt-2">
          “Read” and “held out” are mean nats per character at the end of a run, on up to 100
          documents it has read and on 100 it has not. Up to {MAX_KEPT} runs can be kept.
        </p>
      </Panel>
    </>
  );

  function seen({ id, made }: LabRun): void {
    // What has been drawn is on the screen by the next frame.
    requestAnimationFrame(() => noteDrawn(id, made, performance.now()));
  }
}

function RunRow({ run, mark, row }: { run: LabRun; mark: string; row: number }) {
  const { measured, settings, status, losses, made, firstStep } = run;
  const mean = lastMean(losses.slice(0, made));
  return (
    <tr className="border-t-2 border-hair">
      <th scope="row" className="py-1.5 text-left">
        {mark}
      </th>
      <td className="text-left font-sans">
        <button
          type="button"
          data-at={`${row},0`}
          tabIndex={-1}
          className="min-h-6 text-left underline decoration-2 underline-offset-4"
          onClick={() => turn(settings)}
          aria-label={`${run.label}: set this again`}
        >
          {run.label}
        </button>
        {status === 'failed' && (
          <span className="text-red"> diverged at step {firstStep + made + 1}</span>
        )}
        {status === 'stopped' && <span> stopped at step {firstStep + made}</span>}
      </td>
      <td>{mean === null ? '–' : fixed(mean, 3)}</td>
      <td>{measured?.train ? fixed(measured.train.nats, 3) : '–'}</td>
      <td className="font-semibold">{measured?.heldOut ? fixed(measured.heldOut.nats, 3) : '–'}</td>
      <td>
        {row > 1 && (
          <button
            type="button"
            data-at={`${row},1`}
            tabIndex={-1}
            className="h-7 w-7 font-sans text-lg leading-none hover:bg-yellow hover:text-[#121212]"
            aria-label={`remove run ${mark}`}
            onClick={() => dropRun(run.id)}
          >
            ×
          </button>
        )}
      </td>
    </tr>
  );
}

function Times(props: {
  times: { id: number; first: number; whole: number | null } | null;
  run: LabRun | null;
}) {
  const { times, run } = props;
  if (!run) return 'one moment…';
  const { steps } = run.run.training;
  if (run.status === 'training' && run.made > 0 && times?.whole == null) {
    return `step ${count(run.firstStep + run.made)} of ${count(steps)}`;
  }
  if (run.status === 'failed') return `stopped at step ${count(run.firstStep + run.made + 1)}`;
  const opening = run.asked === 0;
  if (opening || times?.id !== run.id || times.whole === null) return `${count(steps)} steps`;
  return `${count(run.made)} steps trained and on the screen in ${Math.round(times.whole)} ms`;
}

function curveOf(
  run: LabRun,
  mark: string,
  style: { colour: Curve['colour']; dash: readonly number[] },
  main: boolean,
): Curve {
  const { id, losses, made, firstStep } = run;
  return { id, mark, losses, made, firstStep, ...style, width: main ? 3 : 2, raw: main };
}

function lineOf({ run, losses, firstStep, settings }: LabRun, step: number): string {
  const loss = losses[step - firstStep - 1];
  const rate = settings.decay ? learningRate(run.training, step - 1) : settings.learning_rate;
  return `step ${count(step)} · ${run.batch(step - 1)[0]} · loss ${loss === undefined ? '–' : fixed(loss, 4)} · learning rate ${precise(rate)}`;
}
