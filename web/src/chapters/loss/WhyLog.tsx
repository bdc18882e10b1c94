import { useMemo, useState } from 'react';
import { Curves } from '../../figures/Curves.tsx';
import { fixed } from '../../figures/format.ts';
import { NotAsked } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { useExplorer, useLoaded } from '../../store/use.ts';
import { minusLog, minusLogSlope, squared, squaredSlope } from './surprise.ts';

const WHY = 'of the probability that is dragged, not of the model';
const FROM = 0.002;
const POINTS = 60;
const PLACES = Array.from({ length: POINTS + 1 }, (_, i) => FROM + ((1 - 2 * FROM) * i) / POINTS);

/** Why the loss is −log p and not a squared error: look where the model is most wrong. */
export function WhyLog() {
  const { trace, tokenizer } = useLoaded();
  const position = useExplorer((s) => s.position);
  const [dragged, setDragged] = useState<number | null>(null);
  const target = trace.values.targets[position]!;
  const own = trace.values.row('probs', position)[target]!;
  const p = dragged ?? Math.min(0.998, Math.max(FROM, own));
  const [pull, weak] = [-minusLogSlope(p), -squaredSlope(p)];
  return (
    <Panel
      title="why −log p, and not a squared error?"
      caption="drag the probability of the target"
    >
      <label className="block text-sm font-medium">
        p(what came):{' '}
        <b className="font-mono">
          <NotAsked why={WHY}>{fixed(p, 3)}</NotAsked>
        </b>
        {dragged === null && (
          <span className="caption">
            {' '}
            as at position {position}, {tokenizer.token(target)}
          </span>
        )}
        <input
          type="range"
          className="mt-1 block w-full accent-[var(--blue)]"
          min={FROM}
          max={0.998}
          step={0.002}
          value={p}
          onChange={(event) => setDragged(Number(event.target.value))}
        />
      </label>
      <div className="mt-3 grid grid-cols-2 gap-4">
        <Pair name="the loss" of={LOSSES} p={p} top={6} />
        <Pair name="the pull on its logit" of={PULLS} p={p} top={1} />
      </div>
      <table className="mt-3 w-full text-right text-sm">
        <thead>
          <tr className="border-b-2 border-line">
            <td />
            <th scope="col">loss</th>
            <th scope="col">pull</th>
          </tr>
        </thead>
        <tbody className="font-mono" data-not-asked={WHY}>
          <tr className="border-b border-hair">
            <th scope="row" className="py-1 text-left font-sans font-medium">
              <Key colour="bg-red" /> −log p, pull 1 − p
            </th>
            <td>{fixed(minusLog(p), 3)}</td>
            <td className="font-bold">{fixed(pull, 3)}</td>
          </tr>
          <tr className="border-b border-hair">
            <th scope="row" className="py-1 text-left font-sans font-medium">
              <Key colour="bg-blue" /> (1 − p)², pull 2 p (1 − p)²
            </th>
            <td>{fixed(squared(p), 3)}</td>
            <td className="font-bold">{fixed(weak, 3)}</td>
          </tr>
        </tbody>
      </table>
      <p className="caption mt-2" aria-live="polite">
        At this p, −log pulls <NotAsked why={WHY}>{fixed(pull / weak, 1)}</NotAsked> times as hard.
        Where the model is confident and wrong (p near 0), the squared error hardly pulls at all,
        because the softmax is flat there. −log cancels the exp of the softmax, so the pull is
        largest where it is needed. And −log p adds up: the loss of a text is that of its tokens
        together.
      </p>
    </Panel>
  );
}

function Key({ colour }: { colour: string }) {
  return <span className={`mr-1 inline-block h-3 w-3 ${colour}`} aria-hidden="true" />;
}

const LOSSES = [minusLog, squared] as const;
const PULLS = [(p: number) => -minusLogSlope(p), (p: number) => -squaredSlope(p)] as const;

function Pair(props: {
  name: string;
  of: readonly [(p: number) => number, (p: number) => number];
  p: number;
  top: number;
}) {
  const { name, of, p, top } = props;
  const lines = useMemo(
    () =>
      of.map((f, i) => ({
        points: PLACES.map((x) => [x, Math.min(f(x), top)] as const),
        colour: i ? 'var(--blue)' : 'var(--red)',
        width: 3,
      })),
    [of, top],
  );
  return (
    <figure>
      <Curves
        name={`${name} over p; at ${fixed(p, 3)} ${fixed(of[0](p), 3)} with −log, ${fixed(of[1](p), 3)} squared`}
        x={[0, 1]}
        y={[0, top]}
        lines={lines}
        at={p}
      />
      <figcaption className="caption flex justify-between">
        <span>
          {name}, 0 to {top}
        </span>
        <span>p →</span>
      </figcaption>
    </figure>
  );
}
