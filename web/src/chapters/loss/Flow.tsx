import { useMemo, useState } from 'react';
import { isAttention, splitName, widthOf } from '../../engine/activations.ts';
import type { Cell } from '../../engine/expression.ts';
import { Cells, type Row, rowCells } from '../../figures/Cells.tsx';
import { largest } from '../../figures/format.ts';
import { largestOf, NotAsked, Num, useCell } from '../../figures/Num.tsx';
import { Choice, Panel } from '../../figures/Panel.tsx';
import { moveInGrid } from '../../figures/roving.ts';
import { setHead } from '../../store/explorer.ts';
import { useScene } from '../../store/scene.ts';
import { useExplorer, useLoaded } from '../../store/use.ts';
import { matrixRms, onScale, rowRms, rowSizes, stages } from './gradients.ts';

/** From the loss to the embeddings: how large the gradients are, number by number and matrix by matrix. */
export function Flow() {
  const { trace, tokenizer } = useLoaded();
  const position = useExplorer((s) => s.position);
  const { n_layer } = trace.config;
  const layer = useExplorer((s) => s.layer);
  const head = useExplorer((s) => s.head);
  const list = useMemo(
    () => stages(n_layer).filter(({ name }) => [-1, layer].includes(splitName(name).layer)),
    [n_layer, layer],
  );
  const [chosen, setChosen] = useState('');
  const open = list.some(({ name }) => name === chosen) ? chosen : `layer${layer}.mlp_resid`;
  const sizes = useMemo(() => list.map(({ name }) => rowSizes(trace, name)), [list, trace]);
  const token = tokenizer.token(trace.values.tokens[position]!);
  return (
    <Panel
      title={`backward, from the loss to the embeddings; position ${position}, ${token}`}
      caption="root mean square of the gradients"
    >
      {n_layer > 1 && (
        <div className="mb-3">
          <Choice
            label="Layer"
            options={Array.from({ length: n_layer }, (_, i) => ({
              value: `${i}`,
              label: `layer ${i}`,
            }))}
            value={`${layer}`}
            onChange={(value) => setHead(head, Number(value))}
          />
        </div>
      )}
      <table className="w-full text-left text-sm" onKeyDown={moveInGrid}>
        <thead>
          <tr className="caption border-b-2 border-line">
            <th scope="col" className="font-medium">
              numbers
            </th>
            <th scope="col" className="hidden w-24 font-medium sm:table-cell">
              each position
            </th>
            <th scope="col" className="text-right sm:w-[28%] font-medium">
              here
            </th>
            <th scope="col" className="pl-2 font-medium sm:pl-4">
              matrix
            </th>
            <th scope="col" className="text-right sm:w-[24%] font-medium">
              <span className="sr-only sm:not-sr-only">its</span> gradient
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map(({ name, stream, tensor }, i) => {
            return (
              <tr key={name} className="border-b border-hair">
                <th
                  scope="row"
                  className={`border-l-6 py-0 font-normal ${stream ? 'border-l-line' : 'border-l-hair'}`}
                >
                  <button
                    type="button"
                    data-at={`${i},0`}
                    tabIndex={name === open ? 0 : -1}
                    className={`min-h-7 w-full px-1 text-left sm:px-2 font-mono text-xs ${name === open ? 'bg-yellow font-bold text-[#121212]' : stream ? 'font-bold hover:bg-bg' : 'hover:bg-bg'}`}
                    aria-pressed={name === open}
                    onClick={() => setChosen(name)}
                  >
                    {splitName(name).short}
                  </button>
                </th>
                <td className="hidden sm:table-cell" aria-hidden="true">
                  <Strip sizes={sizes[i]!} at={position} />
                </td>
                <td className="text-right">
                  <Size cell={rowRms(trace, name, position)} colour="--red" />
                </td>
                <td className="pl-1.5 font-mono text-[0.65rem] sm:pl-4 sm:text-xs">
                  {tensor && splitName(tensor).short}
                </td>
                <td className="text-right">
                  {tensor && <Size cell={matrixRms(trace, tensor)} colour="--blue" />}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <p className="caption mt-2 max-w-[80ch]">
        The backward pass, from top to bottom. The bars have a logarithmic scale from{' '}
        <NotAsked why="the ends of a scale">0.0001</NotAsked> to 10: each fifth of the width is a
        factor of ten. Thick line: the residual stream, along which gradients pass back unchanged;
        the branches add their gradients. A matrix is used at every position, so its gradient is the
        sum over all of them.
      </p>
      <Opened name={open} />
    </Panel>
  );
}

/** The gradients of one stage at the cursor, each to be asked. */
function Opened({ name }: { name: string }) {
  const { trace } = useLoaded();
  const position = useExplorer((s) => s.position);
  const scene = useScene();
  const { config, values } = trace;
  const rows: Row[] = isAttention(name)
    ? Array.from({ length: config.n_head }, (_, head) => ({
        label: `head ${head}`,
        cells: rowCells(name, position, position + 1, 'grad', head),
      }))
    : [
        {
          label: '',
          cells: rowCells(name, position, widthOf(config, name, values.length), 'grad'),
        },
      ];
  return (
    <section className="mt-4 border-t-2 border-line pt-3" aria-label={`gradients of ${name}`}>
      <h3 className="mb-2 text-sm font-bold">
        d loss / d <span className="font-mono">{name}</span>, row {position}
      </h3>
      <Cells
        name={`gradients of ${name}`}
        rows={rows}
        largest={Math.max(...rows.map((row) => largestOf(scene, row.cells)))}
        places={3}
        labelWidth={isAttention(name) ? '4.5rem' : '0rem'}
      />
    </section>
  );
}

function Size({ cell, colour }: { cell: Cell; colour: string }) {
  const size = useCell(cell).value ?? 0;
  return (
    <span className="flex items-center justify-end gap-2">
      <span
        className="hidden h-3 min-w-4 flex-1 sm:block"
        style={{
          background: `linear-gradient(to right, var(${colour}) ${(100 * onScale(size)).toFixed(1)}%, var(--bg) 0)`,
        }}
        aria-hidden="true"
      />
      <Num cell={cell} className="sm:w-[4.75rem] text-right font-mono text-xs" />
    </span>
  );
}

/** The same row by row, as one small picture. */
function Strip({ sizes, at }: { sizes: readonly number[]; at: number }) {
  const most = largest(sizes);
  const width = 80 / sizes.length;
  const bar = (t: number) => {
    const height = Math.max(0.5, (sizes[t]! / most) * 20);
    return `M${(t * width).toFixed(2)} 22h${(width * 0.8).toFixed(2)}v${(-height).toFixed(2)}h${(-width * 0.8).toFixed(2)}z`;
  };
  return (
    <svg viewBox="0 0 80 22" className="h-5 w-20" aria-hidden="true">
      <path d={sizes.map((_, t) => (t === at ? '' : bar(t))).join('')} fill="var(--hair)" />
      <path d={bar(at)} fill="var(--red)" />
    </svg>
  );
}
