import { useState } from 'react';
import { headDim } from '../../engine/config.ts';
import { KEYS, WIDTHS } from '../../engine/sharpness.ts';
import { fixed, percent } from '../../figures/format.ts';
import { NotAsked } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { useCompute, useLoaded } from '../../store/use.ts';

const NOTHING = {};
const WHY = 'of random vectors, not of the model';

/** Why the scores are divided by √d: random vectors, longer and longer. */
export function Scaling() {
  const dim = headDim(useLoaded().trace.config);
  const [at, setAt] = useState(4);
  const { value, soFar } = useCompute('sharpnesses', NOTHING);
  const known = value ?? soFar;
  const d = WIDTHS[at]!;
  const shown = known?.[at];
  return (
    <Panel title="why √d?" caption={`random queries and ${KEYS} random keys, numbers from N(0, 1)`}>
      <label className="block text-sm font-medium">
        d, numbers in a head: <b className="font-mono">{d}</b>
        <input
          type="range"
          className="mt-1 block w-full accent-[var(--blue)]"
          min={0}
          max={WIDTHS.length - 1}
          value={at}
          aria-valuetext={`${d}`}
          onChange={(event) => setAt(Number(event.target.value))}
        />
      </label>
      <div className="mt-3 grid grid-cols-2 gap-5">
        <Weights title="divided by √d" weights={shown?.scaled} colour="bg-blue" />
        <Weights title="not divided" weights={shown?.unscaled} colour="bg-red" />
      </div>
      <table className="mt-4 w-full text-right font-mono text-sm">
        <caption className="caption pb-1 text-left font-sans">
          the largest of the {KEYS} shares, mean of 24 draws; an even split would be{' '}
          <NotAsked why={WHY}>{percent(1 / KEYS)}</NotAsked>
        </caption>
        <thead>
          <tr className="border-b-2 border-line font-sans">
            <th scope="col" className="text-left">
              d
            </th>
            <th scope="col">spread of q·k</th>
            <th scope="col">divided</th>
            <th scope="col">not divided</th>
          </tr>
        </thead>
        <tbody data-not-asked={WHY}>
          {WIDTHS.map((width, i) => {
            const row = known?.[i];
            return (
              <tr
                key={width}
                className={`border-b border-hair ${i === at ? 'bg-yellow text-[#121212]' : ''}`}
              >
                <th scope="row" className="py-0.5 pl-1 text-left">
                  {width}
                </th>
                <td>{row ? fixed(row.spread, 1) : '…'}</td>
                <td>{row ? percent(row.largestScaled, 0) : '…'}</td>
                <td className="pr-1">{row ? percent(row.largestUnscaled, 0) : '…'}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <p className="caption mt-3">
        A dot product of d random pairs has a spread of about √d. Large scores make one share nearly
        1 and the others 0, and then hardly any gradient passes the softmax. Dividing by √d keeps
        scores similar for any width. In this model d is {dim}: the number of columns of one head,
        not of the whole vector.
      </p>
    </Panel>
  );
}

function Weights(props: { title: string; weights: readonly number[] | undefined; colour: string }) {
  const { weights } = props;
  return (
    <figure>
      <div
        role="img"
        aria-label={`${props.title}: ${weights ? weights.map((w) => percent(w, 0)).join(', ') : 'being computed'}`}
        className="flex h-24 items-end gap-1 border-b-2 border-line"
      >
        {Array.from({ length: KEYS }, (_, i) => (
          <span
            key={i}
            className={`flex-1 ${props.colour}`}
            style={{ height: `${100 * (weights?.[i] ?? 0)}%`, minHeight: '1px' }}
          />
        ))}
      </div>
      <figcaption className="mt-1 text-sm font-medium">{props.title}</figcaption>
    </figure>
  );
}
