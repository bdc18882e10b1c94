import { useEffect, useMemo, useRef } from 'react';
import { toggleCode } from '../store/settings.ts';
import { useSettings } from '../store/use.ts';
import { LINES, type Span } from './source.ts';

/**
 * The lines of reference.py that a chapter explains; those about what is selected are lit.
 * Opened and closed by the reader, for all chapters at once.
 */
export function CodePanel(props: { show: readonly Span[]; lit?: readonly Span[] }) {
  const open = useSettings((s) => s.code);
  const lit = props.lit ?? [];
  const box = useRef<HTMLDivElement>(null);
  const first = lit[0]?.first;
  useEffect(() => {
    const target = first && box.current?.querySelector<HTMLElement>(`[data-line="${first}"]`);
    if (target && box.current) box.current.scrollTop = target.offsetTop - 60;
  }, [first]);
  return (
    <section className="panel min-w-0" aria-label="reference.py">
      <button
        type="button"
        className="flex w-full items-center justify-between px-4 py-2 text-left text-sm font-bold"
        aria-expanded={open}
        onClick={toggleCode}
      >
        <span className="font-mono">reference.py</span>
        <span aria-hidden="true">{open ? '−' : '+'}</span>
      </button>
      {open && (
        <div
          ref={box}
          tabIndex={0}
          role="region"
          data-not-asked="source code"
          aria-label="Source code"
          className="relative max-h-[26rem] overflow-auto border-t-4 border-line bg-[var(--code-bg)] py-2 font-mono text-[0.8rem] leading-6 text-[var(--code-ink)]"
        >
          {props.show.map((span, i) => (
            <div key={span.first}>
              {i > 0 && <div className="px-4 text-[var(--code-soft)]">⋯</div>}
              <Lines span={span} lit={lit} />
            </div>
          ))}
        </div>
      )}
    </section>
  );
}

function Lines({ span, lit }: { span: Span; lit: readonly Span[] }) {
  const rows = useMemo(
    () =>
      LINES.slice(span.first - 1, span.last).map((text, i) => ({ number: span.first + i, text })),
    [span],
  );
  return rows.map(({ number, text }) => {
    const on = lit.some((s) => number >= s.first && number <= s.last);
    return (
      <div
        key={number}
        data-line={number}
        className={`min-w-max whitespace-pre px-4 ${on ? 'bg-[var(--code-lit)] shadow-[inset_4px_0_0_var(--yellow)]' : ''}`}
      >
        <span className="mr-4 inline-block w-8 select-none text-right text-[var(--code-soft)]">
          {number}
        </span>
        <Code text={text} />
      </div>
    );
  });
}

/** Comments and doc strings step back; nothing else needs colour. */
function Code({ text }: { text: string }) {
  const comment = /(^|\s)#(?!.*["'`]\s*$).*$/.exec(text);
  if (/^\s*"""/.test(text) || /"""\s*$/.test(text)) {
    return <span className="text-[#e8c65a]">{text}</span>;
  }
  if (!comment) return text;
  return (
    <>
      {text.slice(0, comment.index)}
      <span className="text-[var(--code-soft)]">{text.slice(comment.index)}</span>
    </>
  );
}
