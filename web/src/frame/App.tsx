import { lazy, Suspense, useEffect, useRef } from 'react';
import { chapterAt, START } from '../chapters/index.ts';
import { openUsual } from '../store/load.ts';
import { linkInAddress } from '../store/settings.ts';
import { openLink } from '../store/share.ts';
import { useExplorer, useSettings } from '../store/use.ts';
import { Boundary } from './Boundary.tsx';
import { Header } from './Header.tsx';
import { Hero } from './Hero.tsx';
import { InForce } from './InForce.tsx';
import { NewVersion } from './NewVersion.tsx';
import { NextChapter } from './NextChapter.tsx';
import { Presenter } from './Presenter.tsx';
import { Rail } from './Rail.tsx';
import { Scrubber } from './Scrubber.tsx';
import { Unfinished } from './Unfinished.tsx';

const Inspector = lazy(() => import('./Inspector.tsx'));

/** The frame that stays, and the chapter in it. */
export function App() {
  const loaded = useExplorer((s) => s.loaded);
  const error = useExplorer((s) => s.error);
  const notice = useExplorer((s) => s.notice);
  const presenting = useSettings((s) => s.presenting);
  const address = useSettings((s) => s.chapter);
  const selected = useExplorer((s) => s.selected);
  const chapter = chapterAt(address);
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);

  useEffect(() => {
    const follow = () => {
      const link = linkInAddress();
      if (link) void openLink(link);
      return link !== '';
    };
    if (!follow()) void openUsual();
    addEventListener('hashchange', follow); // a link pasted into the open page
    return () => removeEventListener('hashchange', follow);
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: on every change of chapter
  useEffect(() => {
    document.title = chapter === START ? 'GlassGPT' : `${chapter.title} · GlassGPT`;
    if (first.current) first.current = false;
    else {
      main.current?.scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    }
  }, [address]);

  const Chapter = chapter.view;
  return (
    <div className="frame grid h-full grid-cols-[minmax(0,1fr)] grid-rows-[auto_auto_minmax(0,1fr)_auto] md:grid-rows-[auto_minmax(0,1fr)_auto] md:grid-cols-[auto_minmax(0,1fr)] lg:grid-cols-[auto_minmax(0,1fr)_auto]">
      <button
        type="button"
        className="btn absolute -top-20 left-2 z-50 focus:top-2"
        onClick={() => main.current?.focus()}
      >
        Skip to the chapter
      </button>
      {!presenting && <Header />}
      {!presenting && <Rail />}
      <main
        ref={main}
        id="main"
        tabIndex={-1}
        className="relative min-w-0 overflow-y-auto overflow-x-hidden px-4 py-6 outline-none md:px-8"
      >
        <NewVersion />
        {error && (
          <p role="alert" className="panel mb-6 border-red p-3 font-medium">
            {error}
          </p>
        )}
        {notice && (
          <p role="status" className="panel mb-6 border-yellow p-3 font-medium">
            {notice}
          </p>
        )}
        {chapter !== START && <InForce />}
        {chapter === START ? (
          <Hero />
        ) : !loaded && !error ? (
          <div className="splash">
            <p>A whole GPT, with glass walls.</p>
          </div>
        ) : (
          <article className="@container mx-auto max-w-6xl min-[110rem]:max-w-[92rem]">
            <h1 className="flex items-center gap-4 text-[2.25rem] font-black leading-none tracking-tight md:text-[2.75rem]">
              <span className="bg-blue px-3 pb-1.5 pt-0.5 text-on-accent">{chapter.number}</span>
              {chapter.title}
            </h1>
            {loaded && Chapter && (
              <Boundary
                key={`${chapter.address} ${loaded.source.name} ${loaded.source.sha256}`}
                name={`chapter ${chapter.number}, ${chapter.title}`}
              >
                <Suspense fallback={<p className="caption mt-6">one moment…</p>}>
                  <Chapter key={chapter.address} />
                  <NextChapter after={chapter} />
                </Suspense>
              </Boundary>
            )}
          </article>
        )}
      </main>
      {selected && loaded && (
        <Suspense>
          <Inspector />
        </Suspense>
      )}
      <div className="col-span-full">
        <Unfinished />
        {presenting ? <Presenter chapter={chapter} main={main} /> : <Scrubber />}
      </div>
    </div>
  );
}
