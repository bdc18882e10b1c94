import { useMemo, useState } from 'react';
import { derived, measured, sumOf } from '../../engine/derived.ts';
import type { Cell } from '../../engine/expression.ts';
import { lastStream } from '../../engine/formulas.ts';
import { trace as read, type Trace } from '../../engine/model.ts';
import { likeliest } from '../../engine/sample.ts';
import { number } from '../../engine/scene.ts';
import { probability } from '../../figures/Cells.tsx';
import { fixed, largest, percent } from '../../figures/format.ts';
import { Num } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { moveInGrid } from '../../figures/roving.ts';
import { hover, sameCell, select } from '../../store/explorer.ts';
import { useExplorer, useLoaded } from '../../store/use.ts';
import { logitGradients, rowSize } from './gradients.ts';

const MOST_SHOWN = 36; // bars; of more tokens only a few are drawn
const FEW = 27;

/** The gradient of the logits, p less 1 at the target; and what another target would change. */
export function Targets() {
  const { trace, tokenizer } = useLoaded();
  const position = useExplorer((s) => s.position);
  const [wanted, setWanted] = useState<number | null>(null);
  const { values, config } = trace;
  const { vocab_size, n_layer } = config;
  const target = values.targets[position]!;
  const picked = wanted === null || wanted >= vocab_size || wanted === target ? null : wanted;
  const likely = likeliest(values.row('probs', position), 2).find(([id]) => id !== target)![0];
  const other = picked ?? likely; // beside what came: what was picked, or what was expected
  const { asIs, changed } = useMemo(() => {
    const upTo = (last: number): Trace => {
      const prefix = Array.from({ length: position + 1 }, (_, t) => trace.document[t]!);
      return read(trace.params, [...prefix, last], trace.interventions);
    };
    return { asIs: upTo(target), changed: upTo(other) };
  }, [trace, position, target, other]);
  const shown = picked === null ? asIs : changed;
  const chosen = picked ?? target;
  const probs = shown.values.row('probs', position);
  const n = values.length;
  const gradients = logitGradients(trace, probs, position, picked);
  const token = (id: number) => tokenizer.token(id);
  /** A number of a document that ends here, which is not the running one. */
  const upToHere = (read: Trace, what: string, value: number) =>
    measured(
      `${what} where ${token(read.values.targets[position]!)} comes`,
      value,
      `from a forward and a backward pass over the text up to position ${position}, then ${token(read.values.targets[position]!)}`,
    );
  const rows = [
    ['logits', 'logits'],
    ['the stream at its end', lastStream(n_layer)],
    ['the MLP inside', `layer${n_layer - 1}.mlp_hidden`],
    ['the value', 'layer0.v'],
    ['the token’s embedding', 'tok_emb'],
  ] as const;
  return (
    <Panel
      title={`gradient of the logits: position ${position}, after ${token(values.tokens[position]!)}`}
      caption={`(p − 1)/${n} at the target, p/${n} elsewhere; click a bar to see how it was computed`}
    >
      <Gradients of={gradients} target={chosen} live={picked === null} />
      <div className="mt-4 grid grid-cols-[minmax(0,1fr)] gap-x-8 gap-y-4 md:grid-cols-2">
        <div className="space-y-3 text-sm">
          <p>
            The softmax and −log together have a very simple derivative. Each wrong token is pushed
            down by the probability it got; the target is pulled up by what it lacks,{' '}
            <Num cell={lacking(position, chosen)} places={3} />. The pushes and the pull cancel out.
            The loss of the document is a mean, so the gradient of a bar is a {values.length}th of
            it.
          </p>
          <label className="flex flex-wrap items-center gap-2 font-medium">
            What if another token came?
            <select
              className="field"
              value={chosen}
              onChange={(event) => {
                const id = Number(event.target.value);
                setWanted(id);
              }}
            >
              {Array.from({ length: vocab_size }, (_, id) => (
                <option key={id} value={id}>
                  {token(id)}
                  {id === target ? ' (as it is)' : ''}
                </option>
              ))}
            </select>
          </label>
          <p className="caption" aria-live="polite">
            {picked !== null
              ? `Another document: the same up to here, then ${token(chosen)}. The prediction is the same; only the target differs.`
              : 'Only the target changes, not the prediction: all numbers of the forward pass stay the same.'}
          </p>
        </div>
        <table className="w-full self-start text-right font-mono text-sm">
          <caption className="caption pb-1 text-left font-sans">
            read up to here only; root mean square of the gradients at this position
          </caption>
          <thead className="font-sans">
            <tr className="border-b-2 border-line">
              <td />
              <th scope="col">{token(target)} comes</th>
              <th scope="col" className="pl-2">
                {token(other)} comes
              </th>
            </tr>
          </thead>
          <tbody>
            <Row
              name="p of it"
              write={percent}
              cells={[target, other].map((id) => probability(position, id))}
            />
            <Row
              name="−log p"
              cells={[asIs, changed].map((t) =>
                upToHere(t, '−log p', t.values.get('loss', position, 0)),
              )}
            />
            {rows.map(([name, of]) => (
              <Row
                key={of}
                name={name}
                cells={[asIs, changed].map((t) => upToHere(t, name, rowSize(t, of, position)))}
              />
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function gradientOf(row: number, column: number): Cell {
  return { kind: 'grad', name: 'logits', row, column, head: 0 };
}

function Row(props: { name: string; cells: readonly Cell[]; write?: (value: number) => string }) {
  const { name, cells, write = (value: number) => fixed(value, 4) } = props;
  return (
    <tr className="border-b border-hair">
      <th scope="row" className="py-1 text-left font-sans font-medium">
        {name}
      </th>
      {cells.map((cell, i) => (
        <td key={i} className="pl-2">
          <Num cell={cell} write={write} />
        </td>
      ))}
    </tr>
  );
}

/** 1 − p: by how much a probability falls short of certainty. */
function lacking(row: number, id: number): Cell {
  const p = probability(row, id);
  return derived(`1 less the probability of token ${id} after position ${row}`, (read) => ({
    op: 'minus',
    left: number(1, 'certain'),
    right: read(p),
  }));
}

/** A signed bar for the gradient of each token's logit. */
function Gradients(props: { of: readonly number[]; target: number; live: boolean }) {
  const { tokenizer } = useLoaded();
  const position = useExplorer((s) => s.position);
  const selected = useExplorer((s) => s.selected);
  const most = largest(props.of);
  const shown = props.of.map((_, id) => id);
  if (shown.length > MOST_SHOWN) {
    shown.sort((a, b) => Math.abs(props.of[b]!) - Math.abs(props.of[a]!));
    shown.length = FEW;
    shown.sort((a, b) => a - b);
  }
  const rest = props.of.length - shown.length;
  const left = props.of.flatMap((_, id) => (shown.includes(id) ? [] : [gradientOf(position, id)]));
  const together = props.live
    ? sumOf('gradients of the other logits', left)
    : measured(
        'gradients of the other logits',
        left.reduce((sum, { column }) => sum + props.of[column]!, 0),
        'p/n of each, added up',
      );
  return (
    <div
      role="group"
      aria-label="Gradient of each token’s logit"
      className="grid grid-cols-[repeat(auto-fit,minmax(1.75rem,1fr))] gap-x-0.5 gap-y-2"
      onKeyDown={moveInGrid}
      onPointerLeave={() => hover(null)}
    >
      {shown.map((id, i) => {
        const value = props.of[id]!;
        const cell = gradientOf(position, id);
        const token = tokenizer.token(id);
        return (
          <button
            key={id}
            type="button"
            data-at={`0,${i}`}
            tabIndex={id === props.target ? 0 : -1}
            disabled={!props.live}
            className={`relative h-28 bg-[linear-gradient(var(--line),var(--line))] bg-[length:100%_1px] bg-[position:0_2.25rem] bg-no-repeat ${sameCell(cell, selected) ? 'outline-3 outline-ink' : 'hover:bg-bg'}`}
            aria-label={`${token}: ${fixed(value, 4)}`}
            aria-pressed={sameCell(cell, selected)}
            onClick={() => select(sameCell(cell, selected) ? null : cell)}
            onPointerEnter={() => hover(cell)}
          >
            <span
              className={`absolute inset-x-0.5 ${value < 0 ? 'bg-red' : 'bg-blue'}`}
              style={
                value < 0
                  ? { top: '2.25rem', height: `${(-value / most) * 2.25}rem` }
                  : { bottom: '4.75rem', height: `${Math.max(0.06, (value / most) * 2.25)}rem` }
              }
            />
            <span
              className={`absolute inset-x-0 bottom-0 text-center font-bold leading-6 ${token === 'BOS' ? 'text-[0.625rem]' : 'text-sm'} ${id === props.target ? 'bg-yellow text-[#121212]' : ''}`}
            >
              {token}
            </span>
          </button>
        );
      })}
      {rest > 0 && (
        <p className="caption col-span-full">
          The {rest} smallest are left out; together they are <Num cell={together} places={3} />.
        </p>
      )}
    </div>
  );
}
