import { useCallback, useMemo, useState } from 'react';
import { CodePanel } from '../../figures/CodePanel.tsx';
import { Choice, Panel } from '../../figures/Panel.tsx';
import { Check, Predict } from '../../figures/Quiz.tsx';
import { linesOf, VALUE } from './code.ts';
import { Graph } from './Graph.tsx';
import { GraphTable } from './GraphTable.tsx';
import { Leaves } from './Leaves.tsx';
import { Ledger } from './Ledger.tsx';
import { layout } from './layout.ts';
import { NameGraph } from './NameGraph.tsx';
import { Nudges } from './Nudges.tsx';
import { ExpressionError, MAX_LENGTH, type Program, parse } from './parse.ts';
import { PRESETS } from './presets.ts';
import { Stepper } from './Stepper.tsx';
import { MAX_CALLS, type Rule, run as runGraph, trouble } from './steps.ts';
import { about, number, say } from './words.ts';

const RULES: readonly { value: Rule; label: string }[] = [
  { value: 'order', label: 'in order, +=' },
  { value: 'recursion', label: 'plain recursion' },
  { value: 'assign', label: '= for +=' },
  { value: 'twice', label: 'two passes, not zeroed' },
];
const SHOWN = [VALUE];
const USED_TWICE = parse('b = a + a; c = b + b');
const OWN = 'own';

/** How every gradient is found: a graph small enough to watch. */
export default function Autograd() {
  const [text, setText] = useState(PRESETS[0]!.text);
  const [program, setProgram] = useState<Program>(() => parse(PRESETS[0]!.text));
  const [problem, setProblem] = useState('');
  const [values, setValues] = useState<Readonly<Record<string, number>>>(PRESETS[0]!.leaves);
  const [rule, setRule] = useState<Rule>('order');
  const [chosen, setChosen] = useState(PRESETS[0]!.name);
  const [wanted, setWanted] = useState(Number.POSITIVE_INFINITY); // the frame; infinite: the last
  const [selected, setSelected] = useState<number | null>(null);

  const run = useMemo(() => runGraph(program, values, rule), [program, values, rule]);
  const right = useMemo(() => runGraph(program, values), [program, values]);
  // The shape depends on the expression alone; the numbers may move.
  const places = useMemo(() => {
    const { built, edges } = runGraph(program, {});
    return layout(built.nodes.length, edges);
  }, [program]);
  const last = run.frames.length - 1;
  const at = Math.min(wanted, last);
  const frame = run.frames[at]!;
  const lit = useMemo(() => linesOf(run, frame), [run, frame]);
  const move = useCallback((to: number) => setWanted(to), []);

  const write = (next: string) => {
    setText(next);
    setChosen(PRESETS.find((preset) => preset.text === next && preset.rule === rule)?.name ?? OWN);
    try {
      setProgram(parse(next));
      setProblem('');
      setSelected(null);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      setProblem(error.message);
    }
  };
  const choose = (name: string) => {
    const preset = PRESETS.find((each) => each.name === name);
    setChosen(name);
    if (!preset) return;
    setText(preset.text);
    setProgram(parse(preset.text));
    setProblem('');
    setValues((kept) => ({ ...kept, ...preset.leaves }));
    setRule(preset.rule);
    setWanted(Number.POSITIVE_INFINITY);
    setSelected(null);
  };

  const { nodes } = run.built;
  const leaf = program.leaves[0]!;
  const leafAt = nodes.findIndex((node) => node.label === leaf);
  const result = nodes[run.result]!.label;
  const slope = right.frames.at(-1)!.grads[leafAt] ?? 0;
  const remark = PRESETS.find(({ name }) => name === chosen)?.remark;
  const words = say(run, frame);

  return (
    <div className="mt-4 space-y-6">
      <p className="prose">
        For every number in the model, training needs to know: if this number changes a little, by
        how much does the loss change? The answer is its <b>gradient</b>. One pass through the graph
        computes all of them. <b>Forward</b>, each node computes its number and its local gradients:
        how much it changes when one of its inputs changes. <b>Backward</b>, it passes its gradient
        to each input, multiplied by the local gradient of that edge; where edges meet, the
        gradients add up. That is the chain rule.
      </p>

      <UsedTwice />

      <Panel title="a graph you can edit" caption="names, numbers, + − * / **, exp, log, relu, ;">
        <Choice
          label="Expression"
          options={[
            ...PRESETS.map(({ name, title }) => ({ value: name, label: title })),
            { value: OWN, label: 'your own' },
          ]}
          value={chosen}
          onChange={choose}
        />
        <input
          className="field mt-3 w-full font-mono text-lg font-semibold"
          aria-label="Expression"
          aria-invalid={problem !== ''}
          aria-describedby="expression-remark"
          value={text}
          maxLength={MAX_LENGTH}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          onChange={(event) => write(event.target.value)}
        />
        <p id="expression-remark" aria-live="polite" className="caption mt-2 min-h-10 max-w-[75ch]">
          {problem || trouble(run.built) ? (
            <span className="font-medium text-red">{problem || trouble(run.built)}</span>
          ) : (
            remark
          )}
        </p>

        <div className="mt-2">
          <Leaves
            names={program.leaves}
            values={values}
            onChange={(name, value) => setValues((kept) => ({ ...kept, [name]: value }))}
          />
        </div>

        <div className="mt-4 flex flex-wrap items-center gap-x-3 gap-y-2">
          <span className="text-sm font-semibold">backward</span>
          <Choice
            label="How gradients are handed back"
            options={RULES}
            value={rule}
            onChange={(next) => {
              setRule(next);
              setChosen(
                PRESETS.find((preset) => preset.text === text && preset.rule === next)?.name ?? OWN,
              );
            }}
          />
        </div>

        <div className="mt-4 border-t-4 border-line pt-4">
          <Stepper at={at} last={last} name={words.head} onMove={move} />
        </div>
        <div
          className="mt-3 min-h-[5.25rem] border-l-8 border-l-yellow pl-3"
          aria-live="polite"
          aria-atomic="true"
        >
          <p className="caption">{words.head}</p>
          {words.lines.map((line, i) => (
            <p key={i} className="break-words font-mono text-sm font-semibold sm:text-base">
              {line}
            </p>
          ))}
        </div>
        <Graph
          key={program.text}
          run={run}
          frame={frame}
          layout={places}
          selected={selected}
          onSelect={setSelected}
        />
        <p className="caption mt-2 min-h-10" aria-live="polite">
          {selected === null
            ? 'Blue: numbers go forward. Red: gradients come back. On the edges: local gradients. Select a node for details.'
            : about(run, at, selected)}
        </p>
        <Verdict rule={rule} run={run} right={right} ended={at === last} />
        <GraphTable run={run} frame={frame} />
      </Panel>

      <div className="columns-of-two">
        <div className="min-w-0 space-y-6">
          <Ledger run={run} at={at} />
          <Nudges program={program} values={values} run={run} />
          <Panel title="check yourself">
            <Check
              id="autograd gradient"
              question={`What is the gradient of ${leaf} now, in the graph above?`}
              expect={{ number: frame.grads[leafAt] ?? 0, share: 0.005 }}
              hints={[
                `The red number in the box of ${leaf} is its gradient.`,
                'It is 0 until a gradient arrives there; take more steps to see it arrive.',
              ]}
              explain={`${leaf}.grad is ${number(frame.grads[leafAt] ?? 0)} after step ${at}.`}
            />
            <Check
              id="autograd change"
              question={`${leaf} grows by 0.01. By how much does ${result} grow, about?`}
              expect={{ number: slope * 0.01, share: 0.05 }}
              hints={[
                `The gradient of ${leaf} says how much ${result} grows for each unit that ${leaf} grows.`,
                `Multiply the gradient of ${leaf}, once all of it has arrived, by 0.01.`,
              ]}
              explain={`${number(slope)} · 0.01 = ${number(slope * 0.01)}.`}
            />
          </Panel>
        </div>
        <div className="min-w-0 space-y-6">
          <CodePanel show={SHOWN} lit={lit} />
          <NameGraph />
        </div>
      </div>
    </div>
  );
}

/** One guess before the graph shows it; all three answers are computed, not told. */
function UsedTwice() {
  const [good, naive, assigned] = useMemo(
    () =>
      (['order', 'recursion', 'assign'] as const).map((rule) => {
        const { built, frames } = runGraph(USED_TWICE, { a: 1.5 }, rule);
        return frames.at(-1)!.grads[built.nodes.findIndex(({ label }) => label === 'a')]!;
      }),
    [],
  );
  return (
    <Predict
      id="autograd used twice"
      question={
        <>
          First <code className="whitespace-nowrap font-mono">b = a + a</code>, then{' '}
          <code className="whitespace-nowrap font-mono">c = b + b</code>. What is the gradient of a,
          that is dc/da?
        </>
      }
      options={['1', '2', '4', '8'].map((value) => ({ value, label: value }))}
      truth={`${good}`}
    >
      c is 4a, so the gradient is <b>{good}</b>. A backward pass that recurses without an order says{' '}
      <b>{naive}</b>: it visits b once for each use, and b passes on its whole gradient each time.
      One that writes = where += belongs says <b>{assigned}</b>. The presets “used twice”, “without
      the order” and “= for +=” below show each at work, step by step.
    </Predict>
  );
}

/** What a wrong rule made of the gradients, in one line. */
function Verdict(props: {
  rule: Rule;
  run: ReturnType<typeof runGraph>;
  right: ReturnType<typeof runGraph>;
  ended: boolean;
}) {
  const { rule, run, right, ended } = props;
  if (rule === 'order') return null;
  const [is, should] = [run.frames.at(-1)!.grads, right.frames.at(-1)!.grads];
  const wrong = run.built.nodes.flatMap(({ label, inputs }, i) =>
    inputs.length === 0 && is[i] !== should[i]
      ? [`${label}.grad is ${number(is[i] ?? 0)}; it should be ${number(should[i] ?? 0)}`]
      : [],
  );
  return (
    <p className="mt-3 border-3 border-red px-3 py-2 text-sm">
      <b className="mr-2 bg-red px-2 py-0.5 text-on-accent">wrong on purpose</b>
      {!ended && 'Step to the end to see the result.'}
      {ended &&
        (wrong.length
          ? `${wrong.join('; ')}.`
          : 'In this graph it makes no difference: no node passes its gradient on more than once.')}
      {ended && run.cut && ` Stopped after ${MAX_CALLS} calls; it would continue.`}
    </p>
  );
}
