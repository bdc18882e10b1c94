/** What simpler ways of guessing come to on the same documents. */

import { NGram } from './evaluate.ts';
import type { Run } from './train.ts';

/** More documents are not counted: they would change the third decimal, and take long. */
export const MOST_COUNTED = 4000;

export const BASELINES = [
  { n: 0, title: 'uniform', note: 'every token equally likely' },
  { n: 1, title: 'letter counts', note: 'how often each occurs' },
  { n: 2, title: 'bigrams', note: 'what follows the last one' },
  { n: 3, title: 'trigrams', note: 'what follows the last two' },
] as const;

/** The mean loss of each, as far as it is known; counted on what the run trains on. */
export function* baselines(
  run: Run,
  documents: readonly (readonly number[])[],
): Generator<number[], number[]> {
  const { vocab_size, block_size } = run.model;
  const texts = run.documents.slice(0, Math.min(MOST_COUNTED, run.read(run.training.steps)));
  const counted = texts.map((text) => run.encode(text));
  const done: number[] = [];
  for (const { n } of BASELINES) {
    const model = new NGram(n, counted, vocab_size);
    let nats = 0;
    let characters = 0;
    for (let i = 0; i < documents.length; i += 10) {
      yield done;
      const part = model.loss(documents.slice(i, i + 10), block_size)!;
      nats += part.nats * part.characters;
      characters += part.characters;
    }
    done.push(nats / characters);
  }
  return done;
}
