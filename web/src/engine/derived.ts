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

/** All cells of a matrix. */
export function matrixCells(params: Params, name: string, kind: CellKind = 'param'): Cell[] {
  const { n_out, n_in } = params.tensor(name);
  return range(n_out, (row) =>
    range(n_in, (column): Cell => ({ kind, name, row, column, head: 0 })),
  ).flat();
}

export function sumOf(name: string, cells: readonly Cell[]): Cell {
  return derived(
    name,
    (read) => ({ op: 'sum', terms: cells.map(read) }),
    (read) => total(cells, read),
  );
}

export function meanOf(name: string, cells: readonly Cell[]): Cell {
  return derived(
    name,
    (read) => overAll({ op: 'sum', terms: cells.map(read) }, cells.length),
    (read) => total(cells, read) / cells.length,
  );
}

/** The root of the mean square: how large they are, whatever their signs. */
export function rmsOf(name: string, cells: readonly Cell[]): Cell {
  return derived(
    name,
    (read) => ({ op: 'sqrt', of: meanSquare(cells, read) }),
    (read) => Math.sqrt(total(cells, (cell) => read(cell) ** 2) / cells.length),
  );
}

/** Standard deviation of the numbers as they are, not an estimate of some larger set. */
export function stdOf(name: string, cells: readonly Cell[]): Cell {
  return derived(
    name,
    (read) => {
      const mean = overAll({ op: 'sum', terms: cells.map(read) }, cells.length);
      const squared: Expr = { op: 'power', base: mean, exponent: 2 };
      return { op: 'sqrt', of: { op: 'minus', left: meanSquare(cells, read), right: squared } };
    },
    (read) => {
      const mean = total(cells, read) / cells.length;
      return Math.sqrt(total(cells, (cell) => (read(cell) - mean) ** 2) / cells.length);
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

function meanSquare(cells: readonly Cell[], read: (cell: Cell) => Expr): Expr {
  const x = cells.map(read);
  return overAll({ op: 'dot', left: x, right: x }, x.length);
}

function total(cells: readonly Cell[], read: (cell: Cell) => number): number {
  let sum = 0;
  for (const cell of cells) sum += read(cell);
  return sum;
}
