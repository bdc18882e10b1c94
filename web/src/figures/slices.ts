/** Long work a slice at a time, so that no task of the page is long and every input gets its turn. */

import { useEffect, useState } from 'react';

const SLICE = 8; // ms
const QUIET = 120; // ms without a change before work begins: a dragged slider starts nothing

export interface Sliced<T> {
  /** The newest there is; of an earlier question while a new one is being worked on. */
  readonly value: T | null;
  /** Whether the value is the whole answer to the question as it is now. */
  readonly done: boolean;
}

/**
 * What a generator comes to; its yields are shown on the way. It must be memoised: another function
 * is another question, and the work on the one before it is given up.
 */
export function useSlices<T>(work: (() => Generator<T, T>) | null): Sliced<T> {
  const [known, setKnown] = useState<{ work: unknown; value: T; done: boolean } | null>(null);
  useEffect(() => {
    if (!work) return;
    const job = work();
    const slice = () => {
      const until = performance.now() + SLICE;
      let step = job.next();
      while (!step.done && performance.now() < until) step = job.next();
      setKnown({ work, value: step.value, done: step.done === true });
      if (!step.done) timer = setTimeout(slice, 0);
    };
    let timer = setTimeout(slice, QUIET);
    return () => clearTimeout(timer);
  }, [work]);
  if (!work || !known) return { value: null, done: false };
  return { value: known.value, done: known.done && known.work === work };
}
