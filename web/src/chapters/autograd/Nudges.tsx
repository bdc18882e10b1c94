import { useMemo } from 'react';
import { NotAsked } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { Table } from '../../figures/Table.tsx';
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
      <div data-not-asked={OWN}>
        <Table
          name="Nudges"
          least="min-w-max"
          columns={[
            { head: 'leaf', className: 'font-mono' },
            { head: 'grad' },
            { head: 'grad · nudge' },
            { head: `${result} moves by` },
            { head: 'so it' },
          ]}
          lines={rows.map(({ leaf, grad, predicted, real, agrees }) => ({
            key: leaf,
            head: leaf,
            cells: [
              number(grad),
              number(predicted),
              number(real),
              <b key="agrees" className={`font-sans ${agrees ? 'text-blue' : 'text-red'}`}>
                {agrees ? 'agrees' : 'differs'}
              </b>,
            ],
          }))}
        />
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
