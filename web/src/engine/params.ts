/** The parameters of a model: tensors by their Python names, views of one flat float64 array. */

import { type ModelConfig, numParams } from './config.ts';
import type { Random } from './random.ts';

/** One matrix `[n_out][n_in]`, row by row; element (row, column) is `data[row * n_in + column]`. */
export interface Tensor {
  readonly name: string;
  readonly n_out: number;
  readonly n_in: number;
  /** Where it starts in the flat array. */
  readonly offset: number;
  readonly data: Float64Array;
}

/** The six matrices of a layer by their short names. */
export interface LayerTensors {
  readonly attn_wq: Float64Array;
  readonly attn_wk: Float64Array;
  readonly attn_wv: Float64Array;
  readonly attn_wo: Float64Array;
  readonly mlp_fc1: Float64Array;
  readonly mlp_fc2: Float64Array;
}

/** Tensor name and shape in the canonical order (that of the random stream). */
export function shapes(config: ModelConfig): [name: string, n_out: number, n_in: number][] {
  const e = config.n_embd;
  const list: [string, number, number][] = [
    ['wte', config.vocab_size, e],
    ['wpe', config.block_size, e],
    ['lm_head', config.vocab_size, e],
  ];
  for (let i = 0; i < config.n_layer; i++) {
    for (const name of ['attn_wq', 'attn_wk', 'attn_wv', 'attn_wo']) {
      list.push([`layer${i}.${name}`, e, e]);
    }
    list.push([`layer${i}.mlp_fc1`, 4 * e, e], [`layer${i}.mlp_fc2`, e, 4 * e]);
  }
  return list;
}

/** What one Params holds may be weights, their gradients, or Adam's moments. */
export class Params {
  readonly config: ModelConfig;
  /** All tensors, one after the other. */
  readonly data: Float64Array;
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly layers: readonly LayerTensors[];
  readonly wte: Float64Array;
  readonly wpe: Float64Array;
  readonly lm_head: Float64Array;

  /** @param data taken over, not copied; zeros if not given. */
  constructor(config: ModelConfig, data: Float64Array = new Float64Array(numParams(config))) {
    if (data.length !== numParams(config)) {
      throw new RangeError(`this shape has ${numParams(config)} parameters, not ${data.length}`);
    }
    this.config = config;
    this.data = data;
    const tensors = new Map<string, Tensor>();
    let offset = 0;
    for (const [name, n_out, n_in] of shapes(config)) {
      const view = data.subarray(offset, offset + n_out * n_in);
      tensors.set(name, { name, n_out, n_in, offset, data: view });
      offset += n_out * n_in;
    }
    this.tensors = tensors;
    this.wte = this.tensor('wte').data;
    this.wpe = this.tensor('wpe').data;
    this.lm_head = this.tensor('lm_head').data;
    this.layers = Array.from({ length: config.n_layer }, (_, i) => ({
      attn_wq: this.tensor(`layer${i}.attn_wq`).data,
      attn_wk: this.tensor(`layer${i}.attn_wk`).data,
      attn_wv: this.tensor(`layer${i}.attn_wv`).data,
      attn_wo: this.tensor(`layer${i}.attn_wo`).data,
      mlp_fc1: this.tensor(`layer${i}.mlp_fc1`).data,
      mlp_fc2: this.tensor(`layer${i}.mlp_fc2`).data,
    }));
  }

  /** Weights from N(0, std^2), drawn in the canonical order. */
  static initial(config: ModelConfig, rng: Random, std: number): Params {
    const params = new Params(config);
    const { data } = params;
    for (let i = 0; i < data.length; i++) data[i] = rng.gauss(0, std);
    return params;
  }

  tensor(name: string): Tensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw new RangeError(`there is no tensor ${name}`);
    return tensor;
  }

  /** One number; throws RangeError outside the tensor. */
  get(name: string, row: number, column: number): number {
    return this.data[this.index(name, row, column)]!;
  }

  /** Its place in the flat array; throws RangeError outside the tensor. */
  index(name: string, row: number, column: number): number {
    const { n_out, n_in, offset } = this.tensor(name);
    if (!(row >= 0 && row < n_out && column >= 0 && column < n_in)) {
      throw new RangeError(`${name} is ${n_out} by ${n_in}; there is no (${row}, ${column})`);
    }
    return offset + row * n_in + column;
  }

  /** The tensor, row and column of a place in the flat array. */
  locate(index: number): { name: string; row: number; column: number } {
    for (const { name, n_out, n_in, offset } of this.tensors.values()) {
      const rest = index - offset;
      if (rest >= 0 && rest < n_out * n_in) {
        return { name, row: Math.floor(rest / n_in), column: rest % n_in };
      }
    }
    throw new RangeError(`there are ${this.data.length} parameters; there is no ${index}`);
  }

  copy(): Params {
    return new Params(this.config, this.data.slice());
  }
}
