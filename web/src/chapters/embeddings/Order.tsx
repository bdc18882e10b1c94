import { useMemo, useState } from 'react';
import { measured } from '../../engine/derived.ts';
import type { Cell } from '../../engine/expression.ts';
import { type Trace, trace } from '../../engine/model.ts';
import { likeliest } from '../../engine/sample.ts';
import { largestDifference } from '../../engine/similarity.ts';
import { normalized, type Tokenizer } from '../../engine/tokenizer.ts';
import { TokenBars } from '../../figures/Bars.tsx';
import { Num } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { Predict } from '../../figures/Quiz.tsx';
import { useLoaded, useSettings } from '../../store/use.ts';

import { type Text, useText } from './text.tsx';

const TOP = 5;
const ROUNDING = 1e-9;

/** The same characters in another order, with positions and without: does the model notice? */
export function Order(props: { pair: readonly [string, string] }) {
  const text = useText().order;
  const { params, tokenizer } = useLoaded();
  const [typed, setTyped] = useState<string | null>(null);
  const { block_size, n_layer } = params.config;
  const own = useMemo(
    () => (typed === null ? null : swapped(tokenizer, typed, block_size, text)),
    [tokenizer, typed, block_size, text],
  );
  const pair = own?.pair ?? props.pair;
  const question = `embeddings order ${n_layer}`;
  const guessed = useSettings((s) => s.answers[question] !== undefined);
  const [asked, setAsked] = useState(false);
  const { withPositions, without } = useOrder(pair);
  const [one, other] = pair;
  const open = guessed || asked;
  const top = (how: string) => (probs: Float64Array, which: number) =>
    likeliest(probs, TOP).map(([id, p]) => {
      const token = tokenizer.token(id);
      return { token, cell: measured(text.probability(token, pair[which]!, how), p, text.how) };
    });
  const same = isSame(largestDifference(without[0], without[1]));
  return (
    <>
      <Predict
        id={question}
        question={text.question(one, other)}
        options={[
          { value: 'other', label: text.different },
          { value: 'same', label: text.equal },
        ]}
        truth={same ? 'same' : 'other'}
      >
        {same ? text.same : text.other}
      </Predict>
      <Panel title={text.title(one, other)} caption={text.caption}>
        <div className="mb-4 flex flex-wrap items-center gap-x-3 gap-y-1">
          <label className="text-sm font-semibold" htmlFor="order">
            {text.field}
          </label>
          <input
            id="order"
            className="field w-32"
            value={typed ?? props.pair[0]}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            onChange={(event) => setTyped(event.target.value)}
          />
          <p className="caption" aria-live="polite">
            {own?.problem || text.swapped}
          </p>
        </div>
        <div className="@container">
          <div className="grid grid-cols-[minmax(0,1fr)] gap-6 @3xl:grid-cols-2">
            <section className="@container" aria-label={text.withPositions}>
              <h3 className="mb-2 border-b-2 border-line pb-1 text-sm font-bold">
                {text.withPositions}
              </h3>
              <Predictions pair={pair} rows={withPositions.map(top(text.withPositions))} />
              <Verdict
                how={text.withPositions}
                difference={largestDifference(withPositions[0], withPositions[1])}
              />
            </section>
            <section className="@container" aria-label={text.without}>
              <h3 className="mb-2 border-b-2 border-line pb-1 text-sm font-bold">
                {text.withoutTitle}
              </h3>
              {open ? (
                <>
                  <Predictions pair={pair} rows={without.map(top(text.without))} />
                  <Verdict
                    how={text.without}
                    difference={largestDifference(without[0], without[1])}
                  />
                </>
              ) : (
                <div className="hatched grid min-h-[14rem] place-items-center border-2 border-hair">
                  <button type="button" className="btn" onClick={() => setAsked(true)}>
                    {text.show}
                  </button>
                </div>
              )}
            </section>
          </div>
        </div>
        <p className="caption mt-4 max-w-[80ch]">
          {text.bag}
          {n_layer > 1 && ` ${text.layers}`}
        </p>
      </Panel>
    </>
  );
}

/** Next-token probabilities after each of two texts, with positions and without. */
function useOrder(pair: readonly [string, string]) {
  const { params, tokenizer } = useLoaded();
  return useMemo(() => {
    let reuse: Trace | undefined;
    const after = (text: string, noPositions: boolean) => {
      reuse = trace(params, tokenizer.encode(text), { noPositions }, reuse);
      return reuse.values.row('probs', reuse.values.length - 1).slice();
    };
    const both = (noPositions: boolean): [Float64Array, Float64Array] => [
      after(pair[0], noPositions),
      after(pair[1], noPositions),
    ];
    return { withPositions: both(false), without: both(true) };
  }, [params, tokenizer, pair]);
}

/** A text and the same with its first two characters swapped, or what is wrong with it. */
function swapped(
  tokenizer: Tokenizer,
  typed: string,
  blockSize: number,
  text: Text['order'],
): { pair?: [string, string]; problem?: string } {
  const [first, second, ...rest] = normalized(typed, tokenizer.normalize);
  if (first === undefined || second === undefined || rest.length === 0) {
    return { problem: text.three };
  }
  if (rest.length + 3 > blockSize) {
    return { problem: text.room(blockSize) };
  }
  const unknown = tokenizer.unknownIn(typed);
  if (unknown.length) return { problem: text.unknown(unknown) };
  if (first === second) return { problem: text.alike };
  const end = rest.join('');
  return { pair: [first + second + end, second + first + end] };
}

function isSame(difference: number): boolean {
  return difference < ROUNDING;
}

function Predictions(props: {
  pair: readonly [string, string];
  rows: readonly (readonly { token: string; cell: Cell }[])[];
}) {
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-5 @sm:grid-cols-2">
      {props.pair.map((text, i) => (
        <div key={text}>
          <p className="mb-2 text-lg font-bold">
            {text}
            <span className="text-soft">…</span>
          </p>
          <TokenBars rows={props.rows[i]!} />
        </div>
      ))}
    </div>
  );
}

function Verdict({ difference, how }: { difference: number; how: string }) {
  const text = useText().order;
  const cell = measured(text.called(how), difference, text.how);
  const write = (by: number) => (100 * by).toFixed(by < 0.001 ? 4 : 1);
  return (
    <p className="mt-3 text-sm">
      {isSame(difference) ? text.none : text.difference(<Num cell={cell} write={write} />)}
    </p>
  );
}
