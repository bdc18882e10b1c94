/** Small formulas with the numbers put in: built by the provenance table, shown by the inspector. */

import { exp, log } from './elementary.ts';

/**
 * What a cell is: a number of the forward pass, d(loss)/d(it), a parameter, d(loss)/d(it), one of
 * the terms of the update that Adam makes of a parameter, the parameter before the first step, its
 * change since then; or a number that a rule of its own makes of others.
 */
export type CellKind =
  | 'value'
  | 'grad'
  | 'param'
  | 'param_grad'
  | 'initial'
  | 'change'
  | 'derived'
  | UpdateKind;

export type UpdateKind =
  | 'weight_before'
  | 'batch_grad'
  | 'm_before'
  | 'v_before'
  | 'm'
  | 'v'
  | 'm_hat'
  | 'v_hat'
  | 'update'
  | 'weight_after';

/** One number on screen. */
export interface Cell {
  readonly kind: CellKind;
  /** Of the intermediate (`layer0.q`, `mean_loss`…) or of the tensor (`layer0.attn_wq`…). */
  readonly name: string;
  /** Position, of attention the query; of a tensor the row. */
  readonly row: number;
  /** Place in the row, of attention the key. */
  readonly column: number;
  /** 0 but for attention. */
  readonly head: number;
  /** A term of the update still to come, not of the one that led to the step shown. */
  readonly next?: boolean;
  /** Of a derived number: how it is made. */
  readonly rule?: Rule;
}

/** All numbers of one kind in one matrix, at once. */
export type Matrices = (kind: CellKind, name: string) => ArrayLike<number>;

/** How a derived number is made of others; see `derived.ts`. */
export interface Rule {
  expr(read: (cell: Cell) => Expr): Expr;
  /** What the formula gives, where there is a shorter way than to write it down. */
  value?(read: (cell: Cell) => number, matrix: Matrices): number;
}

export type Expr =
  /** A plain number; `note` says what it stands for, `symbol` how a formula writes it. */
  | {
      readonly op: 'number';
      readonly value: number;
      readonly symbol: string;
      readonly note: string;
    }
  | { readonly op: 'cell'; readonly cell: Cell; readonly value: number }
  | { readonly op: 'sum'; readonly terms: readonly Expr[] }
  | { readonly op: 'product'; readonly factors: readonly Expr[] }
  /** left[0] right[0] + left[1] right[1] + … */
  | { readonly op: 'dot'; readonly left: readonly Expr[]; readonly right: readonly Expr[] }
  | { readonly op: 'minus'; readonly left: Expr; readonly right: Expr }
  | { readonly op: 'over'; readonly left: Expr; readonly right: Expr }
  | { readonly op: 'power'; readonly base: Expr; readonly exponent: number }
  | { readonly op: 'max'; readonly of: readonly Expr[] }
  | { readonly op: 'exp' | 'log' | 'relu' | 'sqrt' | 'negative'; readonly of: Expr };

/** A piece of a formula as text; a number that is a cell says which. */
export interface Segment {
  readonly text: string;
  readonly cell?: Cell;
  readonly note?: string;
}

export interface Rendering {
  /** How a number is written; `formatNumber` if not given. */
  readonly format?: (value: number) => string;
  /** How a cell is written: its name in a formula, its number if not given. */
  readonly name?: (cell: Cell) => string;
  /** Terms of a sum shown before it is cut short with …; at least 2, all if not given. */
  readonly maxTerms?: number;
}

/** What the formula gives. */
export function evaluate(e: Expr): number {
  switch (e.op) {
    case 'number':
    case 'cell':
      return e.value;
    case 'sum':
      return e.terms.reduce((total, term) => total + evaluate(term), 0);
    case 'product':
      return e.factors.reduce((total, factor) => total * evaluate(factor), 1);
    case 'dot':
      return e.left.reduce((total, x, i) => total + evaluate(x) * evaluate(e.right[i]!), 0);
    case 'minus':
      return evaluate(e.left) - evaluate(e.right);
    case 'over':
      return evaluate(e.left) / evaluate(e.right);
    case 'power':
      return evaluate(e.base) ** e.exponent;
    case 'max':
      return e.of.reduce((largest, x) => Math.max(largest, evaluate(x)), Number.NEGATIVE_INFINITY);
    case 'exp':
      return exp(evaluate(e.of));
    case 'log':
      return log(evaluate(e.of));
    case 'relu':
      return Math.max(0, evaluate(e.of));
    case 'sqrt':
      return Math.sqrt(evaluate(e.of));
    case 'negative':
      return -evaluate(e.of);
  }
}

/** The parts a formula is made of. */
function parts(e: Expr): readonly Expr[] {
  switch (e.op) {
    case 'number':
    case 'cell':
      return [];
    case 'sum':
      return e.terms;
    case 'product':
      return e.factors;
    case 'dot':
      return e.left.flatMap((x, i) => [x, e.right[i]!]);
    case 'minus':
    case 'over':
      return [e.left, e.right];
    case 'power':
      return [e.base];
    case 'max':
      return e.of;
    default:
      return [e.of];
  }
}

/** The cells a formula reads, each once, in the order of reading. */
export function inputsOf(e: Expr): Cell[] {
  const found = new Map<string, Cell>();
  visit(e, (cell) => found.set(cellKey(cell), cell));
  return [...found.values()];
}

/** Whether a formula reads a cell. */
export function reads(e: Expr, cell: Cell): boolean {
  let found = false;
  visit(e, (input) => {
    found ||= isSame(input, cell);
  });
  return found;
}

function visit(e: Expr, see: (cell: Cell) => void): void {
  const seen = new Set<Expr>(); // a part may stand in several places
  const go = (part: Expr) => {
    if (part.op === 'cell') return see(part.cell);
    if (part.op === 'number' || seen.has(part)) return;
    seen.add(part);
    parts(part).forEach(go);
  };
  go(e);
}

function isSame(a: Cell, b: Cell): boolean {
  return (
    a.row === b.row &&
    a.column === b.column &&
    a.head === b.head &&
    a.kind === b.kind &&
    a.name === b.name &&
    !a.next === !b.next
  );
}

/** A text that is the same for the same cell only. */
export function cellKey({ kind, name, head, row, column, next }: Cell): string {
  return `${kind} ${name} ${head} ${row} ${column}${next ? ' next' : ''}`;
}

/** Four decimals, or two of a number too small or too large for them; a true minus sign. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'not a number' : value > 0 ? '∞' : '−∞';
  const size = Math.abs(value);
  const small = value !== 0 && (size < 1e-3 || size >= 1e5);
  const digits = Number.isInteger(value) && size < 1e5 ? String(size) : size.toFixed(4);
  return (value < 0 ? '−' : '') + (small ? exponential(size) : digits);
}

function exponential(size: number): string {
  const [digits, exponent] = size.toExponential(2).split('e');
  return `${digits}·10${superscript(Number(exponent))}`;
}

function superscript(value: number): string {
  return Array.from(String(value), (c) => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(c)])).join('');
}

/** The formula on one line. */
export function render(e: Expr, how: Rendering = {}): string {
  return segments(e, how)
    .map((segment) => segment.text)
    .join('');
}

/** The formula as pieces of text, its cells apart so that each can be pointed at. */
export function segments(e: Expr, how: Rendering = {}): Segment[] {
  return write(e, how, 0);
}

/** How tightly an operation binds: what is looser inside what is tighter needs parentheses. */
const SUM = 1;
const PRODUCT = 2;
const POWER = 3;

function write(e: Expr, how: Rendering, binding: number): Segment[] {
  const format = how.format ?? formatNumber;
  const text = (piece: string): Segment[] => [{ text: piece }];
  const wrap = (own: number, inner: Segment[]) =>
    own < binding ? [...text('('), ...inner, ...text(')')] : inner;
  const called = (name: string, of: Expr) => [
    ...text(`${name}(`),
    ...write(of, how, 0),
    ...text(')'),
  ];
  switch (e.op) {
    case 'number': {
      const shown = how.name && e.symbol ? e.symbol : format(e.value);
      const piece = [{ text: shown, note: e.note }];
      return shown.startsWith('−') ? wrap(0, piece) : piece;
    }
    case 'cell': {
      const shown = how.name ? how.name(e.cell) : format(e.value);
      const piece = [{ text: shown, cell: e.cell }];
      return shown.startsWith('−') ? wrap(0, piece) : piece;
    }
    case 'sum':
      return wrap(
        SUM,
        join(e.terms, ' + ', how, (term) => write(term, how, SUM)),
      );
    case 'product':
      return wrap(
        PRODUCT,
        join(e.factors, ' · ', {}, (factor) => write(factor, how, PRODUCT)),
      );
    case 'dot': {
      if (!e.left.length) return text('0');
      const term = (x: Expr, i: number) => [
        ...write(x, how, PRODUCT),
        ...text(' · '),
        ...write(e.right[i]!, how, PRODUCT),
      ];
      return wrap(e.left.length > 1 ? SUM : PRODUCT, join(e.left, ' + ', how, term));
    }
    case 'minus':
      return wrap(SUM, [
        ...write(e.left, how, SUM),
        ...text(' − '),
        ...write(e.right, how, PRODUCT),
      ]);
    case 'over':
      return wrap(PRODUCT, [
        ...write(e.left, how, PRODUCT),
        ...text(' / '),
        ...write(e.right, how, POWER),
      ]);
    case 'power':
      return [...write(e.base, how, POWER + 1), ...text(exponentText(e.exponent))];
    case 'max':
      return [...text('max('), ...join(e.of, ', ', how, (x) => write(x, how, 0)), ...text(')')];
    case 'negative':
      return wrap(0, [...text('−'), ...write(e.of, how, POWER)]);
    case 'sqrt':
      return called('√', e.of);
    default:
      return called(e.op, e.of);
  }
}

function exponentText(exponent: number): string {
  if (exponent === -0.5) return '^(−½)';
  return Number.isInteger(exponent) ? superscript(exponent) : `^(${formatNumber(exponent)})`;
}

function join(
  list: readonly Expr[],
  between: string,
  { maxTerms = Number.POSITIVE_INFINITY }: Rendering,
  one: (e: Expr, i: number) => Segment[],
): Segment[] {
  const cut = list.length > maxTerms;
  const shown = cut ? list.slice(0, maxTerms - 1) : list;
  const out = shown.flatMap((e, i) => (i ? [{ text: between }, ...one(e, i)] : one(e, i)));
  if (cut) {
    const last = list.length - 1;
    const more = `${between}…${between}`;
    out.push({ text: more, note: `${list.length} terms` }, ...one(list[last]!, last));
  }
  return out;
}
