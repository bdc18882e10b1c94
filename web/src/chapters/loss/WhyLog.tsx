import { useMemo, useState } from 'react';
import { fixed } from '../../figures/format.ts';
import { Panel } from '../../figures/Panel.tsx';
import { useExplorer, useLoaded } from '../../store/use.ts';
import { minusLog, minusLogSlope, squared, squaredSlope } from './surprise.ts';

const FROM = 0.002;
const POINTS = 60;

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
        p(what came): <b className="font-mono">{fixed(p, 3)}</b>
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
        <Curves name="the loss" of={LOSSES} p={p} top={6} />
        <Curves name="the pull on its logit" of={PULLS} p={p} top={1} />
      </div>
      <table className="mt-3 w-full text-right text-sm">
        <thead>
          <tr className="border-b-2 border-line">
            <td />
            <th scope="col">loss</th>
            <th scope="col">pull</th>
          </tr>
        </thead>
        <tbody className="font-mono">
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
        At this p, −log pulls {fixed(pull / weak, 1)} times as hard. Where the model is confident
        and wrong (p near 0), the squared error hardly pulls at all, because the softmax is flat
        there. −log cancels the exp of the softmax, so the pull is largest where it is needed. And
        −log p adds up: the loss of a text is that of its tokens together.
      </p>
    </Panel>
  );
}

function Key({ colour }: { colour: string }) {
  return <span className={`mr-1 inline-block h-3 w-3 ${colour}`} aria-hidden="true" />;
}

const LOSSES = [minusLog, squared] as const;
const PULLS = [(p: number) => -minusLogSlope(p), (p: number) => -squaredSlope(p)] as const;

function Curves(props: {
  name: string;
  of: readonly [(p: number) => number, (p: number) => number];
  p: number;
  top: number;
}) {
  const { p, top } = props;
  const { of } = props;
  const paths = useMemo(() => {
    const y = (value: number) => 98 - (Math.min(value, top) / top) * 94;
    return of.map((f) => {
      const points = Array.from({ length: POINTS + 1 }, (_, i) => {
        const x = FROM + ((1 - 2 * FROM) * i) / POINTS;
        return `${(x * 100).toFixed(1)} ${y(f(x)).toFixed(1)}`;
      });
      return `M${points.join('L')}`;
    });
  }, [of, top]);
  return (
    <figure>
      <svg
        viewBox="0 0 100 100"
        preserveAspectRatio="none"
        className="h-32 w-full border-2 border-line"
        role="img"
        aria-label={`${props.name} over p; at ${fixed(p, 3)} ${fixed(of[0](p), 3)} with −log, ${fixed(of[1](p), 3)} squared`}
      >
        <title>{props.name}</title>
        {paths.map((path, i) => (
          <path
            key={i}
            d={path}
            fill="none"
            stroke={i ? 'var(--blue)' : 'var(--red)'}
            strokeWidth="3"
            vectorEffect="non-scaling-stroke"
          />
        ))}
        <line
          x1={100 * p}
          x2={100 * p}
          y1="0"
          y2="100"
          stroke="var(--ink)"
          strokeWidth="2"
          vectorEffect="non-scaling-stroke"
        />
      </svg>
      <figcaption className="caption flex justify-between">
        <span>
          {props.name}, 0 to {top}
        </span>
        <span>p →</span>
      </figcaption>
    </figure>
  );
}
