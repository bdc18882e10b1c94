/** A pool whose workers live in the test's own thread. */

import { Host } from '../src/worker/host.ts';
import { Pool, type PoolOptions, type WorkerPort } from '../src/worker/pool.ts';
import type { FromWorker, Port, ToWorker } from '../src/worker/protocol.ts';
import { variantTrainer } from '../src/worker/variants.ts';
import type { Surroundings } from '../src/worker/work.ts';

type Listener = (event: { data: never }) => void;

/** Two ends of a line that copies what is sent, as a browser does, and hands buffers over. */
export function line(): [WorkerPort, Port<FromWorker, ToWorker>] {
  const listeners: [Listener[], Listener[]] = [[], []];
  const end = (own: 0 | 1) => ({
    postMessage(message: unknown, transfer: Transferable[]) {
      const data = structuredClone(message, { transfer: transfer as ArrayBuffer[] }) as never;
      setImmediate(() => {
        for (const listener of listeners[own === 0 ? 1 : 0]) listener({ data });
      });
    },
    addEventListener: (_: 'message', listener: Listener) => void listeners[own].push(listener),
  });
  return [end(0) as WorkerPort, end(1) as Port<FromWorker, ToWorker>];
}

export const around: Surroundings = {
  now: () => performance.now(),
  defer: (work) => void setImmediate(work),
  makeTrainer: async (state, run, interventions, variant) =>
    variantTrainer(state, run, interventions, variant),
};

export function connect(given: Partial<Surroundings> = {}, options: PoolOptions = {}): Pool {
  const make = () => {
    const [page, worker] = line();
    new Host(worker, { ...around, ...given });
    return page;
  };
  return new Pool(make, { size: 1, ...options });
}
