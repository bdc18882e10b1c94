import { useMemo, useState } from 'react';
import { type Trace, trace } from '../../engine/model.ts';
import { largestDifference } from '../../engine/similarity.ts';
import { normalized, type Tokenizer } from '../../engine/tokenizer.ts';
import { TokenBars } from '../../figures/Bars.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { Predict } from '../../figures/Quiz.tsx';
import { useLoaded, useSettings } from '../../store/use.ts';

const TOP = 5;
const ROUNDING = 1e-9;

/** The same characters in another order, with positions and without: does the model notice? */
export function Order(props: { pair: readonly [string, string] }) {
  const { params, tokenizer } = useLoaded();
  const [typed, setTyped] = useState<string | null>(null);
  const { block_size, n_layer } = params.config;
  const own = useMemo(
    () => (typed === null ? null : swapped(tokenizer, typed, block_size)),
    [tokenizer, typed, block_size],
  );
  const pair = own?.pair ?? props.pair;
  const question = `embeddings order ${n_layer}`;
  const guessed = useSettings((s) => s.answers[question] !== undefined);
  const [asked, setAsked] = useState(false);
  const { withPositions, without } = useOrder(pair);
  const [one, other] = pair;
  const open = guessed || asked;
  const top = (probs: Float64Array) =>
    Array.from(probs, (p, id) => ({ token: tokenizer.token(id), p }))
      .sort((a, b) => b.p - a.p)
      .slice(0, TOP);
  const same = isSame(largestDifference(without[0], without[1]));
  return (
    <>
      <Predict
        id={question}
        question={`The positions are removed. Does the model still predict different things after ${one} and after ${other}?`}
        options={[
          { value: 'other', label: 'yes, different things' },
          { value: 'same', label: 'no, exactly the same' },
        ]}
        truth={same ? 'same' : 'other'}
      >
        {same
          ? 'Without positions nothing in the model says what came first. The two are the same bag of characters with the same last one.'
          : 'With more than one layer, the order in which the tokens are read leaves a trace even without positions.'}
      </Predict>
      <Panel
        title={`${one} or ${other}: does the order matter?`}
        caption="what comes next, by this model; computed now"
      >
        <div className="mb-4 flex flex-wrap items-center gap-x-3 gap-y-1">
          <label className="text-sm font-semibold" htmlFor="order">
            other characters
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
            {own?.problem || 'its first two are swapped'}
          </p>
        </div>
        <div className="@container">
          <div className="grid grid-cols-[minmax(0,1fr)] gap-6 @3xl:grid-cols-2">
            <section className="@container" aria-label="with positions">
              <h3 className="mb-2 border-b-2 border-line pb-1 text-sm font-bold">with positions</h3>
              <Predictions pair={pair} rows={withPositions.map(top)} />
              <Verdict difference={largestDifference(withPositions[0], withPositions[1])} />
            </section>
            <section className="@container" aria-label="without positions">
              <h3 className="mb-2 border-b-2 border-line pb-1 text-sm font-bold">
                without: every pos_emb is 0
              </h3>
              {open ? (
                <>
                  <Predictions pair={pair} rows={without.map(top)} />
                  <Verdict difference={largestDifference(without[0], without[1])} />
                </>
              ) : (
                <div className="hatched grid min-h-[14rem] place-items-center border-2 border-hair">
                  <button type="button" className="btn" onClick={() => setAsked(true)}>
                    show it without a guess
                  </button>
                </div>
              )}
            </section>
          </div>
        </div>
        <p className="caption mt-4 max-w-[80ch]">
          The query comes from the last character, and attention sums the values of the characters
          so far. A sum has no order: without positions the model sees a bag of characters, not a
          word.
          {n_layer > 1 &&
            ' This model has more than one layer: the first lets each position see only what came before it, so the second can still notice some of the order.'}
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
): { pair?: [string, string]; problem?: string } {
  const [first, second, ...rest] = normalized(typed, tokenizer.normalize);
  if (first === undefined || second === undefined || rest.length === 0) {
    return { problem: 'three characters are needed: two to swap and a last one' };
  }
  if (rest.length + 3 > blockSize) {
    return { problem: `with BOS it must fit into ${blockSize} positions` };
  }
  const unknown = tokenizer.unknownIn(typed);
  if (unknown.length) return { problem: `this model does not know ${unknown.join(' ')}` };
  if (first === second) return { problem: 'the first two are the same: swapping changes nothing' };
  const end = rest.join('');
  return { pair: [first + second + end, second + first + end] };
}

function isSame(difference: number): boolean {
  return difference < ROUNDING;
}

function Predictions(props: {
  pair: readonly [string, string];
  rows: readonly (readonly { token: string; p: number }[])[];
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

function Verdict({ difference }: { difference: number }) {
  return (
    <p className="mt-3 text-sm">
      Largest difference:{' '}
      {isSame(difference) ? (
        <b className="bg-yellow px-1.5 text-[#121212]">none, the same prediction</b>
      ) : (
        <b>{(100 * difference).toFixed(difference < 0.001 ? 4 : 1)} percentage points</b>
      )}
    </p>
  );
}
