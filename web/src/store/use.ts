/** React's view of the stores. */

import { useStore } from 'zustand';
import { type Explorer, explorer } from './explorer.ts';
import { type Settings, settings } from './settings.ts';

export function useExplorer<T>(pick: (state: Explorer) => T): T {
  return useStore(explorer, pick);
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
