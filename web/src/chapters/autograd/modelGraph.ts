/**
 * The loss of one document as a graph of Values, node for node as `reference.py` makes it: to be
 * counted, not to be trained. A test holds its loss to the array engine's.
 */

import { headDim } from '../../engine/config.ts';
import type { Params } from '../../engine/params.ts';
import { dot, linear, rmsnorm, softmax, Value } from '../../engine/value.ts';

export interface ModelGraph {
  readonly loss: Value;
  /** All that was computed, what the loss does not need included. */
  readonly computed: number;
  /** How many nodes of each operation, most frequent first. */
  readonly operations: readonly { readonly op: string; readonly n: number }[];
  /** Parameters that the loss depends on. */
  readonly parameters: number;
  /** Nodes on the longest way from the loss down to a parameter, both included. */
  readonly depth: number;
}

type Vector = Value[];

/** @param ids BOS first and last. */
export function modelGraph(params: Params, ids: readonly number[]): ModelGraph {
  const steps = modelGraphSteps(params, ids);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The same in pieces, one for each token read, so that a page need not stand still for it. */
export function* modelGraphSteps(
  params: Params,
  ids: readonly number[],
): Generator<undefined, ModelGraph> {
  const { config } = params;
  const census = new Census();
  const width = headDim(config);
  const tensors = new Map(
    [...params.tensors].map(([name, { data, n_out, n_in }]) => [
      name,
      Array.from({ length: n_out }, (_, row) =>
        Array.from(data.subarray(row * n_in, (row + 1) * n_in), (x) => new Value(x)),
      ),
    ]),
  );
  const matrix = (name: string) => tensors.get(name)!;
  const add = (x: Vector, y: Vector): Vector => x.map((xi, i) => xi.add(y[i]!));
  const layers = Array.from({ length: config.n_layer }, () => ({
    keys: [] as Vector[],
    values: [] as Vector[],
  }));
  const losses: Value[] = [];

  const count = Math.min(ids.length - 1, config.block_size);
  for (let position = 0; position < count; position++) {
    let x = rmsnorm(add(matrix('wte')[ids[position]!]!, matrix('wpe')[position]!));
    layers.forEach(({ keys, values }, i) => {
      const weights = (name: string) => matrix(`layer${i}.${name}`);
      const normed = rmsnorm(x);
      const q = linear(normed, weights('attn_wq'));
      keys.push(linear(normed, weights('attn_wk')));
      values.push(linear(normed, weights('attn_wv')));
      const mixed: Vector = [];
      for (let start = 0; start < config.n_embd; start += width) {
        const head = (v: Vector) => v.slice(start, start + width);
        const scores = keys.map((k) => dot(head(q), head(k)).mul(width ** -0.5));
        const shares = softmax(scores);
        for (let j = start; j < start + width; j++) {
          mixed.push(
            dot(
              shares,
              values.map((v) => v[j]!),
            ),
          );
        }
      }
      x = add(x, linear(mixed, weights('attn_wo')));
      const hidden = linear(rmsnorm(x), weights('mlp_fc1')).map((h) => h.relu());
      x = add(x, linear(hidden, weights('mlp_fc2')));
    });
    const probs = softmax(linear(x, matrix('lm_head')));
    losses.push(probs[ids[position + 1]!]!.log().neg());
    census.visit(losses.at(-1)!);
    for (const p of probs) census.visit(p); // the loss does not need them all
    yield;
  }
  const loss = losses.reduce((sum, each) => sum.add(each)).mul(1 / losses.length);
  const depth = census.visit(loss);
  const { computed, parameters } = census;
  const operations = [...census.operations].map(([op, n]) => ({ op, n }));
  return { loss, computed, operations: operations.sort((a, b) => b.n - a.n), parameters, depth };
}

/** Counts nodes. Nobody needs the gradients here: `grad` holds how deep a node that was met is. */
class Census {
  computed = 0;
  parameters = 0;
  readonly operations = new Map<string, number>();

  visit(node: Value): number {
    if (node.grad > 0) return node.grad;
    let below = 0;
    for (const input of node.inputs) below = Math.max(below, this.visit(input));
    if (node.inputs.length === 0) {
      this.parameters++;
    } else {
      this.computed++;
      this.operations.set(node.op, (this.operations.get(node.op) ?? 0) + 1);
    }
    node.grad = below + 1;
    return node.grad;
  }
}
