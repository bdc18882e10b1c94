import { useState } from 'react';
import { numParams } from '../../engine/config.ts';
import type { Run } from '../../engine/train.ts';
import { count } from '../../figures/format.ts';
import { Panel } from '../../figures/Panel.tsx';
import { Check, Predict } from '../../figures/Quiz.tsx';
import { LINES } from '../../figures/source.ts';
import { Table } from '../../figures/Table.tsx';
import { useLoaded } from '../../store/use.ts';
import { ownKernel } from '../../worker/kernel.ts';
import { Diagram } from './Diagram.tsx';
import { type Proof, prove } from './prove.ts';
import { Source } from './Source.tsx';

/** A model, its run, and how those of a large one differ. */
function differences({ model, training, tokenizer, documents }: Run) {
  const { n_layer, n_embd, n_head, block_size } = model;
  const one = training.batch_size === 1;
  return [
    [
      'parameters',
      count(numParams(model)),
      'hundreds of billions: the same matrices, wider and more of them',
    ],
    [
      'layers, width, heads',
      `${n_layer}, ${n_embd}, ${n_head}`,
      'around a hundred, ten thousand and more, a hundred',
    ],
    ['context', `${block_size} tokens`, 'hundreds of thousands of tokens'],
    [
      'token',
      `one character, from a vocabulary of ${tokenizer.vocab_size}`,
      'a piece of a word, from a vocabulary of 100,000 and more',
    ],
    [
      'data',
      `a list of ${count(documents.length)} documents`,
      'trillions of tokens of text, code and pictures',
    ],
    [
      'training',
      `${count(training.steps)} steps, ${one ? 'one document' : `${training.batch_size} documents`} each`,
      'months on thousands of GPUs, millions of tokens a step',
    ],
    ['after training', 'nothing', 'fine-tuning on examples and on what people prefer'],
    [
      'details',
      'RMSNorm, ReLU, learned positions',
      'gated MLPs, rotary positions, mixtures of experts',
    ],
  ] as const;
}

/** Everything together. */
export default function Machine() {
  const { run } = useLoaded();
  const { model } = run;
  return (
    <div className="mt-4 space-y-6">
      <p className="prose">
        That was the whole model. It repeats four steps: <b>look up</b> a vector for each token and
        each position; let positions <b>exchange</b> information (attention) and <b>process</b>
        it (MLP), each time adding to the stream; <b>compute</b> a probability for every next token;
        and <b>learn</b>, by moving each number a little against its gradient.
      </p>
      <Predict
        id="lines"
        question="How long is the whole program: data, tokenizer, autograd, model, optimiser, training, sampling?"
        options={['under 500 lines', 'about 5,000 lines', 'over 50,000 lines'].map((value) => ({
          value,
          label: value,
        }))}
        truth={LINES.length < 500 ? 'under 500 lines' : 'about 5,000 lines'}
      >
        {LINES.length} lines, including comments and empty lines, and nothing to install. They are
        shown below. Everything else is efficiency.
      </Predict>
      <Panel
        title="the architecture"
        caption={`${count(numParams(model))} parameters, shapes of the model now loaded`}
      >
        <Diagram model={model} />
      </Panel>
      <Panel title="reference.py" caption="the number next to a part links to its chapter">
        <Source />
      </Panel>
      <Prove />
      <div className="columns-of-two">
        <Panel title="how a large model differs">
          <Table
            name="Comparison"
            least="min-w-[26rem]"
            columns={[
              { head: 'what is compared', spoken: true, className: 'font-bold' },
              { head: 'here', words: true },
              { head: 'there', words: true },
            ]}
            lines={differences(run).map(([what, here, there]) => ({
              key: what,
              head: what,
              cells: [here, there],
            }))}
          />
          <p className="caption mt-2">
            “Here” is the model now loaded. The algorithm is the same: next-token prediction, the
            chain rule, Adam.
          </p>
        </Panel>
        <div className="min-w-0 space-y-6">
          <Panel title="check yourself">
            <Check
              id="machine share"
              question="How many parameters does one layer have? (n_embd is shown in the diagram)"
              expect={{ number: 12 * model.n_embd ** 2 }}
              hints={[
                'A layer has four square matrices, and two that are four times as large.',
                'Together that is 4 + 2 · 4 = 12 times n_embd · n_embd.',
              ]}
              explain={`12 · ${model.n_embd}² = ${count(12 * model.n_embd ** 2)}.`}
            />
            <Check
              id="machine scores"
              question="How many scores does lm_head give at each position?"
              expect={{ number: model.vocab_size }}
              hints={[
                'There is one score for each token that could come next.',
                'Count the rows of lm_head in the diagram: that is vocab_size.',
              ]}
              explain={`One for each of the ${model.vocab_size} tokens: the rows of lm_head.`}
            />
          </Panel>
          <Panel title="credits">
            <p className="text-sm">
              The algorithm is Andrej Karpathy’s{' '}
              <a href="https://karpathy.github.io/2026/02/12/microgpt/" rel="noreferrer">
                microgpt
              </a>{' '}
              (2026), after micrograd, makemore and nanoGPT. GPT-2: Radford et al. 2019. Attention:
              Vaswani et al. 2017. RMSNorm: Zhang and Sennrich 2019. Adam: Kingma and Ba 2014.
              Typefaces: Outfit, JetBrains Mono, Noto Sans Devanagari (SIL Open Font License).
              GlassGPT is free software under the MIT licence.
            </p>
          </Panel>
        </div>
      </div>
    </div>
  );
}

/** Run the conformance vectors here and now. */
function Prove() {
  const [proofs, setProofs] = useState<readonly Proof[]>([]);
  const [kernelThere, setKernelThere] = useState(true);
  const [state, setState] = useState<'idle' | 'running' | 'done' | string>('idle');
  const start = async () => {
    setState('running');
    setProofs([]);
    try {
      const kernel = await ownKernel();
      setKernelThere(kernel !== null);
      for await (const proof of prove('./conformance/', kernel)) {
        setProofs((before) => [...before, proof]);
        await new Promise((next) => setTimeout(next));
      }
      setState('done');
    } catch (error) {
      setState(error instanceof Error ? error.message : String(error));
    }
  };
  const total = proofs.reduce((sum, { count: n }) => sum + n, 0);
  const held = proofs.every(({ deviation, tolerance }) => deviation <= tolerance);
  return (
    <Panel title="check the numbers" caption="this page compared with the Python reference">
      <p className="mb-3 max-w-prose text-sm">
        The reference has stored every number of a small two-layer model and of whole training runs.
        This page can compute them again, now, and compare: once with the model in TypeScript, which
        every chapter shows, and once with the C kernel in WebAssembly, which trains.
      </p>
      <button
        type="button"
        className="btn btn-red"
        disabled={state === 'running'}
        onClick={() => void start()}
      >
        {state === 'idle' ? 'run the vectors' : state === 'running' ? 'running…' : 'run them again'}
      </button>
      <div aria-live="polite">
        {proofs.length > 0 && (
          <div className="mt-4">
            <Table
              name="Results"
              least="min-w-[30rem]"
              columns={[
                { head: 'compared' },
                { head: 'computed by', words: true },
                { head: 'numbers' },
                { head: 'largest difference' },
                { head: 'allowed' },
              ]}
              lines={proofs.map(({ by, what, count: n, deviation, tolerance }) => ({
                key: by + what,
                head: what,
                cells: [
                  by === 'kernel' ? 'WebAssembly' : 'TypeScript',
                  count(n),
                  <span
                    key="found"
                    className={deviation <= tolerance ? '' : 'bg-red text-on-accent'}
                  >
                    {scientific(deviation, 1)}
                  </span>,
                  <span key="allowed" className="text-soft">
                    {scientific(tolerance, 0)}
                  </span>,
                ],
              }))}
            />
          </div>
        )}
        {state === 'done' && (
          <p className="mt-3 font-semibold">
            {held
              ? `All ${count(total)} numbers agree.`
              : 'Not all of them agree: this browser computes something else, or the page is damaged.'}
            {!kernelThere &&
              ' The kernel cannot run in this browser, so it was not tested; the model in TypeScript trains instead.'}
          </p>
        )}
        {!['idle', 'running', 'done'].includes(state) && (
          <p role="alert" className="mt-3 font-medium text-red">
            {state}
          </p>
        )}
      </div>
    </Panel>
  );
}

function scientific(value: number, places: number): string {
  return value === 0 ? 'none' : value.toExponential(places).replaceAll('-', '−');
}
