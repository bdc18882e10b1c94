import { useEffect, useState } from 'react';
import { useStore } from 'zustand';
import { learningRate } from '../../engine/config.ts';
import { CodePanel } from '../../figures/CodePanel.tsx';
import { count, precise } from '../../figures/format.ts';
import { Gradually } from '../../figures/Gradually.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { Check } from '../../figures/Quiz.tsx';
import { definition, line, type Span } from '../../figures/source.ts';
import { lab } from '../../store/lab.ts';
import { session, trainHere } from '../../store/session.ts';
import { useExplorer, useLoaded, useSettings } from '../../store/use.ts';
import { Ablations } from './Ablations.tsx';
import { Conductor } from './Conductor.tsx';
import { DataSize } from './DataSize.tsx';
import { GUESS } from './Guess.tsx';
import { Lab } from './Lab.tsx';
import { Samples } from './Samples.tsx';

const CODE = [definition('def train('), definition('def step'), definition('def backward(self')];
const RATE = line('def train(', 'lr * (1 - step');
const MOVE = line('def step', 'p.data -= learning_rate');

/** The lines that a setting, or a part taken away, has to do with. */
const LINES: Readonly<Record<string, readonly Span[]>> = {
  learning_rate: [RATE, MOVE],
  decay: [RATE],
  steps: [RATE],
  beta1: [line('def step', 'm[i] = m_i')],
  beta2: [line('def step', 'v[i] = v_i')],
  documents: [line('def train(', 'loss = model.loss')],
  batch_size: [line('def train(', 'loss = model.loss')],
  bias: [line('def step', 'correct_m = '), line('def step', 'correct_v = ')],
  sgd: [MOVE],
  zeroing: [line('def step', 'p.grad = 0.0')],
  assign: [line('def backward(self', 'value.grad +=')],
};

/** The same few lines a thousand times over. */
export default function Training() {
  const { run, loaded } = useLoaded();
  const step = useExplorer((s) => s.step);
  const guessed = useSettings((s) => s.answers[GUESS] !== undefined);
  const settings = useStore(lab, (s) => s.settings);
  const [topic, setTopic] = useState('learning_rate');
  const { training } = run;

  // Without its history there is a last step only: train the run once more, which takes a blink.
  const unknown = loaded.history === null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each run
  useEffect(() => {
    if (unknown && session.getState().training === null) void trainHere();
  }, [unknown, run]);

  const asked = Math.max(1, Math.min(step || 1, training.steps));
  const rate = learningRate(training, asked - 1);
  return (
    <div className="@container mt-4 space-y-6">
      <Gradually>
        <p className="prose">
          Training repeats one small step. Read a document and compute the <b>loss</b>. Compute the{' '}
          <b>gradient</b>: for each of the {count(loaded.final.data.length)} weights, the direction
          in which the loss grows. <b>Adam</b> moves every weight a little in the other direction.
          Then comes the next document. After {count(training.steps)} such steps the run is over.
          The learning rate falls in a straight line to 0, so the last steps are small ones.
        </p>

        <Conductor />
        <div className="columns-of-two">
          <Samples />
          <CodePanel show={CODE} lit={LINES[topic] ?? [MOVE]} />
        </div>

        <p className="prose">
          What do all these settings do? The best way to find out is to change them. Every move of a
          slider trains the whole model again, from its first random weight to its last step. One
          run proves little: another seed gives another result, so look at the held-out loss, and
          compare.
        </p>
        <Lab locked={!guessed} onTouch={setTopic} />

        <DataSize />
        <Ablations onLook={setTopic} />

        <Panel title="check yourself">
          <div className="columns-of-two">
            <Check
              id="training rate"
              question={`What is the learning rate of step ${count(asked)} of the shared run?`}
              expect={{ number: rate, share: 0.02 }}
              hints={[
                `The rate falls in a straight line from ${training.learning_rate} at step 1; after step ${count(training.steps)} it is 0.`,
                `Multiply ${training.learning_rate} by the share of the steps that remain, including this one: 1 − ${asked - 1}/${training.steps}.`,
              ]}
              explain={`${training.learning_rate} · (1 − ${asked - 1}/${training.steps}) = ${precise(rate)}. After the last step it would be 0, never below.`}
            />
            {settings && (
              <Check
                id="training read"
                question="How many documents does the run with the settings above read, counting repeats?"
                expect={{ number: settings.steps * settings.batch_size }}
                hints={[
                  'Each step reads one batch.',
                  'Multiply the number of steps by the batch size.',
                ]}
                explain={`${count(settings.steps)} steps of ${settings.batch_size}. With ${count(settings.documents)} documents to read, each comes ${settings.steps * settings.batch_size > settings.documents ? `about ${Math.round((settings.steps * settings.batch_size) / settings.documents)} times` : 'once at most'}.`}
              />
            )}
          </div>
        </Panel>
      </Gradually>
    </div>
  );
}
