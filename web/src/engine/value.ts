/**
 * Numbers that remember where they came from: the twin of `Value` in `reference.py`, which makes
 * the same nodes in the same order. For the graphs that people see; models train on arrays.
 */

import { exp, log } from './elementary.ts';

export class Value {
  data: number;
  grad = 0;
  readonly inputs: readonly Value[];
  /** `localGrads[i]` is d(this)/d(inputs[i]). */
  readonly localGrads: readonly number[];
  /** What made it, for display: `+`, `*`, `**`, `exp`, `log`, `relu`, `dot`; empty for a leaf. */
  readonly op: string;
  /** The plain number that took part, as in x ** 3 or x * 2; null where there was none. */
  readonly constant: number | null;
  /** A name for display. */
  label = '';

  constructor(
    data: number,
    inputs: readonly Value[] = [],
    localGrads: readonly number[] = [],
    op = '',
    constant: number | null = null,
  ) {
    this.data = data;
    this.inputs = inputs;
    this.localGrads = localGrads;
    this.op = op;
    this.constant = constant;
  }

  add(other: Value | number): Value {
    if (other instanceof Value)
      return new Value(this.data + other.data, [this, other], [1, 1], '+');
    return new Value(this.data + other, [this], [1], '+', other);
  }

  mul(other: Value | number): Value {
    if (other instanceof Value) {
      return new Value(this.data * other.data, [this, other], [other.data, this.data], '*');
    }
    return new Value(this.data * other, [this], [other], '*', other);
  }

  pow(exponent: number): Value {
    const local = exponent * this.data ** (exponent - 1);
    return new Value(this.data ** exponent, [this], [local], '**', exponent);
  }

  exp(): Value {
    const result = exp(this.data);
    return new Value(result, [this], [result], 'exp');
  }

  log(): Value {
    // The limit at 0, so that a loss that has blown up can be seen.
    if (this.data === 0) {
      return new Value(Number.NEGATIVE_INFINITY, [this], [Number.POSITIVE_INFINITY], 'log');
    }
    return new Value(log(this.data), [this], [1 / this.data], 'log');
  }

  relu(): Value {
    const on = this.data > 0;
    return new Value(on ? this.data : 0, [this], [on ? 1 : 0], 'relu');
  }

  neg(): Value {
    return this.mul(-1);
  }

  sub(other: Value | number): Value {
    return this.add(other instanceof Value ? other.neg() : -other);
  }

  div(other: Value | number): Value {
    return this.mul(other instanceof Value ? other.pow(-1) : other ** -1);
  }

  /** Add d(this)/d(v) to `v.grad` of every v that this was computed from. */
  backward(): void {
    for (const _ of this.backwardSteps());
  }

  /**
   * The same one node at a time: yields each node after it has handed its gradient to its inputs.
   * By then its own gradient is complete, for all that use it have come before.
   */
  *backwardSteps(): Generator<Value, void> {
    const order = this.order();
    this.grad += 1;
    for (let i = order.length - 1; i >= 0; i--) {
      const node = order[i]!;
      node.inputs.forEach((input, k) => {
        input.grad += node.localGrads[k]! * node.grad; // += because a value can be used twice
      });
      yield node;
    }
  }

  /**
   * Every node that was computed, inputs before users (topological order), this last. Leaves have
   * nothing to hand on, so they have no place. A stack stands in for recursion.
   */
  order(): Value[] {
    const order: Value[] = [];
    const seen = new Set<Value>([this]);
    const stack: { node: Value; next: number }[] = [{ node: this, next: 0 }];
    while (stack.length) {
      const top = stack.at(-1)!;
      const input = top.node.inputs[top.next++];
      if (!input) {
        order.push(top.node);
        stack.pop();
      } else if (!seen.has(input)) {
        seen.add(input);
        if (input.inputs.length) stack.push({ node: input, next: 0 });
      }
    }
    return order;
  }

  /** All nodes, leaves included, each before those that use it; this last. */
  nodes(): Value[] {
    const nodes = new Set<Value>();
    for (const node of this.order()) {
      for (const input of node.inputs) nodes.add(input);
      nodes.add(node);
    }
    return [...nodes];
  }
}

/** a[0] b[0] + a[1] b[1] + … as a single node: most of the model is made of these sums. */
export function dot(a: readonly Value[], b: readonly Value[]): Value {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i]!.data * b[i]!.data;
  const local = [...b.map((y) => y.data), ...a.map((x) => x.data)];
  return new Value(total, [...a, ...b], local, 'dot');
}

/** Scores to probabilities. */
export function softmax(logits: readonly Value[]): Value[] {
  const largest = Math.max(...logits.map((x) => x.data));
  const exps = logits.map((x) => x.sub(largest).exp());
  const scale = exps.reduce((sum, e) => sum.add(e)).pow(-1);
  return exps.map((e) => e.mul(scale));
}

/** Scale x to a mean square of 1. */
export function rmsnorm(x: readonly Value[]): Value[] {
  const scale = dot(x, x)
    .mul(1 / x.length)
    .add(1e-5)
    .pow(-0.5);
  return x.map((xi) => xi.mul(scale));
}

/** Each output is the dot product of one row of weights with x. */
export function linear(x: readonly Value[], weights: readonly (readonly Value[])[]): Value[] {
  return weights.map((row) => dot(row, x));
}
