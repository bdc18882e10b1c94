import { useCallback, useDeferredValue, useMemo, useState } from 'react';
import { measured } from '../../engine/derived.ts';
import type { Cell } from '../../engine/expression.ts';
import { trace as readBy, type Trace } from '../../engine/model.ts';
import { Params } from '../../engine/params.ts';
import { CodePanel } from '../../figures/CodePanel.tsx';
import { count, largest, percent, precise } from '../../figures/format.ts';
import { NotAsked, Num } from '../../figures/Num.tsx';
import { Choice, Panel } from '../../figures/Panel.tsx';
import { Check, Predict } from '../../figures/Quiz.tsx';
import { definition, line } from '../../figures/source.ts';
import { useInitialWeights, useUpdate } from '../../store/replay.ts';
import { useScene } from '../../store/scene.ts';
import { useExplorer, useLoaded } from '../../store/use.ts';
import { EditEffect } from './EditEffect.tsx';
import { Histogram } from './Histogram.tsx';
import { Legend } from './Legend.tsx';
import { ParameterCanvas } from './ParameterCanvas.tsx';
import { Shares } from './Shares.tsx';
import { numbersOf, type Quantity, shownAt } from './shown.ts';
import { meanAndStd, parts, steepest as steepestPlace, tensorFacts } from './statistics.ts';
import { TensorTable } from './TensorTable.tsx';
import { Untied } from './Untied.tsx';

const GPT = {
  first: definition('class GPT').first,
  last: line('class GPT', 'return [p for matrix').last,
};
const CODE = [GPT, definition('class Adam')];
const MATRIX = line('class GPT', 'return [[Value(gauss');
const LIT = {
  value: [MATRIX],
  gradient: [line('class Adam', 'beta1 * m[i]')],
  m: [line('class Adam', 'beta1 * m[i]')],
  v: [line('class Adam', 'beta2 * v[i]')],
  change: [line('class Adam', 'p.data -=')],
};

const WHAT: Readonly<Record<Quantity, string>> = {
  value: 'the number itself',
  gradient: 'd loss / d weight: how strongly each weight affects the loss of the running document',
  m: 'running mean of the gradients of the run: which way each weight is being pushed',
  v: 'running mean of their squares, never negative: how strongly each weight is pushed',
  change: 'the value now minus the value before the first step',
};

/** Everything the model knows: numbers, and nothing else. */
export default function Parameters() {
  const { loaded, run, params, trace, tokenizer } = useLoaded();
  const step = useExplorer((s) => s.step);
  const running = useExplorer((s) => s.document);
  const [quantity, setQuantity] = useState<Quantity>('value');
  const [scale, setScale] = useState<'tensor' | 'all'>('tensor');
  const initial = useInitialWeights(run);
  const replay = useUpdate(Math.max(1, step), quantity === 'm' || quantity === 'v');
  const shown = useMemo(() => shownAt(quantity, step), [quantity, step]);
  const numbers = numbersOf(useScene(), shown);
  const facts = useMemo(() => tensorFacts(params, trace.paramGrads), [params, trace]);
  const zeros = useMemo(
    () => readBy(new Params(run.model), tokenizer.encode(running)),
    [run, tokenizer, running],
  );
  const limit = useMemo(() => Math.max(0.4, largest(loaded.final.data)), [loaded]);
  const spread = useMemo(
    () =>
      measured(
        'standard deviation of all parameters',
        meanAndStd(params.data).std,
        'the root of the mean square of their distances from the mean',
      ),
    [params],
  );
  const total = params.data.length;
  const biggest = parts(params).reduce((a, b) => (b.count > a.count ? b : a));
  const steepest = facts.reduce((a, b) => (b.largestGradient > a.largestGradient ? b : a));
  const { vocab_size, n_embd, n_layer, block_size } = run.model;
  const rowName = useCallback(
    (tensor: string, row: number) => {
      if (tensor === 'wte' || tensor === 'lm_head') return tokenizer.token(row);
      return tensor === 'wpe' ? `position ${row}` : '';
    },
    [tokenizer],
  );
  // While the curve is dragged the canvas comes first, the table when there is time.
  const table = useDeferredValue(
    useMemo(() => ({ facts, params, shown, rowName }), [facts, params, shown, rowName]),
  );

  return (
    <div className="mt-4 space-y-6">
      <p className="prose">
        A model is a list of numbers. This one has <b>{count(total)}</b>, in {facts.length}{' '}
        matrices, and they are everything it knows: no rules, no dictionary, no names. Before
        training they are random; each step of training changes those that have had a part in its
        predictions a little. Here are all of them. Drag the curve at the bottom of the page to see
        how training changes them.
      </p>

      <Predict
        id={`parameters share ${loaded.source.name} ${n_layer} ${n_embd}`}
        question={`Which part of the model holds the most of its ${count(total)} numbers?`}
        options={parts(params).map(({ title }) => ({ value: title, label: title }))}
        truth={biggest.title}
      >
        The {biggest.title} holds {count(biggest.count)}, {percent(biggest.count / total)}. Each
        layer has 4 · {n_embd}² = {count(4 * n_embd ** 2)} in attention and 8 · {n_embd}² ={' '}
        {count(8 * n_embd ** 2)} in its MLP, whatever the data. Only the matrices with a row for
        each token grow with the alphabet.
      </Predict>

      <Panel
        title={`all ${count(total)} parameters`}
        caption={`after step ${count(step)}; running: ${running}`}
      >
        <div className="@container">
          <div className="mb-4 flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
            <Choice
              label="What is shown"
              options={[
                { value: 'value', label: 'value' },
                { value: 'gradient', label: 'gradient' },
                { value: 'm', label: 'Adam m' },
                { value: 'v', label: 'Adam v' },
                { value: 'change', label: 'change' },
              ]}
              value={quantity}
              onChange={setQuantity}
            />
            <Choice
              label="Full colour is"
              options={[
                { value: 'tensor', label: 'scale by tensor', name: 'the largest of each tensor' },
                { value: 'all', label: 'by all', name: 'the largest of all' },
              ]}
              value={scale}
              onChange={setScale}
            />
          </div>
          <div className="grid grid-cols-[minmax(0,1fr)] gap-x-6 gap-y-4 @4xl:grid-cols-[minmax(0,1fr)_15rem]">
            <ParameterCanvas shown={shown} scale={scale} rowName={rowName} />
            <div className="grid grid-cols-[minmax(0,1fr)] content-start gap-x-8 gap-y-5 @lg:grid-cols-2 @4xl:grid-cols-1">
              <div>
                <h3 className="text-sm font-bold">{shown.title}</h3>
                <p className="caption mt-1 min-h-16">
                  {WHAT[quantity]}
                  {(quantity === 'm' || quantity === 'v') && (
                    <b className="block">
                      {replay.error ||
                        (replay.made === null
                          ? 'replayed from the first step'
                          : `replaying: step ${count(replay.made)} of ${count(step)}`)}
                    </b>
                  )}
                </p>
                <Legend largest={scale === 'all' && numbers ? largest(numbers.data) : null} />
              </div>
              <EditEffect />
            </div>
          </div>
        </div>
      </Panel>

      <div className="columns-of-two">
        <Panel title="which tensors hold them" caption={`${count(total)} in all`}>
          <Shares params={params} />
          <p className="caption mt-3">
            2 · {vocab_size} · {n_embd} for the tokens, in and out; {block_size} · {n_embd} for the
            positions; 12 · {n_embd}² for {n_layer === 1 ? 'the one layer' : 'each layer'}.
          </p>
        </Panel>
        <Panel title="distribution" caption="how many numbers have which value">
          <Histogram now={params.data} initial={initial?.data ?? null} limit={limit} />
          <ul className="mt-2 flex flex-wrap gap-x-5 gap-y-1 text-sm">
            <li className="flex items-center gap-2">
              <span className="h-3.5 w-3.5 border-2 border-line bg-blue" />
              now: standard deviation <Num cell={spread} write={precise} />
            </li>
            <li className="flex items-center gap-2">
              <span className="h-1 w-5 bg-red" />
              before the first step: N(0,{' '}
              <NotAsked why="a setting of the run">{run.training.init_std}</NotAsked>)
            </li>
          </ul>
          <p className="caption mt-2">
            They begin small and at random, never all zero. With zeros the loss of {running} is{' '}
            <Num cell={lossOfZeros(zeros.loss)} places={4} />, ln {vocab_size}, and the largest
            gradient {largestGradient(zeros)}: no weight would ever change. The same seed,{' '}
            {`${run.training.seed}`}, draws the same numbers on every machine.
          </p>
        </Panel>
      </div>

      <TensorTable {...table} />

      <div className="columns-of-two">
        <div className="min-w-0 space-y-6">
          <Untied />
          <Panel title="check yourself">
            <Check
              id="parameters wte"
              question={`The data has ${vocab_size} tokens, and each has a vector of ${n_embd} numbers. How many numbers does wte have?`}
              expect={{ number: vocab_size * n_embd }}
              hints={[
                'wte has one row for each token and one column for each number of its vector.',
                `Multiply the rows by the columns: ${vocab_size} · ${n_embd}.`,
              ]}
              explain={`${vocab_size} · ${n_embd} = ${count(vocab_size * n_embd)}.`}
            />
            <Check
              id="parameters steepest"
              question="Which tensor holds the largest gradient of the running document?"
              placeholder="wte"
              expect={{
                names: [steepest.name],
                others: facts.map(({ name }) => name).filter((name) => name !== steepest.name),
              }}
              hints={[
                'The table of tensors has a column for the largest gradient.',
                'Compare the largest gradients in the table, or choose gradient above and scale by all: the tensor with the strongest colour is the one.',
              ]}
              explain={`${steepest.name}, ${precise(steepest.largestGradient)}: a small change there changes the loss most.`}
            />
          </Panel>
        </div>
        <CodePanel show={CODE} lit={LIT[quantity]} />
      </div>
    </div>
  );
}

function lossOfZeros(loss: number): Cell {
  return measured('mean loss of a model of zeros', loss, 'a forward pass with all weights 0');
}

function largestGradient({ paramGrads }: Trace): string {
  return `${Math.abs(paramGrads.data[steepestPlace(paramGrads.data)]!)}`;
}
