import { useState } from 'react';
import type { SampleConfig } from '../../engine/sample.ts';
import type { Written } from '../../engine/write.ts';
import { Panel } from '../../figures/Panel.tsx';

interface Answer {
  readonly samples: readonly {
    readonly text: string;
    readonly log_prob: number;
    readonly steps: readonly {
      readonly choice_id: number;
      readonly p: number;
      readonly uniform: number | null;
      readonly embedding: readonly number[];
      readonly attention: readonly (readonly (readonly number[])[])[];
    }[];
  }[];
}

/** The same prompt through the Python server that the page came from: do the steps agree? */
export function AskServer(props: {
  written: Written;
  config: SampleConfig;
  seed: number;
  prompt: string;
}) {
  const [result, setResult] = useState('');
  const ask = async () => {
    const { config, seed, prompt } = props;
    const { temperature, top_k } = config;
    const body = { prompt, n: 1, temperature, top_k, seed, steps: true };
    setResult('asking…');
    try {
      const response = await fetch('./generate', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
      const answer: unknown = await response.json();
      setResult(
        response.ok
          ? compare(props.written, answer as Answer)
          : `the server says: ${JSON.stringify(answer)}`,
      );
    } catch (error) {
      setResult(`the server does not answer (${error instanceof Error ? error.message : error})`);
    }
  };
  return (
    <Panel title="the same on the server" caption="Python computes and this page compares">
      <div className="flex flex-wrap items-center gap-3">
        <button type="button" className="btn" onClick={() => void ask()}>
          ask POST /generate
        </button>
        <p className="text-sm font-medium" aria-live="polite">
          {result}
        </p>
      </div>
    </Panel>
  );
}

function compare({ sample, moments }: Written, answer: Answer): string {
  const [theirs] = answer.samples;
  if (!theirs) return 'the server wrote nothing';
  if (theirs.text !== sample.text)
    return `the server wrote ${theirs.text}, this page ${sample.text}`;
  let count = 0;
  let largest = Math.abs(theirs.log_prob - sample.log_prob);
  const add = (a: number, b: number) => {
    count++;
    largest = Math.max(largest, Math.abs(a - b));
  };
  theirs.steps.forEach((step, i) => {
    const ours = moments[i];
    if (!ours) return;
    add(step.choice_id, ours.step.choice);
    add(step.p, ours.step.probs[step.choice_id]!);
    if (step.uniform !== null) add(step.uniform, ours.step.uniform ?? Number.NaN);
    step.embedding.forEach((x, j) => {
      add(x, ours.embedding[j]!);
    });
    for (const { layer, head, shares } of ours.attention) {
      step.attention[layer]?.[head]?.forEach((x, j) => {
        add(x, shares[j]!);
      });
    }
  });
  const steps = theirs.steps.length;
  return `${sample.text}, too: ${count} numbers of ${steps} steps compared, largest difference ${largest.toExponential(1).replaceAll('-', '−')}.`;
}
