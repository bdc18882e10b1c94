import { useMemo } from 'react';
import { differenceOf, measured } from '../../engine/derived.ts';
import { type Cell, formatNumber, segments, type UpdateKind } from '../../engine/expression.ts';
import type { History } from '../../engine/history.ts';
import { label } from '../../engine/provenance.ts';
import { exprOf } from '../../engine/rules.ts';
import type { Update } from '../../engine/scene.ts';
import { Delta } from '../../figures/Delta.tsx';
import { count, fixed } from '../../figures/format.ts';
import { NotAsked, Num } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { moveInGrid } from '../../figures/roving.ts';
import { setStep } from '../../store/explorer.ts';
import { type Updated, useUpdate } from '../../store/replay.ts';
import { useScene } from '../../store/scene.ts';
import { trainHere } from '../../store/session.ts';
import { useExplorer, useLoaded, useSession } from '../../store/use.ts';

const TERMS: readonly { kind: UpdateKind; symbol: string; text: string }[] = [
  { kind: 'weight_before', symbol: 'w', text: 'the weight before' },
  { kind: 'batch_grad', symbol: 'g', text: 'its gradient on this step’s document' },
  { kind: 'm_before', symbol: 'm', text: 'the running mean of g: the direction so far' },
  { kind: 'v_before', symbol: 'v', text: 'the running mean of g²: the typical size so far' },
  { kind: 'm', symbol: 'm′', text: 'the same, updated with g' },
  { kind: 'v', symbol: 'v′', text: 'the same, updated with g²' },
  { kind: 'm_hat', symbol: 'm̂', text: 'made up for having started at 0' },
  { kind: 'v_hat', symbol: 'v̂', text: 'made up for having started at 0' },
  { kind: 'update', symbol: 'Δ', text: 'the change: learning rate · direction / size' },
  { kind: 'weight_after', symbol: 'w′', text: 'the new weight' },
];
/** What the step begins with. */
const INPUTS = new Set<UpdateKind>(['weight_before', 'batch_grad', 'm_before', 'v_before']);
const SYMBOLS = new Map<string, string>(TERMS.map(({ kind, symbol }) => [kind, symbol]));

/** One update of one weight, every term of it; and what it did to the loss. */
export function Step({ weight }: { weight: Cell }) {
  const { loaded } = useLoaded();
  const training = useSession((s) => s.training);
  const { history, finalStep } = loaded;
  const known = history !== null && history.lastStep > 0;
  return (
    <Panel
      title="exactly one step of Adam"
      caption={known ? `for ${label(weight)}; every weight has its own` : 'it needs the run itself'}
    >
      {known ? (
        <Known history={history} weight={weight} />
      ) : (
        <div className="flex flex-wrap items-center gap-3 text-sm">
          <button
            type="button"
            className="btn btn-red"
            disabled={training !== null}
            onClick={() => void trainHere()}
          >
            {training === null ? 'train it here' : `training, step ${count(training)}`}
          </button>
          <p className="caption max-w-[60ch]">
            A model file has the weights after step {count(finalStep)}, but not the moments of Adam.
            Train the same run in this page, which takes a moment, and each of its steps can be
            taken apart.
          </p>
        </div>
      )}
    </Panel>
  );
}

function Known({ history, weight }: { history: History; weight: Cell }) {
  const { run } = useLoaded();
  // The step asked for: replayed from a keyframe, it is exact even where it is not kept.
  const step = useExplorer((s) => s.asked);
  const running = useExplorer((s) => s.document);
  const number = Math.min(step + 1, history.lastStep);
  const documents = useMemo(() => run.batch(number - 1), [run, number]);
  const texts = useMemo(
    () => (documents.includes(running) ? [documents] : [documents, [running]]),
    [documents, running],
  );
  const { updated, made } = useUpdate(number, true, texts);
  if (!updated) {
    return (
      <p className="caption">
        repeating this step…{made ? ` step ${count(made)} of ${count(number)}` : ''}
      </p>
    );
  }
  const { update } = updated;
  const ended = step >= history.lastStep;
  const { steps, learning_rate } = run.training;
  return (
    <>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <div role="group" aria-label="Steps" className="flex gap-1" onKeyDown={moveInGrid}>
          <button
            type="button"
            data-at="0,0"
            tabIndex={ended ? 0 : -1}
            className="btn"
            disabled={step === 0}
            onClick={() => setStep(step - 1)}
          >
            take one back
          </button>
          <button
            type="button"
            data-at="0,1"
            tabIndex={ended ? -1 : 0}
            className="btn btn-red"
            disabled={ended}
            onClick={() => setStep(step + 1)}
          >
            apply step {count(number)}
          </button>
        </div>
        <p className="caption max-w-[56ch]">
          {ended
            ? `The run has ended. This is the last step it made, number ${count(number)}; take one back, and apply it again.`
            : `After step ${count(step)}, the next reads`}{' '}
          {!ended && <b>{documents.join(', ')}</b>}
          {!ended && ' and moves every weight.'}
        </p>
      </div>
      <div className="mt-3 flex flex-wrap gap-x-10 gap-y-4">
        <Terms update={update} weight={weight} />
        <div className="min-w-0 flex-[1_1_18rem] space-y-3 text-sm">
          <Losses {...updated} />
          <p className="caption">
            Rate of this step:{' '}
            <NotAsked why="a setting of the run">
              {learning_rate} · (1 − {count(update.step - 1)}/{count(steps)}) ={' '}
              {formatNumber(update.learningRate)}
            </NotAsked>
            . Where gradients agree from step to step, m̂ is about as large as √v̂ and the weight
            moves by the full rate; where they disagree, m̂ is small and it hardly moves. So the size
            of the gradient hardly matters; its consistency does.
          </p>
          <p className="caption">
            A step follows the gradient of the document it reads and the mean m of earlier ones, so
            the loss of that document mostly falls. For others it may rise, which is why the loss
            curve is noisy.
          </p>
        </div>
      </div>
    </>
  );
}

function Terms({ update, weight }: { update: Update; weight: Cell }) {
  const asked = useExplorer((s) => s.asked);
  const scene = useScene();
  const next = update.step === asked + 1;
  if ((next ? scene.next : scene.update) !== update) return null; // it comes at once
  return (
    <table className="min-w-0 flex-[2_1_24rem] text-left text-sm">
      <thead className="sr-only">
        <tr>
          <th scope="col">term</th>
          <th scope="col">formula</th>
          <th scope="col">value</th>
        </tr>
      </thead>
      <tbody>
        {TERMS.map(({ kind, symbol, text }) => {
          const cell: Cell = { ...weight, kind, next };
          const expr = INPUTS.has(kind) ? null : exprOf(scene, cell);
          const names = expr && segments(expr, { name: (c) => SYMBOLS.get(c.kind) ?? label(c) });
          const wide = kind === 'weight_before' || kind === 'weight_after';
          const format = wide ? long : formatNumber;
          const numbers = expr && segments(expr, { format });
          const last = kind === 'weight_after';
          return (
            <tr
              key={kind}
              className={`border-t align-top ${last ? 'border-t-4 border-line font-bold' : 'border-hair'}`}
            >
              <th scope="row" className="w-8 py-1 font-mono text-base">
                {symbol}
              </th>
              <td className="py-1">
                <span className="caption block">{text}</span>
                {names && (
                  <span className="block break-words font-mono text-xs leading-5">
                    {names.map((s) => s.text).join('')}
                    <br />={' '}
                    {numbers!.map(({ text, cell: part, note }, i) =>
                      part ? (
                        <Num key={i} cell={part} write={format} />
                      ) : (
                        <span key={i} title={note} data-not-asked={note}>
                          {text}
                        </span>
                      ),
                    )}
                  </span>
                )}
              </td>
              <td className="whitespace-nowrap py-1 pl-3 text-right font-mono font-semibold">
                <Num cell={cell} write={format} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** Weights with places enough to see a step. */
function long(value: number): string {
  return fixed(value, 7);
}

const WHICH = ['of the documents of this step', 'of the running document'];

function lossOn(when: string, which: number, value: number): Cell {
  const name = `loss ${WHICH[which]}, ${when} the step`;
  return measured(name, value, 'a forward pass with the weights of that moment');
}

function Losses({ losses }: Pick<Updated, 'losses'>) {
  return (
    <table className="w-full text-right">
      <caption className="pb-1 text-left font-bold">the loss, before and after</caption>
      <tbody className="font-mono">
        {losses.map(({ texts, before, after }, i) => (
          <tr key={i} className="border-t border-hair">
            <th scope="row" className="py-1 text-left font-sans font-medium">
              {texts.join(', ')}{' '}
              <span className="caption block">{i === 0 ? 'read in this step' : 'running'}</span>
            </th>
            <td className="whitespace-nowrap pl-2">
              <Num cell={lossOn('before', i, before)} places={4} /> →{' '}
              <Num cell={lossOn('after', i, after)} places={4} />
            </td>
            <td className="pl-2">
              <Delta
                cell={differenceOf(
                  `change of the loss ${WHICH[i]}`,
                  lossOn('after', i, after),
                  lossOn('before', i, before),
                )}
              />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
