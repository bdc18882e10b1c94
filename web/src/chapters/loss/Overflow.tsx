import { useState } from 'react';
import { distribution, likeliest } from '../../engine/sample.ts';
import { fixed, percent } from '../../figures/format.ts';
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
  const { powers, shares } = careless(logits);
  const careful = distribution(logits, { temperature: 1, top_k: null });
  const broken = shares.some(Number.isNaN);
  const rows = likeliest(careful, 4).map(([id]) => id);
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
              <td>{fixed(logits[id]!, 2)}</td>
              <td>{power(powers[id]!)}</td>
              <td className={broken ? 'font-bold text-red' : ''}>
                {Number.isNaN(shares[id]) ? 'NaN' : percent(shares[id]!)}
              </td>
              <td>{percent(careful[id]!)}</td>
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

function power(value: number): string {
  if (!Number.isFinite(value)) return '∞';
  return value < 1e5 ? fixed(value, 2) : value.toExponential(1).replace('e+', '·10^');
}
