/**
 * The model on scalars: the loss of one document as a graph of Values, node for node as
 * `reference.py` makes it. For what an array cannot show: every node, and what a wrong rule does to
 * them. A test holds its loss and its gradient to the array engine's.
 */

import { headDim } from './config.ts';
import type { Document } from './model.ts';
import type { Params } from './params.ts';
import { dot, linear, rmsnorm, softmax, Value } from './value.ts';

type Vector = readonly Value[];

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

/** The loss of a document. */
export function scalarLoss(params: Params, leaves: Leaves, document: Document): Value {
  const steps = lossSteps(params, leaves, document);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The same, a token read at a time: yields the loss of each position and all its probabilities. */
export function* lossSteps(
  { config }: Params,
  { tensors }: Leaves,
  document: Document,
): Generator<{ loss: Value; probs: Vector }, Value> {
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
    const loss = probs[document[t + 1]!]!.log().neg();
    losses.push(loss);
    yield { loss, probs };
  }
  return losses.reduce((sum, loss) => sum.add(loss)).mul(1 / losses.length);
}
