import { useMemo } from 'react';
import { NotAsked } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import type { Program } from './parse.ts';
import { nudges, type Run } from './steps.ts';
import { number } from './words.ts';

const OWN = 'of the expression that the reader wrote, not of the model';

/** Each leaf nudged, the whole graph computed again: the one check that no mistake survives. */
export function Nudges(props: {
  program: Program;
  values: Readonly<Record<string, number>>;
  run: Run;
}) {
  const { program, values, run } = props;
  const rows = useMemo(() => nudges(program, values, run), [program, values, run]);
  const result = run.built.nodes[run.result]!.label;
  return (
    <Panel
      title="is it true?"
      caption={
        <>
          each leaf nudged by <NotAsked why={OWN}>0.00001</NotAsked>
        </>
      }
    >
      <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Nudges">
        <table className="w-full text-right text-sm">
          <thead>
            <tr className="border-b-2 border-line align-bottom">
              <th scope="col" className="text-left">
                leaf
              </th>
              <th scope="col" className="pl-3">
                grad
              </th>
              <th scope="col" className="pl-3">
                grad · nudge
              </th>
              <th scope="col" className="pl-3">
                {result} moves by
              </th>
              <th scope="col" className="pl-3">
                so it
              </th>
            </tr>
          </thead>
          <tbody className="font-mono" data-not-asked={OWN}>
            {rows.map(({ leaf, grad, predicted, real, agrees }) => (
              <tr key={leaf} className="border-b border-hair">
                <th scope="row" className="py-1 text-left">
                  {leaf}
                </th>
                <td className="pl-3">{number(grad)}</td>
                <td className="whitespace-nowrap pl-3">{number(predicted)}</td>
                <td className="whitespace-nowrap pl-3">{number(real)}</td>
                <td className={`pl-3 font-sans font-bold ${agrees ? 'text-blue' : 'text-red'}`}>
                  {agrees ? 'agrees' : 'differs'}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="caption mt-3">
        A gradient is a prediction: if this number changes a little, {result} changes by grad times
        as much. Here each leaf is changed and the whole expression is computed again, without a
        backward pass.{' '}
        {run.rule === 'order'
          ? 'This is how anyone who writes a backward pass can check it.'
          : 'Wrong backward passes fail this check.'}
      </p>
    </Panel>
  );
}
