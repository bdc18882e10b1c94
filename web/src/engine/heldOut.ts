/** The documents that a model is judged by on this page. */

import { split } from './evaluate.ts';
import type { Run } from './train.ts';

export interface Judges {
  readonly documents: readonly (readonly number[])[];
  /** Whether training never reads them; a short list may have none such left. */
  readonly heldOut: boolean;
  /** Said of them in a sentence: `100 documents that training never reads`. */
  readonly title: string;
}

const known = new WeakMap<Run, Map<number, Judges>>();

/** The first so many documents that the run never trains on or, where there are none, that it does. */
export function judges(run: Run, most = 100): Judges {
  const sizes = known.get(run) ?? new Map<number, Judges>();
  known.set(run, sizes);
  let found = sizes.get(most);
  if (!found) {
    const { heldOut, train } = split(run, run.training.steps);
    const texts = (heldOut.length ? heldOut : [...new Set(train)]).slice(0, most);
    const what = heldOut.length ? 'that training never reads' : 'of the training data (no others)';
    found = {
      documents: texts.map((text) => run.encode(text)),
      heldOut: heldOut.length > 0,
      title: `${texts.length} documents ${what}`,
    };
    sizes.set(most, found);
  }
  return found;
}
