import { type ReactNode, useId, useState } from 'react';
import { answer } from '../store/settings.ts';
import { useSettings } from '../store/use.ts';

/**
 * Ask before telling: the reader commits to a guess, then sees what is measured. A wrong guess
 * teaches as much as a right one, so it is never marked as a failure.
 */
export function Predict(props: {
  id: string;
  question: ReactNode;
  options: readonly { value: string; label: string }[];
  /** What is true of the live state; a function where finding out takes a while. */
  truth: string | (() => string);
  children: ReactNode;
}) {
  const given = useSettings((s) => s.answers[props.id]);
  const label = useId();
  return (
    <section className="panel border-l-[16px] p-4" aria-labelledby={label}>
      <h2 id={label} className="text-sm font-bold">
        <span className="mr-2 bg-yellow px-2 py-0.5 text-[#121212]">predict</span>
        {props.question}
      </h2>
      <div className="mt-3 flex flex-wrap gap-2">
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
            <Verdict given={given} truth={props.truth} />
            {props.children}
          </div>
        )}
      </div>
    </section>
  );
}

function Verdict({ given, truth }: { given: string; truth: string | (() => string) }) {
  const right = given === (typeof truth === 'string' ? truth : truth());
  return <b>{right ? 'Just so. ' : 'Here it is otherwise. '}</b>;
}

/** A small check that the live state judges. */
export function Check(props: {
  id: string;
  question: ReactNode;
  /** Whether a typed answer is right, by the numbers on the page. */
  judge: (text: string) => boolean;
  hint: ReactNode;
  explain: ReactNode;
  placeholder?: string;
}) {
  const kept = useSettings((s) => s.answers[props.id]);
  const [text, setText] = useState(kept ?? '');
  const [tried, setTried] = useState(false);
  const input = useId();
  const right = kept !== undefined && props.judge(kept);
  return (
    <form
      className="border-t-2 border-hair py-3 first:border-t-0 first:pt-0"
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        answer(props.id, text.trim());
      }}
    >
      <label htmlFor={input} className="block text-sm font-medium">
        {props.question}
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
        {right ? (
          <>
            <b className="text-ink">Right. </b>
            {props.explain}
          </>
        ) : (
          tried && kept !== undefined && <>Not yet: {props.hint}</>
        )}
      </p>
    </form>
  );
}
