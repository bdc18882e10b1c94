/**
 * Numbers made of others by a rule of their own, as cells like any other: the mean of a row, a
 * difference, a size. And numbers measured elsewhere, which say how. The name is what they are
 * called on the page; two of one name must be the same number.
 */

import type { Cell, CellKind, Expr, Rule } from './expression.ts';
import type { Params } from './params.ts';
import { number, range } from './scene.ts';

export function derived(name: string, expr: Rule['expr'], value?: Rule['value']): Cell {
  const rule = value ? { expr, value } : { expr };
  return { kind: 'derived', name, row: 0, column: 0, head: 0, rule };
}

/** A number that was worked out in some other way, which the note says in a sentence. */
export function measured(name: string, value: number, note: string): Cell {
  return derived(name, () => number(value, note));
}

/** A whole matrix, of weights or of something that there is for each weight. */
export interface Matrix {
  readonly params: Params;
  readonly name: string;
  readonly kind: CellKind;
}

type Group = readonly Cell[] | Matrix;

/** All cells of a matrix. */
export function matrixCells(params: Params, name: string, kind: CellKind = 'param'): Cell[] {
  const { n_out, n_in } = params.tensor(name);
  return range(n_out, (row) =>
    range(n_in, (column): Cell => ({ kind, name, row, column, head: 0 })),
  ).flat();
}

function cellsOf(group: Group): readonly Cell[] {
  return 'params' in group ? matrixCells(group.params, group.name, group.kind) : group;
}

/** A number made of many: its formula over their cells, and the same over the numbers themselves. */
function aggregate(
  name: string,
  group: Group,
  expr: (x: readonly Expr[]) => Expr,
  value: (x: ArrayLike<number>) => number,
): Cell {
  return derived(
    name,
    (read) => expr(cellsOf(group).map(read)),
    (read, matrix) =>
      value('params' in group ? matrix(group.kind, group.name) : group.map((cell) => read(cell))),
  );
}

export function sumOf(name: string, group: Group): Cell {
  return aggregate(name, group, (terms) => ({ op: 'sum', terms }), total);
}

export function meanOf(name: string, group: Group): Cell {
  return aggregate(name, group, meanExpr, mean);
}

/** The root of the mean square: how large they are, whatever their signs. */
export function rmsOf(name: string, group: Group): Cell {
  return aggregate(
    name,
    group,
    (x) => ({ op: 'sqrt', of: meanSquare(x) }),
    (x) => Math.sqrt(total(x, (each) => each * each) / x.length),
  );
}

/** Standard deviation of the numbers as they are, not an estimate of some larger set. */
export function stdOf(name: string, group: Group): Cell {
  return aggregate(
    name,
    group,
    (x) => ({
      op: 'sqrt',
      of: {
        op: 'minus',
        left: meanSquare(x),
        right: { op: 'power', base: meanExpr(x), exponent: 2 },
      },
    }),
    (x) => {
      const middle = mean(x);
      return Math.sqrt(total(x, (each) => (each - middle) ** 2) / x.length);
    },
  );
}

export function differenceOf(name: string, left: Cell, right: Cell): Cell {
  return derived(name, (read) => ({ op: 'minus', left: read(left), right: read(right) }));
}

export function productOf(name: string, factors: readonly (Cell | Expr)[]): Cell {
  return derived(name, (read) => ({
    op: 'product',
    factors: factors.map((factor) => ('op' in factor ? factor : read(factor))),
  }));
}

export function quotientOf(name: string, left: Cell, right: Cell | Expr): Cell {
  return derived(name, (read) => ({
    op: 'over',
    left: read(left),
    right: 'op' in right ? right : read(right),
  }));
}

export function dotOf(name: string, left: readonly Cell[], right: readonly Cell[]): Cell {
  return derived(name, (read) => ({ op: 'dot', left: left.map(read), right: right.map(read) }));
}

/** Of two vectors: 1 where they point the same way, 0 where they have nothing in common. */
export function cosineOf(name: string, left: readonly Cell[], right: readonly Cell[]): Cell {
  return derived(name, (read) => {
    const [a, b] = [left.map(read), right.map(read)];
    const length = (x: readonly Expr[]): Expr => ({
      op: 'sqrt',
      of: { op: 'dot', left: x, right: x },
    });
    return {
      op: 'over',
      left: { op: 'dot', left: a, right: b },
      right: { op: 'product', factors: [length(a), length(b)] },
    };
  });
}

function overAll(of: Expr, n: number): Expr {
  return { op: 'product', factors: [of, number(1 / n, 'mean', `1/${n}`)] };
}

function meanExpr(terms: readonly Expr[]): Expr {
  return overAll({ op: 'sum', terms }, terms.length);
}

function meanSquare(x: readonly Expr[]): Expr {
  return overAll({ op: 'dot', left: x, right: x }, x.length);
}

function mean(x: ArrayLike<number>): number {
  return total(x) / x.length;
}

function total(x: ArrayLike<number>, of: (each: number) => number = (each) => each): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += of(x[i]!);
  return sum;
}
