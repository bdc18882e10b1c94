/** React's view of the stores. */

import { useEffect, useState } from 'react';
import { useStore } from 'zustand';
import type { ArgsOf, SoFar, TaskName, ValueOf } from '../worker/tasks.ts';
import { type Explorer, explorer } from './explorer.ts';
import { compute, type Session, session } from './session.ts';
import { type Settings, settings } from './settings.ts';

export function useExplorer<T>(pick: (state: Explorer) => T): T {
  return useStore(explorer, pick);
}

export function useSession<T>(pick: (state: Session) => T): T {
  return useStore(session, pick);
}

export function useSettings<T>(pick: (state: Settings) => T): T {
  return useStore(settings, pick);
}

/** What a chapter may rely on: it is shown only once a model is loaded. */
export function useLoaded() {
  const loaded = useExplorer((s) => s.loaded);
  const params = useExplorer((s) => s.params);
  const trace = useExplorer((s) => s.trace);
  if (!loaded || !params || !trace) throw new Error('no model is loaded yet');
  return { loaded, run: loaded.run, tokenizer: loaded.run.tokenizer, params, trace };
}

const QUIET = 120; // ms without a change before work begins: a dragged slider starts nothing

export interface Computed<Y, R> {
  /** What it came to; of an earlier question while a new one is being worked on. */
  readonly value: R | null;
  /** The newest that the work on this question has yielded. */
  readonly soFar: Y | null;
  /** Whether the value is the answer to the question as it is now. */
  readonly done: boolean;
  /** One line, if it failed. */
  readonly error: string;
}

/**
 * Something worked out in the pool. The arguments must be memoised: other arguments are another
 * question, and the work on the one before is given up. Null asks nothing.
 */
export function useCompute<N extends TaskName>(
  task: N,
  args: ArgsOf<N> | null,
): Computed<SoFar<N>, ValueOf<N>> {
  type Known = Computed<SoFar<N>, ValueOf<N>> & { readonly args: unknown };
  const [known, setKnown] = useState<Known | null>(null);
  useEffect(() => {
    if (!args) return;
    let work: { stop(): void } | null = null;
    const timer = setTimeout(() => {
      work = compute(task, args, ({ value, soFar, status, error }) =>
        setKnown((last) => ({
          ...{ args, soFar, error, done: status === 'done' },
          value: status === 'done' ? value : (last?.value ?? null),
        })),
      );
    }, QUIET);
    return () => {
      clearTimeout(timer);
      work?.stop();
    };
  }, [task, args]);
  if (!args || !known) return { value: null, soFar: null, done: false, error: '' };
  return known.args === args ? known : { value: known.value, soFar: null, done: false, error: '' };
}
