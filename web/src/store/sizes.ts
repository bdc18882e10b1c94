/** How much does it help to have more to read? The same recipe on the first documents only. */

import { createStore } from 'zustand/vanilla';
import type { Run } from '../engine/train.ts';
import { createWorker, TrainingClient } from '../worker/client.ts';
import { runFor, settingsOf, trainable } from './lab.ts';

export interface Size {
  readonly documents: number;
  /** Nats a character on documents that were read, and on others. */
  readonly train: number | null;
  readonly heldOut: number | null;
}

export interface Sizes {
  readonly base: Run | null;
  readonly rows: readonly Size[];
  /** Whether all rows are there, so that the first and the last can be compared. */
  readonly done: boolean;
}

export const sizes = createStore<Sizes>(() => ({ base: null, rows: [], done: false }));

/** How a run on few documents predicts others: judged once everything is measured, null before. */
export function verdictOnFew({ rows, done }: Sizes, uniform: number): string | null {
  const few = rows[0]?.heldOut;
  const many = rows.at(-1)?.heldOut;
  if (!done || few == null || many == null) return null;
  if (few > uniform) return 'worse than guessing';
  return few - many < 0.1 ? 'nearly as well' : 'somewhat worse';
}

export const SIZES = [10, 30, 100, 300, 1000];
const MEASURED = 300;

let client: TrainingClient | null = null;

/** For tests: another worker than the browser's. */
export function useSizesClient(given: TrainingClient): void {
  client = given;
}

/** Once for each shared run: train on ever more documents, one after the other. */
export async function measureSizes(base: Run): Promise<void> {
  if (sizes.getState().base === base) return;
  sizes.setState({ base, rows: [], done: false });
  const most = trainable(base.documents.length);
  client ??= new TrainingClient(createWorker());
  for (const documents of [...SIZES.filter((n) => n < most), most]) {
    const run = runFor(base, { ...settingsOf(base), documents });
    const job = client.start(run, { lean: true, measure: MEASURED });
    await job.finished.catch(() => {});
    if (sizes.getState().base !== base) return;
    const { measured } = job;
    const row = {
      documents,
      train: measured?.train?.nats ?? null,
      heldOut: measured?.heldOut?.nats ?? null,
    };
    sizes.setState(({ rows }) => ({ rows: [...rows, row] }));
  }
  sizes.setState({ done: true });
}
