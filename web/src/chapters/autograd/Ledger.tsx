import { useEffect, useRef } from 'react';
import { Panel } from '../../figures/Panel.tsx';
import type { Run } from './steps.ts';
import { say } from './words.ts';

/** Every step so far, written out. */
export function Ledger({ run, at }: { run: Run; at: number }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const row = box.current?.querySelector<HTMLElement>(`[data-step="${at}"]`);
    if (!row || !box.current) return;
    // Above the middle what led to it, below it room for what comes.
    box.current.scrollTop = row.offsetTop + row.offsetHeight - 0.75 * box.current.clientHeight;
  }, [at]);
  return (
    <Panel title="step by step" caption={`${at} of ${run.frames.length - 1}`}>
      <div
        ref={box}
        tabIndex={0}
        role="region"
        aria-label="Steps so far"
        className="relative max-h-[30rem] overflow-y-auto border-2 border-line"
      >
        <ol>
          {run.frames.map((frame, i) => {
            const { head, lines } = say(run, frame);
            const forward = frame.kind !== 'seed' && frame.kind !== 'backward';
            return (
              <li
                key={i}
                data-step={i}
                aria-current={i === at ? 'step' : undefined}
                className={`border-l-8 px-3 py-1.5 ${forward ? 'border-l-blue' : 'border-l-red'} ${i === at ? 'bg-yellow text-[#121212]' : i > at ? 'invisible' : ''}`}
              >
                <span className={`block text-xs ${i === at ? '' : 'text-soft'}`}>{head}</span>
                {lines.map((text, n) => (
                  <span key={n} className="block font-mono text-[0.8125rem] leading-5">
                    {text}
                  </span>
                ))}
              </li>
            );
          })}
        </ol>
      </div>
    </Panel>
  );
}
