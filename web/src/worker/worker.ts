/** The training worker: everything is in `host.ts`; this ties it to the browser. */

import { Model } from '../engine/model.ts';
import { Host } from './host.ts';
import { fetchKernel, type Kernel, KernelTrainer } from './kernel.ts';
import type { FromWorker, Port, ToWorker } from './protocol.ts';

const url = new URL('../../wasm/dist/kernel-float64.wasm', import.meta.url);

/** Null where WebAssembly, its SIMD or the file is missing: then the engine's own model trains. */
let kernel: Promise<Kernel | null> | null = null;

async function compile(): Promise<Kernel | null> {
  try {
    const response = await fetch(url);
    return response.ok ? await fetchKernel(response) : null;
  } catch {
    return null;
  }
}

// Messages to oneself take their turn behind those that wait, and, unlike timers, at once.
const channel = new MessageChannel();
const deferred: (() => void)[] = [];
channel.port1.onmessage = () => deferred.shift()?.();

new Host(self as unknown as Port<FromWorker, ToWorker>, {
  now: () => performance.now(),
  defer(work) {
    deferred.push(work);
    channel.port2.postMessage(null);
  },
  async makeTrainer(state, run, interventions) {
    kernel ??= compile();
    // The kernel knows the whole model only; with parts left out the engine's own model trains.
    const compiled = Object.keys(interventions).length === 0 ? await kernel : null;
    if (compiled) {
      return { trainer: new KernelTrainer(compiled, state, run.training), name: 'kernel' };
    }
    return { trainer: new Model(state, run.training, interventions), name: 'model' };
  },
});
