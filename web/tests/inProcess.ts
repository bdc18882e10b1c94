/** A training client whose worker lives in the test's own thread. */

import { TrainingClient } from '../src/worker/client.ts';
import { Host } from '../src/worker/host.ts';
import type { FromWorker, Port, ToWorker } from '../src/worker/protocol.ts';
import { variantTrainer } from '../src/worker/variants.ts';

type Listener = (event: { data: never }) => void;

export function connect(): TrainingClient {
  const listeners: Listener[][] = [[], []];
  const end = (own: number) => ({
    postMessage(message: unknown, transfer: Transferable[]) {
      const data = structuredClone(message, { transfer: transfer as ArrayBuffer[] }) as never;
      setImmediate(() => {
        for (const listener of listeners[1 - own]!) listener({ data });
      });
    },
    addEventListener: (_: 'message', listener: Listener) => void listeners[own]!.push(listener),
  });
  new Host(end(1) as Port<FromWorker, ToWorker>, {
    now: () => performance.now(),
    defer: (work) => void setImmediate(work),
    makeTrainer: async (state, run, interventions, variant) =>
      variantTrainer(state, run, interventions, variant),
  });
  return new TrainingClient(end(0) as Port<ToWorker, FromWorker>);
}
