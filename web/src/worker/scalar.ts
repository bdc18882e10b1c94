/**
 * Training on the reference's scalar graph, a `Value` at a time: slow, but the only way to go wrong
 * exactly as `reference.py` would if its `backward` said `=` where it says `+=`. The graph is built
 * in the reference's order, for which path comes last depends on it.
 */

import { type AdamConfig, adamUpdate } from '../engine/adam.ts';
import type { Document, TrainState } from '../engine/model.ts';
import { Params } from '../engine/params.ts';
import { leavesOf, scalarLoss } from '../engine/scalarGraph.ts';
import type { Trainer } from '../engine/train.ts';
import type { Value } from '../engine/value.ts';

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
