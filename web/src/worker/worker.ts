/** The training worker: everything is in `host.ts`; this ties it to the browser. */

import { Host } from './host.ts';
import { type Kernel, KernelTrainer, ownKernel } from './kernel.ts';
import type { FromWorker, Port, ToWorker } from './protocol.ts';
import { atConstantRate, variantTrainer } from './variants.ts';

/** Null where WebAssembly, its SIMD or the file is missing: then the engine's own model trains. */
let kernel: Promise<Kernel | null> | null = null;

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
  async makeTrainer(state, run, interventions, variant) {
    kernel ??= ownKernel();
    // The kernel knows the whole model and Adam only; all else is the engine's own model.
    const { constantRate = false, ...others } = variant;
    const plain = Object.keys(interventions).length === 0 && !Object.values(others).some(Boolean);
    const compiled = plain ? await kernel : null;
    if (compiled) {
      const trainer = new KernelTrainer(compiled, state, run.training);
      return { trainer: constantRate ? atConstantRate(trainer, run) : trainer, name: 'kernel' };
    }
    return variantTrainer(state, run, interventions, variant);
  },
});
