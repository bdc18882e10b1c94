/** The C kernel, compiled to WebAssembly, as a trainer. */

import { loadKernel } from '../../wasm/kernel.mjs';
import { type ModelConfig, numParams, type TrainConfig } from '../engine/config.ts';
import type { Document, TrainState } from '../engine/model.ts';
import { Params } from '../engine/params.ts';
import type { Trainer } from '../engine/train.ts';

export type Kernel = Awaited<ReturnType<typeof loadKernel>>;

/** Compile the kernel; fails where WebAssembly or its SIMD is missing, or the file is not there. */
export function fetchKernel(source: Parameters<typeof loadKernel>[0]): Promise<Kernel> {
  return loadKernel(source);
}

const url = new URL('../../wasm/dist/kernel-float64.wasm', import.meta.url);

/** The kernel that comes with the page; null where WebAssembly, its SIMD or the file is missing. */
export async function ownKernel(): Promise<Kernel | null> {
  try {
    const response = await fetch(url);
    return response.ok ? await fetchKernel(response) : null;
  } catch {
    return null;
  }
}

/** Trains in the kernel's memory; `free()` gives it back. */
export class KernelTrainer implements Trainer {
  step: number;
  private readonly config: ModelConfig;
  private readonly training: TrainConfig;
  private readonly kernel: Kernel;
  private readonly model: ReturnType<Kernel['create']>;
  /** Room in the kernel's memory for params, m and v, so that a snapshot allocates nothing. */
  private readonly room: number;

  constructor(kernel: Kernel, state: TrainState, training: TrainConfig) {
    this.config = state.params.config;
    this.training = training;
    this.step = state.step;
    this.kernel = kernel;
    this.model = kernel.create(this.config);
    this.room = kernel.c.malloc(3 * 8 * numParams(this.config));
    if (!this.room) {
      this.model.free();
      throw new RangeError('not enough memory');
    }
    const { params, m, v, step } = state;
    this.model.importState({ params: params.data, m: m.data, v: v.data, step });
  }

  train(batches: readonly (readonly Document[])[], learningRates: readonly number[]): number[] {
    const losses: number[] = Array.from(this.model.train(batches, learningRates, this.training));
    const last = losses.at(-1);
    this.step += losses.length - (last !== undefined && !Number.isFinite(last) ? 1 : 0);
    return losses;
  }

  copyParams(into: Float32Array | Float64Array): void {
    into.set(this.exported()[0]!);
  }

  state(): TrainState {
    const [params, m, v] = this.exported().map((data) => new Params(this.config, data.slice()));
    return { params: params!, m: m!, v: v!, step: this.step };
  }

  free(): void {
    this.kernel.c.free(this.room);
    this.model.free();
  }

  /** Parameters and moments as views of the kernel's memory, good until the next call. */
  private exported(): Float64Array[] {
    const size = numParams(this.config);
    const places = [0, 1, 2].map((i) => this.room + i * 8 * size);
    this.kernel.c.glass_export(this.model.handle, ...places);
    return places.map((place) => this.kernel.view(Float64Array, place, size));
  }
}
