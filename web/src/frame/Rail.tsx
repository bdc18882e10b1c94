import { useEffect, useRef } from 'react';
import { CHAPTERS, chapterAt } from '../chapters/index.ts';
import { useSettings } from '../store/use.ts';

/** All chapters, a column or on narrow screens a strip: one tab stop, the arrow keys go on. */
export function Rail() {
  const address = useSettings((s) => s.chapter);
  const current = chapterAt(address);
  const here = useRef<HTMLAnchorElement>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: on every change of chapter
  useEffect(() => {
    here.current?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [current]);

  return (
    <nav
      aria-label="Chapters"
      onKeyDown={(event) => {
        const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
        const links = [...event.currentTarget.querySelectorAll('a')];
        const next = by && links[links.indexOf(event.target as HTMLAnchorElement) + by];
        if (!next) return;
        event.preventDefault();
        next.focus();
      }}
      className="overflow-x-auto border-b-4 border-line max-md:row-start-auto md:overflow-y-auto md:border-b-0 md:border-r-4 lg:w-[13.25rem]"
    >
      <ol className="flex md:flex-col md:py-3">
        {CHAPTERS.map((chapter) => {
          const open = chapter === current;
          return (
            <li key={chapter.address} className="relative shrink-0">
              <a
                ref={open ? here : undefined}
                href={`#/${chapter.address}`}
                tabIndex={open || (!current.number && chapter.number === 1) ? 0 : -1}
                aria-current={open ? 'page' : undefined}
                title={chapter.title}
                className={`flex items-center gap-3 px-2 py-1.5 text-[0.95rem] no-underline md:px-4 ${
                  open
                    ? 'bg-yellow font-bold text-[#121212]'
                    : 'font-medium text-soft hover:text-ink'
                }`}
              >
                <span
                  className={`grid h-7 w-7 shrink-0 place-items-center border-2 text-sm font-bold ${open ? 'border-[#121212] bg-[#121212] text-white' : 'border-current'}`}
                >
                  {chapter.number}
                </span>
                <span className={`lg:inline ${open ? 'pr-2 md:hidden' : 'sr-only'} lg:not-sr-only`}>
                  {chapter.title}
                </span>
              </a>
            </li>
          );
        })}
      </ol>
    </nav>
  );
}
