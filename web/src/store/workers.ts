/** The one pool of workers of the page. */

import { createWorker, Pool, poolSize } from '../worker/pool.ts';

let pool: Pool | null = null;

export function workers(): Pool {
  pool ??= new Pool(createWorker, { size: poolSize(navigator.hardwareConcurrency || 2) });
  return pool;
}

/** For tests: other workers than the browser's. */
export function useWorkers(given: Pool): void {
  pool = given;
}
