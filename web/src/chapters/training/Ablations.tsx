import { useEffect, useState } from 'react';
import { useStore } from 'zustand';
import { log } from '../../engine/elementary.ts';
import { count, fixed } from '../../figures/format.ts';
import { Choice, Panel } from '../../figures/Panel.tsx';
import { moveInGrid } from '../../figures/roving.ts';
import {
  type Ablations as All,
  ablations,
  arrangeAblations,
  callOff,
  measureParts,
  type Result,
} from '../../store/measurements.ts';
import { FULL, PARTS, type Part } from '../../store/parts.ts';
import { useLoaded } from '../../store/use.ts';
import { type Difference, difference, isClear } from './statistics.ts';

/** What is each part for? Take it away and see. */
export function Ablations(props: { onLook: (part: string) => void }) {
  const { run } = useLoaded();
  const { results, running, seeds, steps, base } = useStore(ablations);
  const [looked, setLooked] = useState(PARTS[0]!.id);
  useEffect(() => arrangeAblations({ base: run }), [run]);
  const uniform = log(run.model.vocab_size);
  const short = run.documents.length < 200;
  const full = results.get(FULL.id)?.slice(0, seeds) ?? [];
  const look = (part: Part) => {
    setLooked(part.id);
    props.onLook(part.id);
  };
  const chosen = PARTS.find(({ id }) => id === looked)!;
  const missing = PARTS.filter(
    (part) => steps <= (part.maxSteps ?? steps) && (results.get(part.id)?.length ?? 0) < seeds,
  );
  return (
    <Panel
      title="what does each part contribute?"
      caption="one part removed, trained again, measured on unread documents"
    >
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <Choice
          label="Steps of each run"
          options={[
            { value: '1000', label: '1,000 steps' },
            { value: '5000', label: '5,000 steps' },
          ]}
          value={`${steps}`}
          onChange={(value) => arrangeAblations({ steps: Number(value) })}
        />
        <Choice
          label="Seeds"
          options={['1', '3', '5'].map((value) => ({
            value,
            label: value === '1' ? '1 seed' : `${value} seeds`,
          }))}
          value={`${seeds}`}
          onChange={(value) => arrangeAblations({ seeds: Number(value) })}
        />
        <button
          type="button"
          className="btn btn-red"
          disabled={short || (!running && missing.length === 0)}
          onClick={() => (running ? callOff() : void measureParts(PARTS))}
        >
          {running ? 'stop' : 'measure all'}
        </button>
      </div>
      <p className="caption mt-2 h-5 truncate" role="status">
        {short
          ? 'This list is too short to set documents aside: choose a longer one.'
          : running
            ? `${running.done + 1} of ${running.of}: ${running.part.phrase}, seed ${running.seed}, step ${count(running.step)}`
            : missing.length === 0
              ? 'all measured, here on this machine'
              : 'every model below is trained when you click'}
      </p>
      <div className="h-1.5 bg-hair" aria-hidden="true">
        {running && (
          <div
            className="h-full bg-blue"
            style={{ width: `${(100 * (running.done + running.step / steps)) / running.of}%` }}
          />
        )}
      </div>
      <div className={`caption mt-3 font-medium ${ROW}`}>
        <span>without</span>
        <span className="order-last col-span-2 px-3 @3xl:order-none @3xl:col-span-1 @3xl:px-0">
          <Axis />
        </span>
        <span className="text-right">increase in nats per character</span>
      </div>
      <ul className="text-sm" aria-label="What is lost without each part" onKeyDown={moveInGrid}>
        {PARTS.map((part, i) => (
          <PartRow
            key={part.id}
            part={part}
            row={i}
            results={(results.get(part.id) ?? []).slice(0, seeds)}
            full={full}
            tooLong={steps > (part.maxSteps ?? steps)}
            looked={part.id === looked}
            busy={running?.part.id === part.id}
            onLook={() => look(part)}
          />
        ))}
      </ul>
      <div className="mt-3 min-h-24 border-t-4 border-line pt-3" aria-live="polite">
        <p className="text-sm">
          {full.length > 0 && (
            <>
              The whole model: <b>{meanOf(full) ?? '–'}</b> nats a character on unread documents (
              {full.map(({ seed }) => `seed ${seed}`).join(', ')}).{' '}
            </>
          )}
          <b>{sentence(chosen, results, full, uniform, steps)}</b> {WHY[chosen.id]}
        </p>
        <button
          type="button"
          className="btn mt-2"
          disabled={short || running !== null || base === null || !missing.includes(chosen)}
          onClick={() => void measureParts([chosen])}
        >
          measure this one{chosen.maxSteps ? ' (slow)' : ''}
        </button>
      </div>
      <p className="caption mt-3">
        Squares: one seed each. Bar: their mean. Thin line: where the mean lies with 95 %
        confidence, by these few seeds. The same seed is compared with itself, so that its luck
        cancels.
      </p>
    </Panel>
  );
}

const ROW =
  'grid grid-cols-[minmax(0,1fr)_auto] items-center @3xl:grid-cols-[10rem_minmax(0,1fr)_12rem]';

/** Why it matters, in a line; what it comes to is measured. */
const WHY: Readonly<Record<string, string>> = {
  attention:
    'Every head is muted, so a position knows its own token and place only: a bigram model with an MLP.',
  mlp: 'Nothing is left between attention and the logits.',
  residual:
    'Each block replaces the stream instead of adding to it: what it does not pass on is lost.',
  norm: 'The numbers of the stream may grow or shrink as they like.',
  positions:
    'The order of what was read is lost to attention: “mar” and “amr” look alike before the next letter.',
  scale: 'Heads are narrow here; the wider they are, the more the root matters.',
  decay: 'The steps stay large until the end, so the weights never settle.',
  bias: 'The means begin at 0 and are used as they are. The first step is then (1 − β1) / √(1 − β2) times as long: longer with the usual β, not shorter.',
  sgd: 'One step size for all: rare tokens, with small gradients, hardly move.',
  zeroing: 'Each step moves along the sum of all gradients so far, long out of date.',
  zeros: 'Every product is 0, and so is every gradient: nothing tells one weight from another.',
  assign:
    'A number that is used several times must add up what comes back along each path. With = only the last path survives, a small and misleading part of the gradient. Only the scalar engine can make this mistake, one Value at a time: about ten seconds per seed.',
};

function sentence(
  part: Part,
  results: All['results'],
  full: readonly Result[],
  uniform: number,
  steps: number,
): string {
  const phrase = part.phrase[0]!.toUpperCase() + part.phrase.slice(1);
  if (steps > (part.maxSteps ?? steps)) return `${phrase}: measured over 1,000 steps only.`;
  const own = (results.get(part.id) ?? []).slice(0, full.length);
  if (own.length === 0) return `${phrase}: not measured yet.`;
  const failed = own.filter(({ error }) => error !== '');
  if (failed.length) {
    const which = failed.length < own.length ? ` with ${failed.length} of ${own.length} seeds` : '';
    const why = [...new Set(failed.map(({ error }) => error))].join('; ');
    return `${phrase}: training failed${which} (${why}).`;
  }
  const stuck = own.every(({ nats }) => Math.abs(nats! - uniform) < 0.001);
  if (stuck)
    return `${phrase} it stays at ${fixed(uniform, 4)}, a uniform guess: nothing is learned.`;
  const found = difference(pairs(own, full));
  if (!found) return `${phrase}: the whole model has not been measured yet.`;
  const amount = fixed(Math.abs(found.mean), 3);
  const guess = found.mean + mean(full) > uniform ? ' That is worse than a uniform guess.' : '';
  if (found.margin === null) {
    return `${phrase}: ${signed(found.mean)} with one seed; more seeds are needed to know how reliable that is.`;
  }
  const margin = `± ${fixed(found.margin, 3)}`;
  if (!isClear(found)) {
    return `${phrase}: ${signed(found.mean)} ${margin}. These ${own.length} seeds cannot tell it from no difference.`;
  }
  return `${phrase} it is ${found.mean > 0 ? 'worse' : 'better'} by ${amount} ${margin}.${guess}`;
}

function PartRow(props: {
  part: Part;
  row: number;
  results: readonly Result[];
  full: readonly Result[];
  tooLong: boolean;
  looked: boolean;
  busy: boolean;
  onLook: () => void;
}) {
  const { part, results, full, looked } = props;
  const found = difference(pairs(results, full));
  const failed = results.filter(({ error }) => error !== '');
  return (
    <li
      className={`border-t-2 border-hair ${ROW} ${looked ? 'shadow-[6px_0_0_inset_var(--yellow)]' : ''}`}
    >
      <div className="font-medium">
        <button
          type="button"
          data-at={`${props.row},0`}
          tabIndex={looked ? 0 : -1}
          aria-pressed={looked}
          className={`min-h-9 w-full px-3 text-left hover:underline ${looked ? 'font-bold' : ''}`}
          onClick={props.onLook}
          onFocus={props.onLook}
        >
          {part.title}
        </button>
      </div>
      <div className="order-last col-span-2 px-3 pb-1 @3xl:order-none @3xl:col-span-1 @3xl:px-0 @3xl:pb-0">
        <Range found={found} />
      </div>
      <div className="text-right font-mono text-xs">
        {props.tooLong
          ? '1,000 steps only'
          : failed.length
            ? failed
                .map(({ divergedAt }) => (divergedAt === null ? 'failed' : `NaN at ${divergedAt}`))
                .join(', ')
            : found
              ? `${signed(found.mean)}${found.margin === null ? '' : ` ± ${fixed(found.margin, 3)}`}`
              : props.busy
                ? 'training…'
                : '–'}
      </div>
    </li>
  );
}

/** Small differences need room, large ones must fit: the axis is a square root. */
const MOST = 1.2;
const MARKS = [0, 0.01, 0.05, 0.1, 0.25, 0.5, 1];
const ZERO = 14;

function place(value: number): number {
  const part = Math.sign(value) * Math.sqrt(Math.min(1, Math.abs(value) / MOST));
  return Math.max(0, ZERO + part * (part < 0 ? ZERO * 2 : 100 - ZERO));
}

function Axis() {
  return (
    <span className="relative block h-5" aria-hidden="true">
      {MARKS.map((mark) => (
        <span
          key={mark}
          className={`absolute -translate-x-1/2 font-mono text-[0.6875rem] ${[0.01, 0.05, 0.25].includes(mark) ? 'hidden @3xl:block' : ''}`}
          style={{ left: `${place(mark)}%` }}
        >
          {mark}
        </span>
      ))}
    </span>
  );
}

function Range({ found }: { found: Difference | null }) {
  const bar = found && [place(0), place(found.mean)].sort((a, b) => a - b);
  return (
    <span className="relative block h-7" aria-hidden="true">
      <span className="absolute inset-y-0 w-0.5 bg-line" style={{ left: `${ZERO}%` }} />
      {found && bar && (
        <>
          <span
            className={`absolute top-2 h-3 ${found.mean > 0 ? 'bg-red' : 'bg-blue'}`}
            style={{ left: `${bar[0]}%`, width: `${bar[1]! - bar[0]!}%` }}
          />
          {found.margin !== null && (
            <span
              className="absolute top-[0.8125rem] h-0.5 bg-ink"
              style={{
                left: `${place(found.mean - found.margin)}%`,
                width: `${place(found.mean + found.margin) - place(found.mean - found.margin)}%`,
              }}
            />
          )}
          {found.each.map((d, i) => (
            <span
              key={i}
              className="absolute top-2.5 h-2 w-2 -translate-x-1 border border-ink bg-panel"
              style={{ left: `${place(d)}%` }}
            />
          ))}
        </>
      )}
    </span>
  );
}

/** Results of the same seed, side by side, where both have got to a number. */
function pairs(own: readonly Result[], full: readonly Result[]): [number, number][] {
  const list: [number, number][] = [];
  for (const { seed, nats } of own) {
    const other = full.find((result) => result.seed === seed)?.nats;
    if (nats !== null && other != null) list.push([nats, other]);
  }
  return list;
}

function mean(results: readonly Result[]): number {
  return results.reduce((sum, { nats }) => sum + (nats ?? 0), 0) / Math.max(1, results.length);
}

function meanOf(results: readonly Result[]): string | null {
  return results.length ? fixed(mean(results), 3) : null;
}

function signed(value: number): string {
  return `${value > 0 ? '+' : ''}${fixed(value, 3)}`;
}
