/** How good is it? Held-out loss, and the n-gram baselines beside it; as `evaluation.py`. */

import { log } from './elementary.ts';
import type { Document, Model } from './model.ts';
import { fsum } from './python.ts';
import type { Run } from './train.ts';

/** Documents a loss is measured on; the standard error is then near 0.01 nats. */
export const MAX_DOCUMENTS = 1000;

/** Mean surprise a predicted character (the closing BOS included) over some documents. */
export interface Loss {
  readonly nats: number;
  readonly bits: number;
  readonly documents: number;
  readonly characters: number;
}

/**
 * Over the first block_size predictions of each document, all weighted alike; null without any.
 * Yields after each document, for whoever has other things to do.
 */
export function* meanLoss(
  model: Model,
  documents: readonly Document[],
): Generator<{ readonly read: number }, Loss | null> {
  const surprises: number[] = [];
  for (const [i, document] of documents.entries()) {
    surprises.push(...model.surprises([document])[0]!);
    yield { read: i + 1 };
  }
  return documents.length ? mean(surprises, documents.length) : null;
}

/**
 * Counts of n - 1 characters and the one after, smoothed by the model one shorter.
 *
 * p_n(c | h) = (count(h, c) + k p_(n-1)(c | shorter h)) / (count(h) + k), down to the uniform
 * distribution: a hierarchical Dirichlet model (MacKay and Peto 1995), k = 3.
 */
export class NGram {
  static readonly STRENGTH = 3;
  readonly n: number;
  readonly vocab_size: number;
  private readonly shorter: NGram | null;
  /** Context -> token -> count; a context is its token ids, joined. */
  private readonly counts = new Map<string, Map<number, number>>();
  private readonly totals = new Map<string, number>();

  /** n = 0 is the uniform distribution, 1 letter counts, 2 bigrams, 3 trigrams. */
  constructor(n: number, documents: readonly Document[], vocab_size: number) {
    this.n = n;
    this.vocab_size = vocab_size;
    this.shorter = n ? new NGram(n - 1, documents, vocab_size) : null;
    if (!n) return;
    for (const document of documents) {
      for (let i = 1; i < document.length; i++) {
        const context = this.context(document, i);
        let row = this.counts.get(context);
        if (!row) this.counts.set(context, (row = new Map()));
        row.set(document[i]!, (row.get(document[i]!) ?? 0) + 1);
        this.totals.set(context, (this.totals.get(context) ?? 0) + 1);
      }
    }
  }

  /** Of token_id after the first `length` tokens of the document. */
  prob(document: Document, length: number, token_id: number): number {
    if (!this.shorter) return 1 / this.vocab_size;
    const context = this.context(document, length);
    const count = this.counts.get(context)?.get(token_id) ?? 0;
    const prior = NGram.STRENGTH * this.shorter.prob(document, length, token_id);
    return (count + prior) / ((this.totals.get(context) ?? 0) + NGram.STRENGTH);
  }

  /** On the same predictions as `meanLoss`. */
  loss(documents: readonly Document[], block_size: number): Loss | null {
    if (!documents.length) return null;
    const surprises: number[] = [];
    for (const document of documents) {
      for (let i = 1; i < Math.min(document.length, block_size + 1); i++) {
        surprises.push(-log(this.prob(document, i, document[i]!)));
      }
    }
    return mean(surprises, documents.length);
  }

  private context(document: Document, length: number): string {
    let key = '';
    for (let i = Math.max(0, length - this.n + 1); i < length; i++) key += `${document[i]} `;
    return key;
  }
}

/** What a run has learned from, and what it has never seen. */
export interface Split {
  readonly train: string[];
  readonly heldOut: string[];
}

/**
 * Documents read in training, and distinct ones that were not.
 *
 * Held out are the documents set aside by val_fraction; without any, those that training has not
 * reached yet. A document that was read is never held out, however often it stands in the file.
 */
export function split(run: Run, steps: number): Split {
  const seen = run.seen(steps);
  const train = run.documents.slice(0, run.read(steps));
  const rest = run.heldOut.length ? run.heldOut : run.documents.slice(train.length);
  return { train, heldOut: [...new Set(rest)].filter((document) => !seen.has(document)) };
}

function mean(surprises: readonly number[], documents: number): Loss {
  const nats = fsum(surprises) / surprises.length;
  return { nats, bits: nats / Math.LN2, documents, characters: surprises.length };
}
