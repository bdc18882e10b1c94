import { useStore } from 'zustand';
import { count } from '../../figures/format.ts';
import { SLIDER } from '../../figures/slider.ts';
import { lab, resetLab, turn } from '../../store/lab.ts';
import { type LabSettings, settingsOf, trainable } from '../../store/labSettings.ts';
import { useExplorer } from '../../store/use.ts';

type Key = Exclude<keyof LabSettings, 'decay' | 'from'>;

interface Setting {
  readonly key: Key;
  readonly title: string;
  readonly choices: (settings: LabSettings, total: number) => readonly number[];
  readonly show?: (value: number) => string;
  /** Whether a branch from a step can have another one. */
  readonly branch?: boolean;
}

/** 0.0001 to 1, ten a decade, to two digits. */
const RATES = Array.from({ length: 41 }, (_, i) => Number((10 ** (i / 10 - 4)).toPrecision(2)));
const SIZES = [10, 20, 30, 50, 100, 200, 300, 500, 1000, 2000, 5000, 10_000, 20_000];

const SETTINGS: readonly Setting[] = [
  { key: 'learning_rate', title: 'learning rate', choices: () => RATES, branch: true },
  {
    key: 'beta1',
    title: 'β1',
    choices: () => [0, 0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99],
    branch: true,
  },
  {
    key: 'beta2',
    title: 'β2',
    choices: () => [0.5, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999],
    branch: true,
  },
  { key: 'n_embd', title: 'width', choices: () => [4, 8, 12, 16, 20, 24, 32, 40, 48, 64] },
  {
    key: 'n_head',
    title: 'heads',
    choices: ({ n_embd }) => [1, 2, 3, 4, 5, 6, 8].filter((h) => n_embd % h === 0),
  },
  { key: 'n_layer', title: 'layers', choices: () => [1, 2, 3] },
  {
    key: 'block_size',
    title: 'block size',
    choices: () => [2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32],
  },
  { key: 'seed', title: 'seed', choices: () => Array.from({ length: 100 }, (_, i) => i) },
  {
    key: 'documents',
    title: 'documents',
    choices: (_, total) => [...SIZES.filter((n) => n < trainable(total)), trainable(total)],
    show: count,
  },
  { key: 'batch_size', title: 'batch', choices: () => [1, 2, 4, 8, 16, 32] },
  {
    key: 'steps',
    title: 'steps',
    choices: () => [100, 200, 300, 500, 1000, 2000, 3000, 5000, 10_000, 20_000],
    show: count,
  },
];

/**
 * All settings of a run. One tab stop: up and down go from one to the next, left and right turn it.
 */
export function Settings(props: { locked: boolean; onTouch: (key: Key | 'decay') => void }) {
  const settings = useStore(lab, (s) => s.settings);
  const base = useStore(lab, (s) => s.base);
  const step = useExplorer((s) => s.step);
  if (!settings || !base) return null;
  const own = settingsOf(base.run);
  const total = base.run.documents.length;
  const branch = settings.from !== null;
  return (
    <div
      role="group"
      aria-label="Settings: up and down select one, left and right change it"
      onKeyDown={rove}
    >
      {SETTINGS.map(({ key, title, choices, show = String, branch: branchable }, i) => {
        const value = settings[key];
        const list = withValue(withValue(choices(settings, total), own[key]), value);
        const off = (branch && !branchable) || (props.locked && key === 'learning_rate');
        return (
          <label
            key={key}
            className="grid grid-cols-[6.5rem_minmax(0,1fr)_4.5rem] items-center gap-2 text-sm"
          >
            <span className={`font-medium ${off ? 'text-soft' : ''}`}>{title}</span>
            <input
              type="range"
              data-rove
              tabIndex={i === (props.locked ? 1 : 0) ? 0 : -1}
              className={SLIDER}
              min={0}
              max={list.length - 1}
              value={list.indexOf(value)}
              aria-label={title}
              aria-valuetext={show(value)}
              disabled={off || list.length < 2}
              onChange={(event) => {
                props.onTouch(key);
                turn({ [key]: list[Number(event.target.value)]! }, event.timeStamp);
              }}
            />
            <span
              className={`text-right font-mono ${value === own[key] ? '' : 'bg-yellow px-1 text-[#121212]'}`}
            >
              {show(value)}
            </span>
          </label>
        );
      })}
      <div className="mt-2 flex flex-wrap gap-1.5">
        <button
          type="button"
          data-rove
          tabIndex={-1}
          className="btn"
          aria-pressed={settings.decay}
          onClick={(event) => {
            props.onTouch('decay');
            turn({ decay: !settings.decay }, event.timeStamp);
          }}
        >
          decay {settings.decay ? 'on' : 'off'}
        </button>
        <button
          type="button"
          data-rove
          tabIndex={-1}
          className="btn"
          aria-pressed={branch}
          disabled={!branch && (step === 0 || step >= base.run.training.steps)}
          onClick={(event) =>
            branch
              ? turn({ from: null }, event.timeStamp)
              : turn({ ...own, learning_rate: settings.learning_rate, from: step }, event.timeStamp)
          }
        >
          {branch ? `from step ${count(settings.from!)}` : `branch at step ${count(step)}`}
        </button>
        <button type="button" data-rove tabIndex={-1} className="btn" onClick={resetLab}>
          reset
        </button>
      </div>
      <p className="caption mt-2">
        {branch
          ? 'Continues from the weights and moments of that step; only rate, β and decay can differ.'
          : 'To branch, set the step with the curve at the bottom of the page.'}
      </p>
    </div>
  );
}

function withValue(list: readonly number[], value: number): number[] {
  return list.includes(value) ? [...list] : [...list, value].sort((a, b) => a - b);
}

/** Up and down move between the settings; left and right stay with the slider. */
function rove(event: React.KeyboardEvent<HTMLElement>): void {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const target = (event.target as HTMLElement).closest<HTMLInputElement>('[data-rove]');
  if (!target) return;
  const button = target.tagName === 'BUTTON';
  const sideways = button ? { ArrowRight: 1, ArrowLeft: -1 }[event.key] : undefined;
  const step = by ?? sideways;
  if (!step) return;
  event.preventDefault();
  const all = [...event.currentTarget.querySelectorAll<HTMLInputElement>('[data-rove]:enabled')];
  const next = all[all.indexOf(target) + step];
  if (!next) return;
  for (const one of all) one.tabIndex = one === next ? 0 : -1;
  next.focus();
}
