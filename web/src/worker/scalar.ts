/**
 * Training on the reference's scalar graph, a `Value` at a time: slow, but the only way to go wrong
 * exactly as `reference.py` would if its `backward` said `=` where it says `+=`. The graph is built
 * in the reference's order, for which path comes last depends on it; a test holds its loss and its
 * true gradient to the array engine's.
 */

import { type AdamConfig, adamUpdate } from '../engine/adam.ts';
import { headDim } from '../engine/config.ts';
import type { Document, TrainState } from '../engine/model.ts';
import { Params } from '../engine/params.ts';
import type { Trainer } from '../engine/train.ts';
import { dot, linear, rmsnorm, softmax, Value } from '../engine/value.ts';

type Vector = readonly Value[];

export class AssigningTrainer implements Trainer {
  step: number;
  private readonly params: Params;
  private readonly m: Params;
  private readonly v: Params;
  private readonly grads: Params;
  private readonly adam: AdamConfig;

  constructor({ params, m, v, step }: TrainState, adam: AdamConfig) {
    this.params = params.copy();
    this.m = m.copy();
    this.v = v.copy();
    this.grads = new Params(params.config);
    this.adam = adam;
    this.step = step;
  }

  train(batches: readonly (readonly Document[])[], learningRates: readonly number[]): number[] {
    const losses: number[] = [];
    const { params, m, v, grads, adam } = this;
    for (const [i, batch] of batches.entries()) {
      grads.data.fill(0);
      let loss = 0;
      for (const document of batch) loss += this.read(document, 1 / batch.length);
      losses.push(loss);
      if (!Number.isFinite(loss)) break;
      this.step++;
      const { data } = params;
      adamUpdate(data, m.data, v.data, grads.data, this.step, learningRates[i]!, adam);
    }
    return losses;
  }

  copyParams(into: Float32Array | Float64Array): void {
    into.set(this.params.data);
  }

  state(): TrainState {
    const { params, m, v, step } = this;
    return { params: params.copy(), m: m.copy(), v: v.copy(), step };
  }

  private read(document: Document, share: number): number {
    const leaves = leavesOf(this.params);
    const loss = scalarLoss(this.params, leaves, document).mul(share);
    for (const leaf of assignBackward(loss)) {
      const index = leaves.places.get(leaf);
      if (index !== undefined) this.grads.data[index] = leaf.grad;
    }
    return loss.data;
  }
}

/** `Value.backward` with the `+=` spoilt. Returns all that has been given a gradient. */
export function assignBackward(loss: Value): Set<Value> {
  const order = loss.order();
  const reached = new Set<Value>();
  loss.grad = 1;
  for (let i = order.length - 1; i >= 0; i--) {
    const { inputs, localGrads, grad } = order[i]!;
    for (let k = 0; k < inputs.length; k++) {
      inputs[k]!.grad = localGrads[k]! * grad;
      reached.add(inputs[k]!);
    }
  }
  return reached;
}

export interface Leaves {
  readonly tensors: ReadonlyMap<string, readonly Vector[]>;
  /** Where a leaf stands in the flat parameters. */
  readonly places: ReadonlyMap<Value, number>;
}

/** A Value for each parameter. */
export function leavesOf(params: Params): Leaves {
  const places = new Map<Value, number>();
  const tensors = new Map<string, Vector[]>();
  for (const [name, { n_out, n_in, offset, data }] of params.tensors) {
    const row = (r: number) =>
      Array.from({ length: n_in }, (_, c) => {
        const leaf = new Value(data[r * n_in + c]!);
        places.set(leaf, offset + r * n_in + c);
        return leaf;
      });
    tensors.set(
      name,
      Array.from({ length: n_out }, (_, r) => row(r)),
    );
  }
  return { tensors, places };
}

/** The loss of a document as a graph, node for node as `GPT.loss` makes it. */
export function scalarLoss({ config }: Params, { tensors }: Leaves, document: Document): Value {
  const dim = headDim(config);
  const weights = (name: string) => tensors.get(name)!;
  const add = (x: Vector, y: Vector) => x.map((xi, i) => xi.add(y[i]!));
  const cache = Array.from({ length: config.n_layer }, () => ({
    keys: [] as Vector[],
    values: [] as Vector[],
  }));
  const losses: Value[] = [];
  const count = Math.min(document.length - 1, config.block_size);
  for (let t = 0; t < count; t++) {
    let x: Vector = rmsnorm(add(weights('wte')[document[t]!]!, weights('wpe')[t]!));
    for (const [i, { keys, values }] of cache.entries()) {
      const w = (name: string) => weights(`layer${i}.${name}`);
      const normed = rmsnorm(x);
      const q = linear(normed, w('attn_wq'));
      keys.push(linear(normed, w('attn_wk')));
      values.push(linear(normed, w('attn_wv')));
      const mixed: Value[] = [];
      for (let start = 0; start < config.n_embd; start += dim) {
        const head = (vector: Vector) => vector.slice(start, start + dim);
        const shares = softmax(keys.map((k) => dot(head(q), head(k)).mul(dim ** -0.5)));
        for (let j = start; j < start + dim; j++) {
          const column = values.map((v) => v[j]!);
          mixed.push(dot(shares, column));
        }
      }
      x = add(x, linear(mixed, w('attn_wo')));
      const hidden = linear(rmsnorm(x), w('mlp_fc1')).map((h) => h.relu());
      x = add(x, linear(hidden, w('mlp_fc2')));
    }
    const probs = softmax(linear(x, weights('lm_head')));
    losses.push(probs[document[t + 1]!]!.log().neg());
  }
  return losses.reduce((sum, loss) => sum.add(loss)).mul(1 / losses.length);
}
