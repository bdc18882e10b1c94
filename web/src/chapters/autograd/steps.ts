/** A graph computed there and back, one node at a time: everything that is shown of it. */

import { Value } from '../../engine/value.ts';
import { type Built, build, type Program } from './parse.ts';

/**
 * How gradients are handed back. Only `order` is right, and is `Value.backward` itself. The others
 * are exhibits of what goes wrong: `recursion` has no topological order, `assign` overwrites where
 * it should add, `twice` runs a second pass without setting the gradients of the leaves to zero.
 */
export type Rule = 'order' | 'recursion' | 'assign' | 'twice';

/** One gradient handed along one edge. */
export interface Push {
  /** The node that hands on; its input number `input`, which is node `to`, receives. */
  readonly from: number;
  readonly input: number;
  readonly to: number;
  readonly local: number;
  readonly grad: number;
  readonly before: number;
  readonly after: number;
}

export interface Frame {
  readonly kind: 'start' | 'forward' | 'seed' | 'backward' | 'again';
  /** The node at work; -1 where there is none. */
  readonly node: number;
  readonly pushes: readonly Push[];
  /** Gradient of the result before it is seeded. */
  readonly before: number;
  readonly known: readonly boolean[];
  /** null where no gradient has arrived yet. */
  readonly grads: readonly (number | null)[];
  /** Edges that a gradient has come along, as `edgeKey` writes them. */
  readonly passed: ReadonlySet<string>;
}

export interface Edge {
  readonly from: number;
  readonly to: number;
  /** Which input of `to` it is. */
  readonly input: number;
  readonly local: number;
}

export interface Run {
  readonly built: Built;
  readonly rule: Rule;
  readonly edges: readonly Edge[];
  readonly result: number;
  readonly frames: readonly Frame[];
  /** Plain recursion can go on almost for ever; whether it was stopped. */
  readonly cut: boolean;
}

/** Calls after which plain recursion is stopped. */
export const MAX_CALLS = 48;

export function edgeKey(to: number, input: number): string {
  return `${to}.${input}`;
}

export function run(
  program: Program,
  values: Readonly<Record<string, number>>,
  rule: Rule = 'order',
): Run {
  const leaves = new Map(program.leaves.map((name) => [name, new Value(values[name] ?? 1)]));
  const make = () => build(program, (name) => leaves.get(name)!);
  const built = make();
  const film = new Film(built);
  film.forward();
  film.seed();
  let cut = false;
  if (rule === 'recursion') cut = !recursion(built.result, film);
  else if (rule === 'assign') assignment(built.result, film);
  else film.watch(built.result.backwardSteps());
  if (rule === 'twice') {
    // As in training: the next pass computes new nodes from the same leaves.
    film.again(make());
    film.seed();
    film.watch(film.built.result.backwardSteps());
  }
  const index = new Map(built.nodes.map((node, i) => [node, i]));
  const edges = built.nodes.flatMap((node, to) =>
    node.inputs.map((input, i) => ({
      from: index.get(input)!,
      to,
      input: i,
      local: node.localGrads[i]!,
    })),
  );
  return { built, rule, edges, result: index.get(built.result)!, frames: film.frames, cut };
}

/** Wrong: hand on, then let every input do the same, as often as it is used. */
function recursion(result: Value, film: Film): boolean {
  let calls = 0;
  const visit = (node: Value): boolean => {
    if (++calls > MAX_CALLS) return false;
    node.inputs.forEach((input, i) => {
      input.grad += node.localGrads[i]! * node.grad;
    });
    film.backward(node);
    return node.inputs.every((input) => input.inputs.length === 0 || visit(input));
  };
  result.grad += 1;
  return visit(result);
}

/** Wrong: the right order, but the last gradient to arrive is the only one that stays. */
function assignment(result: Value, film: Film): void {
  result.grad = 1;
  for (const node of result.order().reverse()) {
    node.inputs.forEach((input, i) => {
      input.grad = node.localGrads[i]! * node.grad;
    });
    film.backward(node, false);
  }
}

/** Takes a picture after each step. */
class Film {
  built: Built;
  readonly frames: Frame[] = [];
  private index: Map<Value, number>;
  private known: boolean[];
  private grads: (number | null)[];
  private passed: ReadonlySet<string> = new Set();

  constructor(built: Built) {
    this.built = built;
    this.index = new Map(built.nodes.map((node, i) => [node, i]));
    this.known = built.nodes.map((node) => node.inputs.length === 0);
    this.grads = built.nodes.map(() => null);
  }

  forward(): void {
    this.shoot('start', -1);
    this.built.nodes.forEach((node, i) => {
      if (node.inputs.length === 0) return;
      this.known = this.known.with(i, true);
      this.shoot('forward', i);
    });
  }

  /** The result's own gradient is 1: shown as a step before the first node hands on. */
  seed(): void {
    const at = this.index.get(this.built.result)!;
    const before = this.grads[at] ?? 0;
    this.grads = this.grads.with(at, before + 1);
    this.shoot('seed', at, [], before);
  }

  watch(steps: Iterable<Value>): void {
    for (const node of steps) this.backward(node);
  }

  /** After `node` has handed its gradient on. */
  backward(node: Value, adds = true): void {
    const from = this.index.get(node)!;
    const pushes: Push[] = node.inputs.map((value, input) => {
      const to = this.index.get(value)!;
      const local = node.localGrads[input]!;
      const before = this.grads[to] ?? 0;
      const after = (adds ? before : 0) + local * node.grad;
      this.grads = this.grads.with(to, after);
      return { from, input, to, local, grad: node.grad, before, after };
    });
    if (pushes.length === 0) return;
    this.passed = new Set([...this.passed, ...pushes.map((p) => edgeKey(from, p.input))]);
    this.shoot('backward', from, pushes);
  }

  /** The leaves stay and keep their gradients; all else is new. */
  again(built: Built): void {
    this.grads = this.grads.map((grad, i) => (built.nodes[i]!.inputs.length ? null : grad));
    this.passed = new Set();
    this.built = built;
    this.index = new Map(built.nodes.map((node, i) => [node, i]));
    this.shoot('again', -1);
  }

  private shoot(kind: Frame['kind'], node: number, pushes: readonly Push[] = [], before = 0): void {
    const { known, grads, passed } = this;
    this.frames.push({ kind, node, pushes, before, known, grads, passed });
  }
}

/** A small nudge of one leaf: what its gradient promises, and what comes true. */
export interface Nudge {
  readonly leaf: string;
  readonly grad: number;
  readonly predicted: number;
  readonly real: number;
  readonly agrees: boolean;
}

export const NUDGE = 1e-5;

export function nudges(
  program: Program,
  values: Readonly<Record<string, number>>,
  of: Run,
): Nudge[] {
  const at = (name: string, by: number) =>
    build(program, (leaf) => (values[leaf] ?? 1) + (leaf === name ? by : 0)).result.data;
  const last = of.frames.at(-1)!;
  return of.built.nodes.flatMap((node, i) => {
    if (node.inputs.length) return [];
    const grad = last.grads[i] ?? 0;
    const predicted = grad * NUDGE;
    const now = at(node.label, 0);
    const real = at(node.label, NUDGE) - now;
    // The line bends a little within the nudge, and a difference of large numbers is rounded.
    const slack =
      1e-3 * Math.max(Math.abs(predicted), Math.abs(real)) + 1e-9 + 1e-15 * Math.abs(now);
    return { leaf: node.label, grad, predicted, real, agrees: Math.abs(predicted - real) <= slack };
  });
}

/** Where the numbers leave what can be computed; Python would stop there. Empty if nowhere. */
export function trouble(built: Built): string {
  for (const node of built.nodes) {
    const [x] = node.inputs;
    if (!x || x.inputs.some((input) => Number.isNaN(input.data))) continue;
    if (Number.isNaN(node.data)) {
      if (node.op === 'log')
        return `The logarithm of a negative number does not exist: ${node.label}.`;
      if (node.op === '**')
        return `A root of a negative number is not a real number: ${node.label}.`;
      return `${node.label} is not a number.`;
    }
    if (node.op === '**' && x.data === 0 && node.constant! < 0) {
      return `Nothing can be divided by 0: ${node.label}.`;
    }
    if (!Number.isFinite(node.data) && node.op !== 'log') return `${node.label} is too large.`;
  }
  return '';
}
