import { memo, useState } from 'react';
import { type Matrix, meanOf, stdOf } from '../../engine/derived.ts';
import type { Params } from '../../engine/params.ts';
import { Cells } from '../../figures/Cells.tsx';
import { count, fixed, largest, percent, precise } from '../../figures/format.ts';
import { NotAsked, Num } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { moveInGrid } from '../../figures/roving.ts';
import { useScene } from '../../store/scene.ts';
import { cellAt, numbersOf, type Shown } from './shown.ts';
import type { TensorFacts } from './statistics.ts';

const PAGE = 256; // numbers shown at once

/** The tensors as a table, and one of them number by number. */
export const TensorTable = memo(function TensorTable(props: {
  facts: readonly TensorFacts[];
  params: Params;
  shown: Shown;
  rowName: (tensor: string, row: number) => string;
}) {
  const { facts, params } = props;
  const [chosen, setChosen] = useState('wpe');
  const open = facts.find(({ name }) => name === chosen) ?? facts[0]!;
  const total = params.data.length;
  const matrix = ({ name }: TensorFacts): Matrix => ({ params, name, kind: 'param' });
  return (
    <Panel
      title="tensor by tensor"
      caption="choose one to see its numbers"
      className="[contain-intrinsic-size:auto_52rem] [content-visibility:auto]"
    >
      <div className="overflow-x-auto" onKeyDown={moveInGrid}>
        <table className="w-full whitespace-nowrap text-right text-sm">
          <thead>
            <tr className="border-b-2 border-line [&>th]:py-1 [&>th]:pl-4">
              <th scope="col" className="!pl-0 text-left">
                tensor
              </th>
              <th scope="col">rows × columns</th>
              <th scope="col">count</th>
              <th scope="col">share</th>
              <th scope="col">mean</th>
              <th scope="col">std</th>
              <th scope="col">largest gradient</th>
            </tr>
          </thead>
          <tbody className="font-mono text-[0.8125rem]">
            {facts.map((fact, i) => {
              const on = fact.name === open.name;
              return (
                <tr
                  key={fact.name}
                  className={`border-b border-hair [&>td]:pl-4 ${on ? 'bg-yellow text-[#121212]' : ''}`}
                >
                  <th scope="row" className="text-left font-semibold">
                    <button
                      type="button"
                      data-at={`${i},0`}
                      tabIndex={on ? 0 : -1}
                      aria-pressed={on}
                      className="min-h-7 px-1 underline underline-offset-4"
                      onClick={() => setChosen(fact.name)}
                    >
                      {fact.name}
                    </button>
                  </th>
                  <td>
                    {fact.rows} × {fact.columns}
                  </td>
                  <td>{count(fact.count)}</td>
                  <td>
                    <NotAsked why="a count, not a number of the model">
                      {percent(fact.share)}
                    </NotAsked>
                  </td>
                  <td>
                    <Num
                      cell={meanOf(`mean of ${fact.name}`, matrix(fact))}
                      places={3}
                      at={`${i},1`}
                    />
                  </td>
                  <td>
                    <Num
                      cell={stdOf(`standard deviation of ${fact.name}`, matrix(fact))}
                      places={3}
                      at={`${i},2`}
                    />
                  </td>
                  <td className="pr-1">
                    <Num cell={fact.steepest} write={precise} at={`${i},3`} />
                  </td>
                </tr>
              );
            })}
            <tr className="[&>td]:pl-4">
              <th scope="row" className="px-1 py-1 text-left font-semibold">
                all
              </th>
              <td>–</td>
              <td>{count(total)}</td>
              <td>100 %</td>
              <td colSpan={3} />
            </tr>
          </tbody>
        </table>
      </div>
      <Numbers key={open.name} fact={open} {...props} />
    </Panel>
  );
});

/** One tensor, as many rows at a time as stay readable. */
function Numbers(props: {
  fact: TensorFacts;
  shown: Shown;
  rowName: (tensor: string, row: number) => string;
}) {
  const { fact, shown, rowName } = props;
  const { name, rows, columns } = fact;
  const [first, setFirst] = useState(0);
  const perPage = Math.max(1, Math.floor(PAGE / columns));
  const last = Math.min(rows, first + perPage);
  const tensor = numbersOf(useScene(), shown)?.tensor(name);
  const most = tensor ? largest(tensor.data) : 1;
  const thousands = most >= 0.3 ? 0 : Math.min(4, Math.ceil(Math.log10(0.3 / most) / 3));
  const scale = 1000 ** thousands;
  const from = Math.min(first, Math.max(0, rows - 1));
  return (
    <div className="mt-4">
      <div className="mb-3 flex flex-wrap items-center justify-between gap-2">
        <h3 className="font-mono text-sm font-bold">
          {name} <span className="font-normal text-soft">{shown.title}</span>
        </h3>
        <p className="caption">
          {thousands > 0 && `numbers times 10${['', '³', '⁶', '⁹', '¹²'][thousands]}; `}
          rows {from} to {last - 1} of {rows}
        </p>
        {rows > perPage && (
          <div className="flex gap-1">
            <button
              type="button"
              className="btn"
              disabled={first === 0}
              onClick={() => setFirst(Math.max(0, first - perPage))}
            >
              rows before
            </button>
            <button
              type="button"
              className="btn"
              disabled={last === rows}
              onClick={() => setFirst(first + perPage)}
            >
              rows after
            </button>
          </div>
        )}
      </div>
      {tensor ? (
        <Cells
          name={`${name}, ${shown.title}`}
          largest={most}
          labelWidth="6.5rem"
          write={(value) => fixed(value * scale)}
          rows={Array.from({ length: last - from }, (_, i) => {
            const row = from + i;
            const meaning = rowName(name, row);
            return {
              label: name === 'wpe' ? meaning : `${row}  ${meaning}`,
              cells: Array.from({ length: columns }, (_, column) =>
                cellAt(shown, { name, row, column }),
              ),
            };
          })}
        />
      ) : (
        <p className="caption">computing…</p>
      )}
    </div>
  );
}
