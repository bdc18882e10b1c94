import { useState } from 'react';
import { derived } from '../../engine/derived.ts';
import type { Cell, Expr } from '../../engine/expression.ts';
import { distribution, likeliest } from '../../engine/sample.ts';
import { number } from '../../engine/scene.ts';
import { fixed, percent } from '../../figures/format.ts';
import { Num } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { useExplorer, useLoaded } from '../../store/use.ts';
import { careless } from './surprise.ts';

const MOST = 800;

/** Why the largest logit is taken off first: the same to all changes nothing, but exp overflows. */
export function Overflow() {
  const { trace, tokenizer } = useLoaded();
  const position = useExplorer((s) => s.position);
  const [added, setAdded] = useState(0);
  const logits = trace.values.row('logits', position).map((x) => x + added);
  const { shares } = careless(logits);
  const careful = distribution(logits, { temperature: 1, top_k: null });
  const broken = shares.some(Number.isNaN);
  const rows = likeliest(careful, 4).map(([id]) => id);
  const of = softmaxes(position, logits.length, added);
  return (
    <Panel title="why subtract the largest first?" caption={`the logits of position ${position}`}>
      <label className="block text-sm font-medium">
        added to every logit: <b className="font-mono">{added}</b>
        <input
          type="range"
          className="mt-1 block w-full accent-[var(--blue)]"
          min={0}
          max={MOST}
          step={10}
          value={added}
          onChange={(event) => setAdded(Number(event.target.value))}
        />
      </label>
      <table className="mt-3 w-full text-right font-mono text-xs sm:text-sm">
        <thead className="font-sans">
          <tr className="border-b-2 border-line">
            <th scope="col" className="text-left">
              token
            </th>
            <th scope="col">logit</th>
            <th scope="col">exp(logit)</th>
            <th scope="col">unchanged</th>
            <th scope="col">largest subtracted</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((id) => (
            <tr key={id} className="border-b border-hair">
              <th scope="row" className="py-1 text-left font-sans">
                {tokenizer.token(id)}
              </th>
              <td>
                <Num cell={of.logit(id)} places={2} />
              </td>
              <td>
                <Num cell={of.power(id)} write={power} />
              </td>
              <td className={broken ? 'font-bold text-red' : ''}>
                <Num cell={of.unchanged(id)} write={share} />
              </td>
              <td>
                <Num cell={of.careful(id)} write={share} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="caption mt-2" aria-live="polite">
        {broken ? (
          <>
            <b className="text-red">Broken. </b>exp is ∞ beyond 709, and ∞ / ∞ is not a number.{' '}
          </>
        ) : (
          'Add 800. '
        )}
        A number that is added to all logits cancels out in the probabilities. So the largest logit
        can be subtracted first: then the largest power is exp(0) = 1, and nothing can overflow.
      </p>
    </Panel>
  );
}

/** The logits with something added, and a softmax over them without and with care. */
function softmaxes(row: number, n: number, added: number) {
  const name = (what: string, id: number) => `${what} of token ${id} after position ${row}`;
  const all = Array.from({ length: n }, (_, id) => id);
  const logit = (read: (cell: Cell) => Expr, id: number): Expr => ({
    op: 'sum',
    terms: [
      read({ kind: 'value', name: 'logits', row, column: id, head: 0 }),
      number(added, 'added to every logit'),
    ],
  });
  const exp = (of: Expr): Expr => ({ op: 'exp', of });
  const share = (powers: readonly Expr[], id: number): Expr => ({
    op: 'over',
    left: powers[id]!,
    right: { op: 'sum', terms: powers },
  });
  return {
    logit: (id: number) => derived(name('logit', id), (read) => logit(read, id)),
    power: (id: number) => derived(name('exp of the logit', id), (read) => exp(logit(read, id))),
    unchanged: (id: number) =>
      derived(name('share without care', id), (read) =>
        share(
          all.map((each) => exp(logit(read, each))),
          id,
        ),
      ),
    careful: (id: number) =>
      derived(name('share with care', id), (read) => {
        const x = all.map((each) => logit(read, each));
        const largest: Expr = { op: 'max', of: x };
        return share(
          x.map((left) => exp({ op: 'minus', left, right: largest })),
          id,
        );
      }),
  };
}

function share(value: number): string {
  return Number.isNaN(value) ? 'NaN' : percent(value);
}

function power(value: number): string {
  if (!Number.isFinite(value)) return '∞';
  return value < 1e5 ? fixed(value, 2) : value.toExponential(1).replace('e+', '·10^');
}
