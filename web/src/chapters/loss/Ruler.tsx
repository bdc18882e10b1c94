import { useMemo } from 'react';
import { BASELINES } from '../../engine/baselines.ts';
import { derived, measured } from '../../engine/derived.ts';
import type { Cell } from '../../engine/expression.ts';
import { judges } from '../../engine/heldOut.ts';
import { count } from '../../figures/format.ts';
import { Num } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { useCompute, useExplorer, useLoaded } from '../../store/use.ts';

const DOCUMENTS = 200;

function meanLossOf(title: string, loss: number): Cell {
  return measured(`mean loss, ${title}`, loss, 'the mean of −log p over the documents tested here');
}

/** exp of a loss: among how many equally likely tokens one would choose as badly. */
function choicesOf(title: string, loss: number): Cell {
  return derived(`choices, ${title}`, (read) => ({ op: 'exp', of: read(meanLossOf(title, loss)) }));
}

/** Is this loss good? Beside it, what simpler ways of guessing come to. */
export function Ruler() {
  const { run, params, trace } = useLoaded();
  const step = useExplorer((s) => s.step);
  const tested = judges(run, DOCUMENTS);
  const { interventions } = trace;
  const { documents } = tested;
  const simple = useCompute(
    'baselines',
    useMemo(() => ({ run, documents }), [run, documents]),
  );
  const own = useCompute(
    'losses',
    useMemo(
      () => ({ params, documents, cases: [interventions] }),
      [params, documents, interventions],
    ),
  );
  const counted = simple.done ? simple.value : simple.soFar;
  const nats = own.done ? own.value?.[0] : undefined;
  const rows = [
    ...BASELINES.map(({ title, note, n }) => ({
      title,
      note,
      loss: counted?.[n],
      own: false,
    })),
    { title: 'this model', note: `after step ${count(step)}`, loss: nats, own: true },
  ];
  const most = Math.max(Math.log(run.model.vocab_size), ...rows.map(({ loss }) => loss ?? 0));
  const beaten = nats === undefined ? [] : BASELINES.filter(({ n }) => (counted?.[n] ?? 0) > nats);
  return (
    <Panel title="is this loss good?" caption={`${tested.title}, measured now`}>
      <table className="w-full text-left text-sm">
        <thead>
          <tr className="caption border-b-2 border-line">
            <th scope="col" className="font-medium">
              model
            </th>
            <th scope="col" className="w-2/5 font-medium">
              <span className="sr-only">bar</span>
            </th>
            <th scope="col" className="text-right font-medium">
              nats
            </th>
            <th scope="col" className="pl-3 text-right font-medium">
              like choosing among
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ title, note, loss, own: mine }) => (
            <tr key={title} className={`border-b border-hair ${mine ? 'font-bold' : ''}`}>
              <th scope="row" className="py-1.5 pr-3 font-medium">
                <span className={mine ? 'font-bold' : ''}>{title}</span>{' '}
                <span className="caption hidden sm:inline">{note}</span>
              </th>
              <td aria-hidden="true">
                <span className="block h-4 bg-bg">
                  <span
                    className={`block h-full ${mine ? 'bg-red' : 'bg-blue'}`}
                    style={{ width: `${(100 * (loss ?? 0)) / most}%` }}
                  />
                </span>
              </td>
              <td className="pl-2 text-right font-mono">
                {loss === undefined ? '…' : <Num cell={meanLossOf(title, loss)} places={4} />}
              </td>
              <td className="text-right font-mono">
                {loss === undefined ? '…' : <Num cell={choicesOf(title, loss)} places={1} />}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="caption mt-3 max-w-[80ch]">
        The counts come from the training documents of this run; rare pairs are smoothed with
        shorter counts. The model is measured again when you drag the curve below.{' '}
        {nats !== undefined &&
          simple.done &&
          (beaten.length === BASELINES.length
            ? 'It now does better than all of these.'
            : beaten.length === 0
              ? 'It now does no better than any of these.'
              : `It now does better than ${beaten.map(({ title }) => title).join(', ')}, not than the others.`)}
        {!tested.heldOut &&
          ' This list is so short that training reads all of it: nothing is left to test on, and a low loss here may only show memorisation.'}
      </p>
    </Panel>
  );
}
