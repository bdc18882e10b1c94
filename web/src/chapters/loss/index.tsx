import { useLayoutEffect, useState } from 'react';
import { measured } from '../../engine/derived.ts';
import type { Cell } from '../../engine/expression.ts';
import { CodePanel } from '../../figures/CodePanel.tsx';
import { fixed } from '../../figures/format.ts';
import { Gradually } from '../../figures/Gradually.tsx';
import { NotAsked, Num } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { Check, Predict } from '../../figures/Quiz.tsx';
import { definition, line } from '../../figures/source.ts';
import { explorer, setPosition } from '../../store/explorer.ts';
import { useExplorer, useLoaded } from '../../store/use.ts';
import { Flow } from './Flow.tsx';
import { Overflow } from './Overflow.tsx';
import { Path, useWeight } from './Path.tsx';
import { Positions } from './Positions.tsx';
import { Ruler } from './Ruler.tsx';
import { Step } from './Step.tsx';
import { Targets } from './Targets.tsx';
import { WhyLog } from './WhyLog.tsx';

const BACKWARD = definition('def backward(');
const CODE = [
  definition('def loss'),
  definition('def softmax'),
  { first: line('def backward(', 'self.grad += 1.0').first, last: BACKWARD.last },
  definition('def step('),
];
const LIT = [
  line('def loss', 'losses +='),
  line('def softmax', 'largest ='),
  line('def backward(', 'value.grad +='),
  line('class Adam', 'p.data -='),
];

/** Made once: the lines do not change with the numbers. */
const SOURCE = <CodePanel show={CODE} lit={LIT} />;

function firstLoss(loss: number): Cell {
  return measured('loss of the first step', loss, 'the loss of the first batch, before its update');
}

/** How wrong it is, and which way would be less wrong. */
export default function Loss() {
  const { trace, tokenizer, run, loaded } = useLoaded();
  const position = useExplorer((s) => s.position);
  useLayoutEffect(() => {
    // At the first position attention has no choice: begin where the model is most surprised.
    const { position: at, trace: read } = explorer.getState();
    if (at > 0 || !read) return;
    const losses = Array.from(read.values.top.loss.subarray(0, read.values.length));
    setPosition(losses.indexOf(Math.max(...losses)));
  }, []);
  const [picked, setPicked] = useState<Cell | null>(null);
  const weight = useWeight(picked);
  const { vocab_size } = run.model;
  const blind = Math.log(vocab_size);
  const target = trace.values.targets[position]!;
  const own = trace.values.row('probs', position)[target]!;
  const n = trace.values.length;
  return (
    <div className="mt-4 space-y-6">
      <Gradually>
        <p className="prose">
          At each position the model predicts how likely each token is to come next. Then the actual
          next token is compared with the prediction. The <b>loss</b> is the surprise: −log of the
          probability the model gave to that token. It is 0 if the model was certain, and larger the
          less it expected the token. Training makes the mean loss smaller; the <b>gradient</b> says
          for every number in the model in which direction the loss falls.
        </p>
        <Predict
          id={`loss blind ${vocab_size}`}
          question={`A model that knows nothing gives each of the ${vocab_size} tokens the same probability. What is its loss?`}
          options={[
            { value: '0', label: '0' },
            { value: 'share', label: `1/${vocab_size} = ${fixed(1 / vocab_size, 4)}` },
            { value: 'log', label: `ln ${vocab_size} = ${fixed(blind, 4)}` },
          ]}
          truth="log"
        >
          −log(1/{vocab_size}) is ln {vocab_size} ={' '}
          <NotAsked why="a logarithm, not of this model">{fixed(blind, 4)}</NotAsked>, whatever
          comes. Small initial weights give nearly equal probabilities, so a run starts near it
          {loaded.losses.length > 0 && (
            <>
              {' '}
              (this one at <Num cell={firstLoss(loaded.losses[0]!)} places={4} />)
            </>
          )}
          . A token with a higher loss was given less probability than a uniform guess gives it.
        </Predict>

        <Positions />
        <Ruler />
        <Targets />
        <Flow />
        <div className="columns-of-two">
          <Path weight={weight} onPick={setPicked} />
          {SOURCE}
        </div>
        <Step weight={weight} />
        <div className="columns-of-two">
          <WhyLog />
          <div className="min-w-0 space-y-6">
            <Overflow />
            <Panel title="check yourself">
              <Check
                id="loss target"
                question={`What is p − 1 for ${tokenizer.token(target)}, which comes after position ${position}? (two decimals)`}
                expect={{ number: own - 1, places: 2 }}
                hints={[
                  'Its probability p stands in the first table.',
                  'Subtract 1 from p. The result is negative.',
                ]}
                explain={`${fixed(own - 1, 4)}. In the mean over ${n} positions its gradient is that divided by ${n}: ${fixed((own - 1) / n, 4)}.`}
              />
              <Check
                id="loss mean"
                question={`The losses of ${n} positions add up to ${fixed(trace.loss * n, 3)}. What is the loss of the document? (two decimals)`}
                expect={{ number: trace.loss, places: 2 }}
                hints={[
                  'The loss of a document is the mean over its positions.',
                  `Divide the sum by ${n}.`,
                ]}
                explain={`${fixed(trace.loss, 4)} nats per token. A uniform guess has ${fixed(blind, 4)}.`}
              />
            </Panel>
          </div>
        </div>
      </Gradually>
    </div>
  );
}
