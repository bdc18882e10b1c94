import { Num } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { useExplorer, useLoaded } from '../../store/use.ts';
import { pairScore } from './pairScore.ts';

const MOST = 6;

/** score(i → j) beside score(j → i), and both where wk is made equal to wq. */
export function Symmetry() {
  const { trace, tokenizer } = useLoaded();
  const layer = useExplorer((s) => s.layer);
  const head = useExplorer((s) => s.head);
  const position = useExplorer((s) => s.position);
  const { values } = trace;
  const i = Math.min(position > 0 ? position : values.length - 1, values.length - 1);
  const others = Array.from({ length: i }, (_, j) => j).slice(-MOST);
  const token = (t: number) => tokenizer.token(values.tokens[t]!);
  if (trace.plan.peek || i === 0) return null;
  const score = (key: 'k' | 'q', from: number, to: number) => (
    <Num cell={pairScore(trace, { layer, head }, from, to, key)} places={3} />
  );
  return (
    <Panel title="why separate q and k?" caption={`head ${head}, scores before softmax`}>
      <table className="w-full text-right font-mono text-xs sm:text-sm">
        <thead className="font-sans">
          <tr className="caption">
            <td />
            <th scope="colgroup" colSpan={2} className="pb-1 font-medium">
              as trained
            </th>
            <th scope="colgroup" colSpan={2} className="pb-1 font-medium">
              with wk = wq
            </th>
          </tr>
          <tr className="border-b-2 border-line">
            <th scope="col" className="text-left">
              pair
            </th>
            <th scope="col" className="pl-1 sm:pl-3">
              query
            </th>
            <th scope="col" className="pl-1 sm:pl-3">
              key
            </th>
            <th scope="col" className="pl-1 sm:pl-3">
              query
            </th>
            <th scope="col" className="pl-1 sm:pl-3">
              key
            </th>
          </tr>
        </thead>
        <tbody>
          {others.map((j) => (
            <tr key={j} className="border-b border-hair">
              <th scope="row" className="whitespace-nowrap py-1 text-left font-sans">
                {token(i)} <span className="caption">{i}</span>, {token(j)}{' '}
                <span className="caption">{j}</span>
              </th>
              <td className="pl-1 sm:pl-3">{score('k', i, j)}</td>
              <td className="pl-1 sm:pl-3">{score('k', j, i)}</td>
              <td className="pl-1 sm:pl-3 font-semibold">{score('q', i, j)}</td>
              <td className="pl-1 sm:pl-3 font-semibold">{score('q', j, i)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="caption mt-3">
        Query: {token(i)} at position {i} looks at the other position. Key: the other position would
        look at it, which only the textbook’s matrix computes, because {token(i)} comes later. With
        two matrices the two scores differ. With one matrix, every score would equal its mirror
        image, and attention could not be one-sided.
      </p>
    </Panel>
  );
}
