import { type RefObject, useEffect, useState } from 'react';
import { CHAPTERS, type Chapter } from '../chapters/index.ts';
import { explorer } from '../store/explorer.ts';
import { present } from '../store/settings.ts';

/** Elements that use the arrow keys themselves. */
const KEEPS_KEYS =
  'input, textarea, select, dialog, [role=group], [role=radiogroup], [role=slider], [data-at]';

/** For a projector: page with the arrow keys, a timer, Escape to leave. */
export function Presenter(props: { chapter: Chapter; main: RefObject<HTMLElement | null> }) {
  const { chapter, main } = props;
  const [seconds, setSeconds] = useState(0);

  useEffect(() => {
    const started = Date.now();
    const timer = setInterval(() => setSeconds(Math.floor((Date.now() - started) / 1000)), 1000);
    return () => clearInterval(timer);
  }, []);

  useEffect(() => {
    const page = (by: 1 | -1) => {
      const box = main.current;
      if (!box) return;
      const end =
        by > 0 ? box.scrollTop + box.clientHeight >= box.scrollHeight - 4 : box.scrollTop < 4;
      if (!end) {
        const stops = [...box.querySelectorAll<HTMLElement>('h1, .prose, .panel')].map(
          (stop) => stop.getBoundingClientRect().top - box.getBoundingClientRect().top - 16,
        );
        const next = by > 0 ? stops.find((top) => top > 40) : stops.findLast((top) => top < -40);
        box.scrollBy({ top: next ?? by * box.clientHeight });
        return;
      }
      const to = CHAPTERS[CHAPTERS.indexOf(chapter) + by];
      if (to) location.hash = `#/${to.address}`;
    };
    const key = (event: KeyboardEvent) => {
      // A key acts once: what the focused control or an open dialog does with it goes first.
      const target = event.target as HTMLElement;
      if (event.defaultPrevented || target.closest(KEEPS_KEYS)) return;
      if (event.key === ' ' && target.closest('button, a, summary')) return;
      if (event.key === 'Escape') {
        if (!explorer.getState().selected) present(false);
        return;
      }
      if (['ArrowRight', 'PageDown', ' '].includes(event.key)) page(1);
      else if (['ArrowLeft', 'PageUp'].includes(event.key)) page(-1);
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', key);
    return () => removeEventListener('keydown', key);
  }, [chapter, main]);

  const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  return (
    <footer className="col-span-full flex items-center justify-between gap-4 border-t-4 border-line bg-panel px-4 py-1 text-sm">
      <span>
        {chapter.number || 'start'} of {CHAPTERS.length} · arrow keys page
      </span>
      <span className="font-mono" role="timer" aria-label="Time presented">
        {time}
      </span>
      <button type="button" className="btn !min-h-7" onClick={() => present(false)}>
        leave (Esc)
      </button>
    </footer>
  );
}
