/** The graph of the loss of one document, counted: how many nodes of what, and how deep. */

import type { Params } from '../../engine/params.ts';
import { leavesOf, lossSteps } from '../../engine/scalarGraph.ts';
import type { Value } from '../../engine/value.ts';

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
  const census = new Census();
  const steps = lossSteps(params, leavesOf(params), ids);
  let loss: Value | null = null;
  while (!loss) {
    const { done, value } = steps.next();
    if (done) {
      loss = value;
      continue;
    }
    census.visit(value.loss);
    for (const p of value.probs) census.visit(p); // the loss does not need them all
    yield;
  }
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
