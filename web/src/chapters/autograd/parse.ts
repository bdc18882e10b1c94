/**
 * A small language for scalar expressions: `b = a*2; relu(b + c)`. Parsed once, built into Values
 * as often as the leaves move; what is built is what Python would build from the same line.
 */

import { exp, log } from '../../engine/elementary.ts';
import { GlassError } from '../../engine/errors.ts';
import { Value } from '../../engine/value.ts';

/** An expression that cannot be read; one line that says why. */
export class ExpressionError extends GlassError {
  override name = 'ExpressionError';
}

export const MAX_LENGTH = 160;
export const MAX_NODES = 20;
export const MAX_LEAVES = 8;
const MAX_DEPTH = 40;

const FUNCTIONS = ['exp', 'log', 'relu'] as const;
type Fn = (typeof FUNCTIONS)[number];
type Operator = '+' | '-' | '*' | '/' | '**';

type Ast =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'call'; readonly fn: Fn; readonly argument: Ast }
  | { readonly kind: 'negative'; readonly argument: Ast }
  | { readonly kind: 'binary'; readonly op: Operator; readonly left: Ast; readonly right: Ast };

interface Statement {
  /** What it is assigned to; null for a bare expression. */
  readonly name: string | null;
  readonly ast: Ast;
}

export interface Program {
  readonly text: string;
  readonly statements: readonly Statement[];
  /** Names of the leaves, in the order in which they appear. */
  readonly leaves: readonly string[];
}

export interface Built {
  readonly result: Value;
  /** The leaves, then what was computed, in the order in which it was made; all have labels. */
  readonly nodes: readonly Value[];
}

interface Token {
  readonly kind: 'number' | 'name' | 'sign' | 'end';
  readonly text: string;
}

const SPELLINGS: Readonly<Record<string, string>> = { '·': '*', '×': '*', '−': '-', '÷': '/' };
const TOKEN =
  /\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z]\w*)|(\*\*|[-+*/().;=]))/y;

function tokens(text: string): Token[] {
  const list: Token[] = [];
  const source = text.replace(/[·×−÷]/g, (char) => SPELLINGS[char]!);
  TOKEN.lastIndex = 0;
  let at = 0;
  while (source.slice(at).trim() !== '') {
    const match = TOKEN.exec(source);
    if (!match) {
      const char = [...source.slice(at).trimStart()][0]!;
      if (char === '^') throw new ExpressionError('A power is written with **, as in a**2.');
      throw new ExpressionError(`“${char}” has no meaning in an expression.`);
    }
    at = TOKEN.lastIndex;
    const [, number, name, sign] = match;
    if (number !== undefined) list.push({ kind: 'number', text: number });
    else if (name !== undefined) list.push({ kind: 'name', text: name });
    else list.push({ kind: 'sign', text: sign! });
  }
  list.push({ kind: 'end', text: '' });
  return list;
}

/** Throws ExpressionError. */
export function parse(text: string): Program {
  if (text.trim() === '') throw new ExpressionError('Write an expression, such as a*b + c.');
  if (text.length > MAX_LENGTH) {
    throw new ExpressionError(`At most ${MAX_LENGTH} characters; these are ${text.length}.`);
  }
  const program = new Parser(tokens(text)).program(text);
  if (program.leaves.length > MAX_LEAVES) {
    throw new ExpressionError(
      `At most ${MAX_LEAVES} leaves; these are ${program.leaves.length}: ${program.leaves.join(', ')}.`,
    );
  }
  const { nodes } = build(program, () => 1);
  if (nodes.length > MAX_NODES) {
    throw new ExpressionError(`At most ${MAX_NODES} nodes; this makes ${nodes.length}.`);
  }
  return program;
}

/** Recursive descent, with the precedences of Python. */
class Parser {
  private readonly tokens: readonly Token[];
  private readonly leaves: string[] = [];
  private readonly assigned = new Set<string>();
  private at = 0;
  private depth = 0;

  constructor(list: readonly Token[]) {
    this.tokens = list;
  }

  program(text: string): Program {
    const statements: Statement[] = [];
    while (this.peek().kind !== 'end') {
      if (this.take(';')) continue;
      statements.push(this.statement());
      const next = this.peek();
      if (next.kind !== 'end' && next.text !== ';') throw this.misplaced();
    }
    if (statements.length === 0) {
      throw new ExpressionError('Write an expression, such as a*b + c.');
    }
    return { text, statements, leaves: this.leaves };
  }

  private statement(): Statement {
    const first = this.peek();
    if (first.kind !== 'name' || this.tokens[this.at + 1]!.text !== '=') {
      return { name: null, ast: this.sum() };
    }
    const name = first.text;
    if (isFunction(name)) throw new ExpressionError(`“${name}” is a function, not a name.`);
    if (this.assigned.has(name) || this.leaves.includes(name)) {
      throw new ExpressionError(`“${name}” already has a value; use another name.`);
    }
    this.at += 2;
    const ast = this.sum();
    if (this.leaves.includes(name)) {
      throw new ExpressionError(`“${name}” is used in its own definition; use another name.`);
    }
    this.assigned.add(name);
    return { name, ast };
  }

  private sum(): Ast {
    if (++this.depth > MAX_DEPTH) throw new ExpressionError('The brackets are nested too deep.');
    let left = this.product();
    for (let op = this.take('+', '-'); op; op = this.take('+', '-')) {
      left = { kind: 'binary', op, left, right: this.product() };
    }
    this.depth--;
    return left;
  }

  private product(): Ast {
    let left = this.signed();
    for (let op = this.take('*', '/'); op; op = this.take('*', '/')) {
      left = { kind: 'binary', op, left, right: this.signed() };
    }
    return left;
  }

  /** A minus binds less than `**`: -a**2 is -(a**2). */
  private signed(): Ast {
    let negative = false;
    for (let op = this.take('+', '-'); op; op = this.take('+', '-')) {
      if (op === '-') negative = !negative;
    }
    const argument = this.power();
    return negative ? { kind: 'negative', argument } : argument;
  }

  private power(): Ast {
    const left = this.postfix();
    if (!this.take('**')) return left;
    if (++this.depth > MAX_DEPTH) throw new ExpressionError('There are too many powers of powers.');
    const right = this.signed();
    this.depth--;
    return { kind: 'binary', op: '**', left, right };
  }

  private postfix(): Ast {
    let value = this.atom();
    while (this.take('.')) {
      const fn = this.function(this.next().text);
      if (!this.take('(') || !this.take(')')) {
        throw new ExpressionError(`A method is called with empty brackets: .${fn}().`);
      }
      value = { kind: 'call', fn, argument: value };
    }
    return value;
  }

  private atom(): Ast {
    const token = this.peek();
    if (token.kind === 'number') {
      this.at++;
      return { kind: 'number', value: Number(token.text) };
    }
    if (token.kind === 'name') {
      this.at++;
      if (this.take('(')) {
        const fn = this.function(token.text);
        return { kind: 'call', fn, argument: this.closed() };
      }
      return this.name(token.text);
    }
    if (this.take('(')) return this.closed();
    throw this.missing();
  }

  /** What stands in brackets, the opening one taken. */
  private closed(): Ast {
    const inner = this.sum();
    if (!this.take(')')) {
      if (this.peek().kind === 'end' || this.peek().text === ';') {
        throw new ExpressionError('A bracket is not closed.');
      }
      throw this.misplaced();
    }
    return inner;
  }

  private name(name: string): Ast {
    if (isFunction(name)) {
      throw new ExpressionError(`“${name}” needs something to work on: ${name}(a).`);
    }
    if (!this.assigned.has(name)) {
      if (!/^[a-z]$/.test(name)) {
        throw new ExpressionError(
          `“${name}” has no value. Leaves are the letters a to z; other names are assigned first.`,
        );
      }
      if (!this.leaves.includes(name)) this.leaves.push(name);
    }
    return { kind: 'name', name };
  }

  private function(name: string): Fn {
    if (isFunction(name)) return name;
    throw new ExpressionError(
      `“${name}” is not a function here. The functions are exp, log and relu.`,
    );
  }

  private missing(): ExpressionError {
    const before = this.at > 0 ? this.tokens[this.at - 1]!.text : '';
    const here = this.peek().text;
    if (here === ')' && before !== '(' && !isSign(before)) return this.misplaced();
    if (!before) return new ExpressionError(`Something is missing before “${here}”.`);
    return new ExpressionError(`Something is missing after “${before}”.`);
  }

  private misplaced(): ExpressionError {
    const { kind, text } = this.peek();
    if (text === ')') return new ExpressionError('“)” closes no bracket.');
    if (text === '=') {
      return new ExpressionError('“=” comes after a single name, at the start of a statement.');
    }
    if (kind === 'sign' && text !== '(') return new ExpressionError(`“${text}” is misplaced.`);
    const before = this.tokens[this.at - 1]!.text;
    return new ExpressionError(`An operator is missing between “${before}” and “${text}”.`);
  }

  private peek(): Token {
    return this.tokens[this.at]!;
  }

  private next(): Token {
    return this.tokens[this.at++]!;
  }

  private take<T extends string>(...texts: T[]): T | null {
    const token = this.peek();
    if (token.kind !== 'sign' || !texts.includes(token.text as T)) return null;
    this.at++;
    return token.text as T;
  }
}

function isFunction(name: string): name is Fn {
  return (FUNCTIONS as readonly string[]).includes(name);
}

function isSign(text: string): boolean {
  return /^[-+*/.=(]/.test(text);
}

/**
 * Compute a program. Leaves may be given as Values, to be used again, or as numbers.
 * Throws ExpressionError for what is not a graph.
 */
export function build(program: Program, leaf: (name: string) => Value | number): Built {
  const names = new Map<string, Value | number>();
  const leaves: Value[] = [];
  for (const name of program.leaves) {
    const given = leaf(name);
    const value = given instanceof Value ? given : new Value(given);
    value.label = name;
    names.set(name, value);
    leaves.push(value);
  }
  const made = new Set<Value>();
  let result: Value | number = 0;
  for (const { name, ast } of program.statements) {
    result = evaluate(ast, names, made);
    if (name === null) continue;
    names.set(name, result);
    if (result instanceof Value && !result.label) result.label = name;
  }
  if (!(result instanceof Value)) {
    throw new ExpressionError('This is a plain number: use at least one letter.');
  }
  const reached = new Set(result.nodes());
  const nodes = [...leaves, ...made].filter((node) => reached.has(node));
  label(nodes, result, names);
  return { result, nodes };
}

/** The last node is `out`, others v1, v2, … unless the reader named them. */
function label(
  nodes: readonly Value[],
  result: Value,
  taken: ReadonlyMap<string, Value | number>,
): void {
  if (!result.label) result.label = taken.has('out') ? 'result' : 'out';
  let count = 0;
  for (const node of nodes) {
    if (node.label) continue;
    do count++;
    while (taken.has(`v${count}`));
    node.label = `v${count}`;
  }
}

function evaluate(
  ast: Ast,
  names: ReadonlyMap<string, Value | number>,
  made: Set<Value>,
): Value | number {
  const of = (part: Ast) => evaluate(part, names, made);
  switch (ast.kind) {
    case 'number':
      return ast.value;
    case 'name':
      return names.get(ast.name)!;
    case 'negative': {
      const value = of(ast.argument);
      return value instanceof Value ? note(value.neg(), made) : -value;
    }
    case 'call': {
      const value = of(ast.argument);
      if (value instanceof Value) return note(value[ast.fn](), made);
      return ast.fn === 'exp' ? exp(value) : ast.fn === 'log' ? log(value) : Math.max(0, value);
    }
    case 'binary': {
      const value = combine(ast.op, of(ast.left), of(ast.right));
      return value instanceof Value ? note(value, made) : value;
    }
  }
}

function combine(op: Operator, left: Value | number, right: Value | number): Value | number {
  if (op === '**') {
    if (right instanceof Value) {
      throw new ExpressionError('The exponent after ** must be a number.');
    }
    return left instanceof Value ? left.pow(right) : left ** right;
  }
  if (op === '/' && right === 0) throw new ExpressionError('Nothing can be divided by 0.');
  if (left instanceof Value) {
    if (op === '+') return left.add(right);
    if (op === '-') return left.sub(right);
    return op === '*' ? left.mul(right) : left.div(right);
  }
  if (right instanceof Value) {
    if (op === '+') return right.add(left);
    if (op === '-') return right.neg().add(left);
    return op === '*' ? right.mul(left) : right.pow(-1).mul(left);
  }
  if (op === '+') return left + right;
  if (op === '-') return left - right;
  return op === '*' ? left * right : left / right;
}

/** A difference and a quotient make two nodes: note what a new node was computed from, then itself. */
function note(value: Value, made: Set<Value>): Value {
  for (const input of value.inputs) {
    if (input.inputs.length && !made.has(input)) note(input, made);
  }
  made.add(value);
  return value;
}
