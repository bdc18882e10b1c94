import { splitName } from '../../engine/activations.ts';
import { productOf } from '../../engine/derived.ts';
import { type Cell, type Expr, evaluate, formatNumber } from '../../engine/expression.ts';
import { label } from '../../engine/provenance.ts';
import { exprOf } from '../../engine/rules.ts';
import { Num, useCell } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { moveInGrid } from '../../figures/roving.ts';
import { select } from '../../store/explorer.ts';
import { useExplorer, useLoaded } from '../../store/use.ts';
import { allRms, matrixRms, onScale, steepestWeight, wayToLoss } from './gradients.ts';

const MOST_PARTS = 16; // rows

/** Which weight the chapter speaks of: the one in the inspector, or one that was picked here. */
export function useWeight(picked: Cell | null): Cell {
  const { trace, params } = useLoaded();
  const selected = useExplorer((s) => s.selected);
  if (selected?.kind === 'param' && exists(params, selected)) return selected;
  return picked && exists(params, picked) ? picked : steepestWeight(trace.paramGrads);
}

/** One weight, the numbers it touches, and the way from there to the loss. */
export function Path(props: { weight: Cell; onPick: (weight: Cell | null) => void }) {
  const { trace, params, tokenizer } = useLoaded();
  const selected = useExplorer((s) => s.selected);
  const { weight } = props;
  const { name, row, column } = weight;
  const tensor = params.tensor(name);
  const gradient: Cell = { ...weight, kind: 'param_grad' };
  const parts = contributions(exprOf({ trace }, gradient));
  const way = wayToLoss(name, trace.config.n_layer);
  const pick = (next: Cell | null) => {
    props.onPick(next);
    if (selected?.kind === 'param') select(next);
  };
  const place = (part: Partial<Cell>) => {
    const next = { ...weight, ...part };
    const { n_out, n_in } = params.tensor(next.name);
    const inside = (x: number, n: number) => Math.max(0, Math.min(n - 1, Math.round(x) || 0));
    pick({ ...next, row: inside(next.row, n_out), column: inside(next.column, n_in) });
  };
  return (
    <Panel
      title="the path from a weight to the loss"
      caption="the weight in the inspector, or pick one"
    >
      <div onKeyDown={moveInGrid}>
        <div className="flex flex-wrap items-end gap-2">
          <label className="text-sm font-semibold">
            <span className="mb-1 block">matrix</span>
            <select
              className="field"
              value={name}
              onChange={(event) => place({ name: event.target.value })}
            >
              {[...params.tensors.keys()].map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
          </label>
          <Index name="row" value={row} end={tensor.n_out} onChange={(x) => place({ row: x })} />
          <Index
            name="column"
            value={column}
            end={tensor.n_in}
            onChange={(x) => place({ column: x })}
          />
          <div role="group" aria-label="This weight" className="flex gap-1">
            <button type="button" data-at="0,0" className="btn" onClick={() => select(weight)}>
              inspect
            </button>
            <button
              type="button"
              data-at="0,1"
              tabIndex={-1}
              className="btn"
              onClick={() => pick(steepestWeight(trace.paramGrads))}
            >
              the steepest
            </button>
          </div>
        </div>
        <p className="mt-3 text-sm">
          <b className="font-mono">{label(weight)}</b> is{' '}
          <Num cell={weight} className="font-mono font-bold" />, its gradient{' '}
          <Num cell={gradient} className="font-mono font-bold" />. {partsIn(name)}
        </p>
        {parts.length === 0 ? (
          <p className="caption mt-2">This document does not use it, so its gradient is 0.</p>
        ) : (
          <table className="mt-3 w-full text-right font-mono text-xs">
            <thead>
              <tr className="border-b-2 border-line font-sans">
                <th scope="col" className="text-left">
                  at
                </th>
                <th scope="col">its input</th>
                <th scope="col">gradient of its output</th>
                <th scope="col">product</th>
              </tr>
            </thead>
            <tbody>
              {largestParts(parts).map(({ input, back, part }, i) => (
                <tr key={i} className="border-b border-hair">
                  <th scope="row" className="whitespace-nowrap py-1 text-left font-sans text-sm">
                    {tokenizer.token(trace.values.tokens[back.cell?.row ?? 0]!)}{' '}
                    <span className="caption">{back.cell?.row}</span>
                  </th>
                  <td>{input ? <Ask number={input} at={`${i + 1},0`} /> : '1'}</td>
                  <td>
                    <Ask number={back} at={`${i + 1},1`} />
                  </td>
                  <td className="whitespace-nowrap pl-2 font-semibold">
                    <Ask number={productAt(back, input, part)} at={`${i + 1},2`} />
                  </td>
                </tr>
              ))}
              {parts.length > MOST_PARTS && (
                <tr className="border-b border-hair font-sans">
                  <td colSpan={4} className="caption py-1 text-left">
                    The {MOST_PARTS} largest of {parts.length} parts.
                  </td>
                </tr>
              )}
              <tr>
                <th scope="row" colSpan={3} className="py-1 text-left font-sans">
                  sum: the gradient
                </th>
                <td className="font-bold">
                  <Num cell={gradient} at={`${parts.length + 1},2`} />
                </td>
              </tr>
            </tbody>
          </table>
        )}
      </div>
      <h3 className="mt-4 text-sm font-bold">from there to the loss</h3>
      <ol className="mt-2 flex flex-wrap items-stretch gap-x-1 gap-y-2">
        <Stop name={splitName(name).short} cell={matrixRms(trace, name)} weight />
        {way.map((each) => (
          <Stop
            key={each}
            name={trace.config.n_layer > 1 ? each : splitName(each).short}
            cell={allRms(trace, each)}
          />
        ))}
      </ol>
      <p className="caption mt-2">
        Under each name: the root mean square of the gradients there, over all positions. On the
        residual stream this is one of several paths; the gradient is the sum over all of them.
      </p>
    </Panel>
  );
}

function partsIn(name: string): string {
  if (name === 'wte') return 'It is used wherever its token is read:';
  if (name === 'wpe') return 'It is used at its position only:';
  return 'It is used at every position, each time with another input:';
}

interface Part {
  readonly input: Found | null;
  readonly back: Found;
  readonly part: number;
}

/** The parts that count, in the order of the document. */
function largestParts(parts: readonly Part[]): readonly Part[] {
  if (parts.length <= MOST_PARTS) return parts;
  const sizes = parts.map(({ part }) => Math.abs(part)).sort((a, b) => b - a);
  return parts.filter(({ part }) => Math.abs(part) >= sizes[MOST_PARTS - 1]!);
}

interface Found {
  readonly value: number;
  readonly cell: Cell | null;
}

/** The terms of a parameter's gradient, a position each. */
function contributions(expr: Expr | null): Part[] {
  if (!expr) return [];
  const found = (e: Expr): Found => ({ value: evaluate(e), cell: e.op === 'cell' ? e.cell : null });
  switch (expr.op) {
    case 'dot':
      return expr.left.map((left, i) => {
        const [back, input] = [found(left), found(expr.right[i]!)];
        return {
          input,
          back: back.cell ? back : { ...back, cell: input.cell },
          part: back.value * input.value,
        };
      });
    case 'sum':
      return expr.terms.map((e) => ({ input: null, back: found(e), part: evaluate(e) }));
    case 'cell':
      return [{ input: null, back: found(expr), part: expr.value }];
    default:
      return [];
  }
}

function Ask({ number, at }: { number: Found; at: string }) {
  const { cell, value } = number;
  return cell ? <Num cell={cell} at={at} className="min-h-6" /> : formatNumber(value);
}

/** What one position adds to the gradient. */
function productAt(back: Found, input: Found | null, value: number): Found {
  if (!back.cell || !input?.cell || back.cell === input.cell) return { ...back, value };
  const name = `part of position ${back.cell.row} in the gradient`;
  return { value, cell: productOf(name, [back.cell, input.cell]) };
}

function Index(props: {
  name: string;
  value: number;
  end: number;
  onChange: (value: number) => void;
}) {
  return (
    <label className="text-sm font-semibold">
      <span className="mb-1 block">{props.name}</span>
      <input
        type="number"
        className="field w-[4.75rem] font-mono"
        min={0}
        max={props.end - 1}
        value={props.value}
        onChange={(event) => props.onChange(event.target.valueAsNumber)}
      />
    </label>
  );
}

function Stop({ name, cell, weight }: { name: string; cell: Cell; weight?: boolean }) {
  const size = useCell(cell).value ?? 0;
  return (
    <li className="flex items-center gap-1">
      <span
        className={`border-2 px-1.5 py-0.5 ${weight ? 'border-line bg-yellow text-[#121212]' : 'border-line'}`}
      >
        <span className="block font-mono text-[0.7rem] font-bold">{name}</span>
        <span className="block h-1.5 bg-bg" aria-hidden="true">
          <span
            className={`block h-full ${weight ? 'bg-[#1040c0]' : 'bg-red'}`}
            style={{ width: `${100 * onScale(size)}%` }}
          />
        </span>
        <Num cell={cell} className="block font-mono text-[0.7rem]" />
      </span>
      {name !== 'loss' && <span aria-hidden="true">→</span>}
    </li>
  );
}

function exists(
  params: { tensors: ReadonlyMap<string, { n_out: number; n_in: number }> },
  { name, row, column }: Cell,
): boolean {
  const tensor = params.tensors.get(name);
  return tensor !== undefined && row < tensor.n_out && column < tensor.n_in;
}
