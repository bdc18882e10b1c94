import { useMemo } from 'react';
import type { History } from '../../engine/history.ts';
import { sampleConfig } from '../../engine/sample.ts';
import { count } from '../../figures/format.ts';
import { Panel } from '../../figures/Panel.tsx';
import { useCompute, useExplorer, useLoaded } from '../../store/use.ts';

const TEXTS = 8;
const SEED = 42;
const STEPS = [0, 10, 100, 300];

const WANTED = { config: sampleConfig(), seed: SEED, prompt: '', n: TEXTS };

/** The same random numbers, drawn from ever better models. */
export function Samples() {
  const { run, loaded } = useLoaded();
  const step = useExplorer((s) => s.step);
  const { history, losses } = loaded;
  const { steps } = run.training;
  const wanted = [...STEPS.filter((s) => s < steps), steps];
  return (
    <Panel title="samples" caption={`${TEXTS} texts, temperature 0.5, seed ${SEED} each time`}>
      <table className="w-full text-sm">
        <thead className="sr-only">
          <tr>
            <th>after step</th>
            <th>texts</th>
          </tr>
        </thead>
        <tbody>
          {wanted.map((s) => (
            <TextsAt key={s} history={s <= losses.length ? history : null} step={s} />
          ))}
          <TextsAt history={history} step={step} cursor />
        </tbody>
      </table>
      <p className="caption mt-2">
        The random numbers are the same in every row. Where two rows are alike, the model has
        changed little in between.
      </p>
    </Panel>
  );
}

/** What the model writes after a step: the one asked for or, of a large model, the nearest kept. */
function TextsAt(props: { history: History | null; step: number; cursor?: boolean }) {
  const { history, cursor = false } = props;
  const known = history !== null && history.steps.length > 0;
  const step = known ? history.nearestKept(props.step) : props.step;
  const { value } = useCompute(
    'texts',
    useMemo(() => {
      if (!known) return null;
      const { run, interventions } = history;
      return { ...WANTED, run, interventions, params: history.paramsAt(step), steps: step };
    }, [history, known, step]),
  );
  return (
    <tr className={`border-t-2 border-hair align-baseline ${cursor ? 'font-semibold' : ''}`}>
      <th scope="row" className="w-20 py-1.5 pr-3 text-right font-mono font-medium">
        {count(step)}
        {cursor && ' (cursor)'}
      </th>
      <td className="py-1.5 [overflow-wrap:anywhere]">
        {value?.map(({ text }) => text || '(empty)').join('  ·  ') ?? (
          <span className="text-soft">{known ? '…' : 'not reached yet'}</span>
        )}
      </td>
    </tr>
  );
}
