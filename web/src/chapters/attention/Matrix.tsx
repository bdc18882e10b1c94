import { useMemo, useState } from 'react';
import { comparedNumbers, type Ways } from '../../engine/bothWays.ts';
import { headDim } from '../../engine/config.ts';
import type { Cell } from '../../engine/expression.ts';
import type { Trace } from '../../engine/model.ts';
import { likeliest } from '../../engine/sample.ts';
import { count, percent } from '../../figures/format.ts';
import { Num } from '../../figures/Num.tsx';
import { Choice, Panel } from '../../figures/Panel.tsx';
import { setHead } from '../../store/explorer.ts';
import { useCompute, useExplorer, useLoaded } from '../../store/use.ts';
import { Triangle } from './Triangle.tsx';

/** Which layer and head are looked at: for all of the chapter. */
export function HeadChoice() {
  const { trace } = useLoaded();
  const { n_layer, n_head } = trace.config;
  const layer = useExplorer((s) => s.layer);
  const head = useExplorer((s) => s.head);
  const options = (n: number, what: string) =>
    Array.from({ length: n }, (_, i) => ({
      value: `${i}`,
      label: i === 0 ? `${what} 0` : `${i}`,
      name: `${what} ${i}`,
    }));
  return (
    <div className="flex flex-wrap gap-x-5 gap-y-2">
      {n_layer > 1 && (
        <Choice
          label="Layer"
          options={options(n_layer, 'layer')}
          value={`${layer}`}
          onChange={(value) => setHead(head, Number(value))}
        />
      )}
      <Choice
        label="Head"
        options={options(n_head, 'head')}
        value={`${head}`}
        onChange={(value) => setHead(Number(value), layer)}
      />
    </div>
  );
}

/** Scores or shares of a head for the whole document, and the same by mask and by cache. */
export function Matrix() {
  const { trace, tokenizer } = useLoaded();
  const layer = useExplorer((s) => s.layer);
  const head = useExplorer((s) => s.head);
  const position = useExplorer((s) => s.position);
  const [of, setOf] = useState<'attn_weights' | 'attn_scores'>('attn_weights');
  const [way, setWay] = useState<'cache' | 'mask'>('cache');
  const ways = useWays(trace);
  const n = trace.values.length;
  const row = trace.values.row(`layer${layer}.attn_weights`, position, head);
  const [most, share] = likeliest(row, 1)[0]!;
  const token = (t: number) => tokenizer.token(trace.values.tokens[t]!);
  const dim = headDim(trace.config);
  const link = (column: number): Cell => {
    return { kind: 'value', name: `layer${layer}.attn_weights`, row: position, column, head };
  };
  return (
    <Panel
      title="which positions does each position attend to?"
      caption="each row adds up to 1; click a number to see how it was computed"
    >
      <div className="mb-4 flex flex-wrap items-center gap-x-5 gap-y-2">
        <HeadChoice />
        <Choice
          label="What is shown"
          options={[
            { value: 'attn_scores', label: 'scores' },
            { value: 'attn_weights', label: 'shares' },
          ]}
          value={of}
          onChange={setOf}
        />
        <Choice
          label="How it is computed"
          options={[
            { value: 'cache', label: 'as it runs' },
            { value: 'mask', label: 'textbook, with a mask' },
          ]}
          value={way}
          onChange={setWay}
        />
      </div>
      <div className="flex flex-wrap gap-x-8 gap-y-4">
        <div className="min-w-0 max-w-full">
          <Triangle layer={layer} head={head} of={of} masked={way === 'mask' ? ways : null} />
        </div>
        <div className="min-w-[15rem] max-w-[34rem] flex-1 space-y-3 text-sm">
          <p>
            At position {position}, <b>{token(position)}</b>, head {head} gives{' '}
            {share > 0.9995 ? (
              'all of its attention'
            ) : (
              <>
                most, <Num cell={link(most)} write={percent} />,
              </>
            )}{' '}
            to{' '}
            <b>
              {token(most)} at position {most}
            </b>
            {most === position ? ', to itself' : ''}.
          </p>
          <p className="caption">
            A score is the dot product of {dim} numbers of q with {dim} of k, divided by √{dim}. The
            softmax turns a row of scores into shares.{' '}
            {way === 'cache'
              ? 'Hatched: later positions. When this row is computed they have not been read; there is nothing to hide.'
              : `Struck out: ${count((n * (n - 1)) / 2)} of ${count(n * n)} scores that are computed and then set to −∞, so that their share is 0.`}
          </p>
          <BothWays trace={trace} ways={ways} />
        </div>
      </div>
    </Panel>
  );
}

/** The same document by the textbook's mask and by cache; null as long as it is not known. */
export function useWays({ params, document, interventions, plan }: Trace): Ways | null {
  const ways = useCompute(
    'bothWays',
    useMemo(
      () => (plan.peek ? null : { params, document, interventions }),
      [params, document, interventions, plan],
    ),
  );
  return ways.done ? ways.value : null;
}

function BothWays({ trace, ways }: { trace: Trace; ways: Ways | null }) {
  if (trace.plan.peek)
    return <p className="caption">When later positions are visible, there is no cache.</p>;
  return (
    <table className="w-full text-left">
      <caption className="caption pb-1 text-left">
        The same document read in three ways, now: largest difference over{' '}
        {count(comparedNumbers(trace.values))} numbers
      </caption>
      <tbody>
        <tr className="border-t-2 border-line">
          <th scope="row" className="py-1 font-medium">
            whole document at once, sums end at the diagonal
          </th>
          <td className="pl-3 text-right">shown here</td>
        </tr>
        <Difference name="whole matrix, then a mask of −∞" value={ways?.mask} />
        <Difference name="token by token, with a cache" value={ways?.cache} />
      </tbody>
    </table>
  );
}

function Difference({ name, value }: { name: string; value: number | undefined }) {
  return (
    <tr className="border-t border-hair">
      <th scope="row" className="py-1 font-medium">
        {name}
      </th>
      <td className="pl-3 text-right">
        <b className="bg-yellow px-1.5 font-mono text-[#121212]">
          {value === undefined
            ? '…'
            : value === 0
              ? '0'
              : value.toExponential(0).replaceAll('-', '−')}
        </b>
      </td>
    </tr>
  );
}
