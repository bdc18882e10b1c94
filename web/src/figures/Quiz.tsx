import { type ReactNode, useId, useState } from 'react';
import { answer } from '../store/settings.ts';
import { useSettings } from '../store/use.ts';
import { answerTo, type Expected, hintsAfter, judge } from './judge.ts';

/**
 * Ask before telling: the reader commits to a guess, then sees what is measured. A wrong guess
 * teaches as much as a right one, so it is never marked as a failure.
 */
export function Predict(props: {
  id: string;
  question: ReactNode;
  options: readonly { value: string; label: string }[];
  /** What is true of the live state; a function where finding out takes a while; null: not known yet. */
  truth: string | (() => string) | null;
  children: ReactNode;
}) {
  const given = useSettings((s) => s.answers[props.id]);
  const label = useId();
  return (
    <section className="panel border-l-[16px] p-4" aria-labelledby={label}>
      <h2 id={label} className="text-sm font-bold" data-not-asked="a question">
        <span className="mr-2 bg-yellow px-2 py-0.5 text-[#121212]">predict</span>
        {props.question}
      </h2>
      <div className="mt-3 flex flex-wrap gap-2" data-not-asked="answers to choose from">
        {props.options.map(({ value, label: text }) => (
          <button
            key={value}
            type="button"
            className="btn"
            aria-pressed={given === value}
            onClick={() => answer(props.id, value)}
          >
            {text}
          </button>
        ))}
      </div>
      <div aria-live="polite">
        {given !== undefined && (
          <div className="prose mt-3">
            {props.truth !== null && <Guessed given={given} truth={props.truth} />}
            {props.children}
          </div>
        )}
      </div>
    </section>
  );
}

function Guessed({ given, truth }: { given: string; truth: string | (() => string) }) {
  const names = [typeof truth === 'string' ? truth : truth()];
  const { right } = judge(given, { names, others: [] });
  return <b>{right ? 'Right. ' : 'Not in this case. '}</b>;
}

/** A small check that the live state judges; with each wrong try more of the way is shown. */
export function Check(props: {
  id: string;
  question: string;
  /** What is right, by the numbers on the page. */
  expect: Expected;
  /** First a nudge: where to look. Then the method: what to do with it. */
  hints: readonly [nudge: string, method: string];
  explain: ReactNode;
  placeholder?: string;
}) {
  const { id, question, expect, hints } = props;
  const kept = useSettings((s) => s.answers[id]);
  const [text, setText] = useState(kept ?? '');
  const [tries, setTries] = useState<{ of: string; wrong: readonly string[] }>(NOT_TRIED);
  const input = useId();
  const verdict = kept === undefined ? null : judge(kept, expect);
  // A question about another document or step is a new one.
  const wrong = tries.of === question ? tries.wrong : null;
  return (
    <form
      data-not-asked="a question: its answer is worked out by hand"
      className="border-t-2 border-hair py-3 first:border-t-0 first:pt-0"
      onSubmit={(event) => {
        event.preventDefault();
        const { right, understood } = judge(text, expect);
        const before = wrong ?? [];
        const counts = !right && understood && !before.includes(text);
        setTries({ of: question, wrong: counts ? [...before, text] : before });
        answer(id, text);
      }}
    >
      <label htmlFor={input} className="block text-sm font-medium">
        {question}
      </label>
      <div className="mt-2 flex flex-wrap gap-2">
        <input
          id={input}
          className="field w-32 font-mono"
          value={text}
          placeholder={props.placeholder}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
        />
        <button type="submit" className="btn">
          check
        </button>
      </div>
      <p aria-live="polite" className="caption mt-2">
        {verdict?.right && (
          <>
            <b className="text-ink">Right. </b>
            {verdict.said && `(${verdict.said}) `}
            {props.explain}
          </>
        )}
        {verdict && !verdict.right && wrong && (
          <>
            {verdict.understood && <b className="text-ink">Not yet. </b>}
            {verdict.said && (verdict.understood ? `(${verdict.said}) ` : `${verdict.said} `)}
            {hintsAfter(wrong.length, hints)?.join(' ') ?? (
              <>
                The answer is {answerTo(expect)}: {props.explain}
              </>
            )}
          </>
        )}
      </p>
    </form>
  );
}

const NOT_TRIED = { of: '', wrong: [] };
