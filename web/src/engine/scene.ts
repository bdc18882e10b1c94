/** Where every number on the screen comes from: one trace and, if at hand, the updates beside it. */

import { type AdamConfig, adamUpdate } from './adam.ts';
import { type Cell, type CellKind, type Expr, evaluate } from './expression.ts';
import type { Plan } from './interventions.ts';
import type { Trace } from './model.ts';
import { Params } from './params.ts';

/** One update by Adam with all that went into it. */
export interface Update {
  /** Number of the update, from 1. */
  readonly step: number;
  readonly learningRate: number;
  readonly adam: AdamConfig;
  readonly params: Params;
  readonly m: Params;
  readonly v: Params;
  /** The gradient of the batch. */
  readonly grads: Params;
  readonly after: { readonly params: Params; readonly m: Params; readonly v: Params };
}

export interface Scene {
  readonly trace: Trace;
  /** The update that led to the parameters shown. */
  readonly update?: Update | null;
  /** The update that will be made of them. */
  readonly next?: Update | null;
  /** The parameters before the first step. */
  readonly initial?: Params | null;
}

/** Make an update and remember all of it; the state given is left alone. */
export function recordUpdate(
  state: { readonly params: Params; readonly m: Params; readonly v: Params; readonly step: number },
  grads: Params,
  learningRate: number,
  adam: AdamConfig,
): Update {
  const { params, m, v } = state;
  const after = { params: params.copy(), m: m.copy(), v: v.copy() };
  const step = state.step + 1;
  adamUpdate(after.params.data, after.m.data, after.v.data, grads.data, step, learningRate, adam);
  return { step, learningRate, adam, params, m, v, grads: grads.copy(), after };
}

/** The number of a cell; throws RangeError for a cell that is not there. */
export function cellValue(scene: Scene, cell: Cell): number {
  const { name, row, column, head } = cell;
  const { values, grads, loss } = scene.trace;
  switch (cell.kind) {
    case 'value':
      return name === 'mean_loss' ? loss : values.get(name, row, column, head);
    case 'grad':
      return name === 'mean_loss' ? 1 : grads.get(name, row, column, head);
    case 'derived': {
      const { rule } = cell;
      if (!rule) throw new RangeError(`nothing says how ${name} is made`);
      const value = rule.value?.(
        (read) => cellValue(scene, read),
        (kind, matrix) => tensorsOf(scene, kind as TensorKind).tensor(matrix).data,
      );
      return value ?? evaluate(rule.expr((read) => new Builder(scene).cell(read)));
    }
    case 'm_hat':
    case 'v_hat':
    case 'update':
      return stepValue(updateOf(scene, cell), cell.kind, cell);
    default:
      return tensorsOf(scene, cell.kind, cell.next).get(name, row, column);
  }
}

/** The kinds of which there is one number for each parameter, kept in a row. */
export type TensorKind = Exclude<
  CellKind,
  'value' | 'grad' | 'derived' | 'm_hat' | 'v_hat' | 'update'
>;

/** The numbers of a kind for all parameters: what a picture of them is painted from. */
export function tensorsOf(scene: Scene, kind: TensorKind, next = false): Params {
  const update = () => updateOf(scene, { next });
  switch (kind) {
    case 'param':
      return scene.trace.params;
    case 'param_grad':
      return scene.trace.paramGrads;
    case 'initial':
      return initialOf(scene);
    case 'change':
      return changeOf(scene);
    case 'weight_before':
      return update().params;
    case 'batch_grad':
      return update().grads;
    case 'm_before':
      return update().m;
    case 'v_before':
      return update().v;
    case 'm':
      return update().after.m;
    case 'v':
      return update().after.v;
    case 'weight_after':
      return update().after.params;
  }
}

function initialOf({ initial }: Scene): Params {
  if (!initial) throw new RangeError('the parameters before the first step are not known');
  return initial;
}

const changes = new WeakMap<Scene, Params>();

function changeOf(scene: Scene): Params {
  let change = changes.get(scene);
  if (!change) {
    const { params } = scene.trace;
    const initial = initialOf(scene).data;
    change = new Params(
      params.config,
      params.data.map((value, i) => value - initial[i]!),
    );
    changes.set(scene, change);
  }
  return change;
}

/** The update that a cell is a term of. */
export function updateOf(scene: Scene, { next }: Pick<Cell, 'next'>): Update {
  const update = next ? scene.next : scene.update;
  if (!update) throw new RangeError('there is no update to read');
  return update;
}

function stepValue(
  { step, adam, after, learningRate }: Update,
  kind: 'm_hat' | 'v_hat' | 'update',
  { name, row, column }: Cell,
): number {
  const mHat = () => after.m.get(name, row, column) / (1 - adam.beta1 ** step);
  const vHat = () => after.v.get(name, row, column) / (1 - adam.beta2 ** step);
  if (kind === 'm_hat') return mHat();
  if (kind === 'v_hat') return vHat();
  return (learningRate * mHat()) / (Math.sqrt(vHat()) + adam.eps);
}

/** Whether a reader has set a number of the forward pass by hand. */
export function isOverridden(plan: Plan, { name, row, column, head }: Cell): boolean {
  const set = plan.overrides.get(name);
  return !!set?.some((o) => o.row === row && o.column === column && (o.head ?? 0) === head);
}

/** Builders of formulas over one scene. */
export class Builder {
  readonly scene: Scene;

  constructor(scene: Scene) {
    this.scene = scene;
  }

  cell(cell: Cell): Expr {
    return { op: 'cell', cell, value: cellValue(this.scene, cell) };
  }

  /** A number of the forward pass. */
  value(name: string, row: number, column: number, head = 0): Expr {
    return this.cell({ kind: 'value', name, row, column, head });
  }

  /** A number as the forward pass computed it, also where another was set by hand. */
  computed(name: string, row: number, column: number, head = 0): Expr {
    const { values, plan } = this.scene.trace;
    const cell: Cell = { kind: 'value', name, row, column, head };
    if (!isOverridden(plan, cell)) return this.cell(cell);
    const value = values.replaced.get(name)!.get(values.index(name, row, column, head))!;
    return number(value, 'what was computed before another was set by hand');
  }

  /** d(loss)/d(a number of the forward pass), as it is handed on: nothing if that was set by hand. */
  grad(name: string, row: number, column: number, head = 0): Expr {
    const cell: Cell = { kind: 'grad', name, row, column, head };
    if (isOverridden(this.scene.trace.plan, cell))
      return number(0, 'set by hand, so nothing passes');
    return this.cell(cell);
  }

  param(name: string, row: number, column: number): Expr {
    return this.cell({ kind: 'param', name, row, column, head: 0 });
  }
}

export function number(value: number, note: string, symbol = ''): Expr {
  return { op: 'number', value, symbol, note };
}

/** 0, 1, … n - 1 put through a function. */
export function range<T>(n: number, make: (i: number) => T): T[] {
  return Array.from({ length: n }, (_, i) => make(i));
}
