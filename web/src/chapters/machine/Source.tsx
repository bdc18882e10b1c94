import { useRef, useState } from 'react';
import { moveInGrid } from '../../figures/roving.ts';
import { LINES } from '../../figures/source.ts';
import { CONTENTS } from '../contents.ts';
import { PARTS, partOf } from './lines.ts';

/** The whole file with a minimap; each part leads to the chapter that explains it. */
export function Source() {
  const box = useRef<HTMLDivElement>(null);
  const [current, setCurrent] = useState('');
  const go = (line: number) => {
    const target = box.current?.querySelector<HTMLElement>(`[data-line="${line}"]`);
    if (target && box.current) box.current.scrollTop = target.offsetTop - 12;
  };
  return (
    <div className="flex h-[34rem] border-4 border-line">
      <div
        ref={box}
        tabIndex={0}
        role="group"
        aria-label="reference.py, the whole file"
        data-not-asked="source code"
        className="relative min-w-0 flex-1 overflow-auto bg-[var(--code-bg)] py-2 font-mono text-[0.78rem] leading-5 text-[var(--code-ink)]"
      >
        <Rows current={current} />
      </div>
      <nav
        aria-label="Parts of the file"
        className="w-40 shrink-0 overflow-y-auto border-l-4 border-line bg-panel text-xs max-sm:w-28"
      >
        <ol onKeyDown={moveInGrid}>
          {PARTS.map(({ span, chapter }, row) => {
            const known = CONTENTS.find(({ address }) => address === chapter);
            const name = LINES[span.first - 1]!.trim()
              .replace(/^(def|class) /, '')
              .replace(/[(:].*/, '');
            return (
              <li
                key={span.first}
                className={`flex items-center border-b border-hair ${current === chapter ? 'bg-yellow text-[#121212]' : ''}`}
                onPointerEnter={() => setCurrent(chapter)}
                onPointerLeave={() => setCurrent('')}
              >
                <button
                  type="button"
                  data-at={`${row},0`}
                  tabIndex={row === 0 ? 0 : -1}
                  className="min-w-0 flex-1 truncate px-2 py-1 text-left font-mono"
                  onClick={() => go(span.first)}
                >
                  {name}
                </button>
                {known && (
                  <a
                    href={`#/${chapter}`}
                    data-at={`${row},1`}
                    tabIndex={-1}
                    className="grid h-6 w-7 place-items-center font-bold text-inherit"
                    aria-label={`chapter ${known.number}, ${known.title}`}
                  >
                    {known.number}
                  </a>
                )}
              </li>
            );
          })}
        </ol>
      </nav>
    </div>
  );
}

function Rows({ current }: { current: string }) {
  return LINES.map((text, i) => {
    const part = partOf(i + 1);
    const lit = part && part.chapter === current;
    return (
      <div
        key={i}
        data-line={i + 1}
        className={`min-w-max whitespace-pre pl-2 pr-4 ${lit ? 'bg-[var(--code-lit)] shadow-[inset_4px_0_0_var(--yellow)]' : ''}`}
      >
        {`${String(i + 1).padStart(4)}  ${text}`}
      </div>
    );
  });
}
