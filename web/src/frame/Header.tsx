import { useState } from 'react';
import { numParams } from '../engine/config.ts';
import { count } from '../figures/format.ts';
import { setPosition } from '../store/explorer.ts';
import { toggleTheme } from '../store/settings.ts';
import { useExplorer, useSettings } from '../store/use.ts';
import { DataPicker } from './DataPicker.tsx';
import { DocumentPicker } from './DocumentPicker.tsx';
import { LanguageSwitch } from './LanguageSwitch.tsx';

/** What is running: the data and its model, the document and the position in it. */
export function Header() {
  const loaded = useExplorer((s) => s.loaded);
  const theme = useSettings((s) => s.theme);
  const [open, setOpen] = useState<'' | 'data' | 'document'>('');
  const close = () => setOpen('');
  return (
    <header className="col-span-full flex min-h-[6.9rem] flex-wrap items-center gap-x-3 gap-y-1.5 border-b-4 md:min-h-16 md:gap-x-5 border-line bg-panel px-3 py-2 md:px-5">
      <a href="#/" className="flex items-center gap-1.5 text-ink no-underline">
        <Logo />
        <span className="text-xl font-black tracking-tight max-[24rem]:sr-only">GlassGPT</span>
      </a>
      {loaded && (
        <button
          type="button"
          className="btn !justify-start border-2 text-left font-normal"
          aria-haspopup="dialog"
          onClick={() => setOpen('data')}
        >
          <b className="font-semibold">{loaded.source.title}</b>
          <span className="hidden sm:inline">
            · {count(loaded.run.documents.length)} documents · {count(numParams(loaded.run.model))}{' '}
            parameters
          </span>
          <span aria-hidden="true">▾</span>
        </button>
      )}
      <Tiles onChange={() => setOpen('document')} />
      <LanguageSwitch />
      <button
        type="button"
        className="btn ml-auto md:ml-0"
        aria-label={theme === 'dark' ? 'Light colours' : 'Dark colours'}
        onClick={toggleTheme}
      >
        <svg viewBox="0 0 20 20" className="h-4 w-4" aria-hidden="true">
          <title>colours</title>
          <circle cx="10" cy="10" r="8" fill="none" stroke="currentColor" strokeWidth="3" />
          <path d="M10 2a8 8 0 0 1 0 16Z" fill="currentColor" />
        </svg>
      </button>
      {open === 'data' && <DataPicker onClose={close} />}
      {open === 'document' && <DocumentPicker onClose={close} />}
    </header>
  );
}

/** The running document, a tile a token; the one at the cursor is yellow. */
function Tiles({ onChange }: { onChange: () => void }) {
  const trace = useExplorer((s) => s.trace);
  const position = useExplorer((s) => s.position);
  const loaded = useExplorer((s) => s.loaded);
  if (!trace || !loaded) return null;
  const { tokenizer } = loaded.run;
  const move = (event: React.KeyboardEvent<HTMLElement>) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    setPosition(position + step);
    const box = event.currentTarget;
    requestAnimationFrame(() => box.querySelector<HTMLElement>('[aria-current="true"]')?.focus());
  };
  return (
    <div className="order-last flex w-full min-w-0 items-center gap-2 md:order-none md:ml-auto md:w-auto">
      <span className="caption hidden xl:inline">running document</span>
      <div
        role="group"
        aria-label="Positions of the running document"
        className="flex min-w-0 gap-1 overflow-x-auto py-1"
        onKeyDown={move}
      >
        {Array.from({ length: trace.values.length }, (_, t) => {
          const token = tokenizer.token(trace.values.tokens[t]!);
          return (
            <button
              key={t}
              type="button"
              className={`tile shrink-0 ${token === 'BOS' ? '!text-[0.625rem]' : ''}`}
              aria-current={t === position}
              aria-label={`position ${t}: ${token}`}
              tabIndex={t === position ? 0 : -1}
              onClick={() => setPosition(t)}
            >
              {token}
            </button>
          );
        })}
      </div>
      <button type="button" className="btn shrink-0" aria-haspopup="dialog" onClick={onChange}>
        change
      </button>
    </div>
  );
}

export function Logo() {
  return (
    <svg viewBox="0 0 66 20" className="h-5" aria-hidden="true">
      <title>GlassGPT</title>
      <circle cx="10" cy="10" r="9" fill="var(--red)" />
      <rect x="23" y="1" width="18" height="18" fill="var(--blue)" />
      <path d="M55 1 65 19H45Z" fill="var(--yellow)" />
    </svg>
  );
}
