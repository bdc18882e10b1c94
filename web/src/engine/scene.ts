/** Where every number on the screen comes from: one trace and, if at hand, the updates beside it. */

import { type AdamConfig, adamUpdate } from './adam.ts';
import { type Cell, type Expr, evaluate, type UpdateKind } from './expression.ts';
import type { Plan } from './interventions.ts';
import type { Trace } from './model.ts';
import type { Params } from './params.ts';

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
  const { values, grads, params, paramGrads, loss } = scene.trace;
  switch (cell.kind) {
    case 'value':
      return name === 'mean_loss' ? loss : values.get(name, row, column, head);
    case 'grad':
      return name === 'mean_loss' ? 1 : grads.get(name, row, column, head);
    case 'param':
      return params.get(name, row, column);
    case 'param_grad':
      return paramGrads.get(name, row, column);
    case 'initial':
      return initialOf(scene).get(name, row, column);
    case 'change':
      return params.get(name, row, column) - initialOf(scene).get(name, row, column);
    case 'derived': {
      const { rule } = cell;
      if (!rule) throw new RangeError(`nothing says how ${name} is made`);
      const value = rule.value?.((read) => cellValue(scene, read));
      return value ?? evaluate(rule.expr((read) => new Builder(scene).cell(read)));
    }
    default:
      return updateValue(updateOf(scene, cell), cell.kind, cell);
  }
}

function initialOf({ initial }: Scene): Params {
  if (!initial) throw new RangeError('the parameters before the first step are not known');
  return initial;
}

/** The update that a cell is a term of. */
export function updateOf(scene: Scene, { next }: Cell): Update {
  const update = next ? scene.next : scene.update;
  if (!update) throw new RangeError('there is no update to read');
  return update;
}

function updateValue(update: Update, kind: UpdateKind, { name, row, column }: Cell): number {
  const { beta1, beta2, eps } = update.adam;
  const of = (params: Params) => params.get(name, row, column);
  const mHat = () => of(update.after.m) / (1 - beta1 ** update.step);
  const vHat = () => of(update.after.v) / (1 - beta2 ** update.step);
  switch (kind) {
    case 'weight_before':
      return of(update.params);
    case 'batch_grad':
      return of(update.grads);
    case 'm_before':
      return of(update.m);
    case 'v_before':
      return of(update.v);
    case 'm':
      return of(update.after.m);
    case 'v':
      return of(update.after.v);
    case 'm_hat':
      return mHat();
    case 'v_hat':
      return vHat();
    case 'update':
      return (update.learningRate * mHat()) / (Math.sqrt(vHat()) + eps);
    case 'weight_after':
      return of(update.after.params);
  }
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
