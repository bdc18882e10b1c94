import { describe, expect, test } from 'vitest';
import { linesOf, VALUE } from '../src/chapters/autograd/code.ts';
import { beside, layout, NODE } from '../src/chapters/autograd/layout.ts';
import { modelGraph } from '../src/chapters/autograd/modelGraph.ts';
import { build, ExpressionError, MAX_NODES, parse } from '../src/chapters/autograd/parse.ts';
import { PRESETS } from '../src/chapters/autograd/presets.ts';
import { nudges, type Rule, run, trouble } from '../src/chapters/autograd/steps.ts';
import { brief, compact, formula, number, numbers, say } from '../src/chapters/autograd/words.ts';
import { modelConfigFrom } from '../src/engine/config.ts';
import { lossOf } from '../src/engine/model.ts';
import { Params } from '../src/engine/params.ts';
import { vectors } from './conformance.ts';

const LEAVES: Record<string, number> = { a: 2, b: -3, c: 10, d: 0.5 };

function worth(text: string): number {
  return build(parse(text), (name) => LEAVES[name] ?? 1).result.data;
}

/** Gradients after the last frame, by name. */
function grads(text: string, rule: Rule, values = LEAVES): Record<string, number | null> {
  const { built, frames } = run(parse(text), values, rule);
  return Object.fromEntries(built.nodes.map(({ label }, i) => [label, frames.at(-1)!.grads[i]!]));
}

describe('the parser', () => {
  test.each([
    ['a*b + c', 4],
    ['(a*b + c).relu()', 4],
    ['relu(a*b - c)', 0],
    ['-a**2', -4],
    ['a**-1', 0.5],
    ['a**3**2 * 0 + a', 2],
    ['2**3 * a', 16],
    ['1 - a', -1],
    ['1 / a', 0.5],
    ['c / b / a', 10 / -3 / 2],
    ['c - b - a', 11],
    ['- -a', 2],
    ['a · b − 1.5e1', -21],
    ['log(exp(a))', 2],
    ['a.exp().log() + .5', 2.5],
    ['x1 = a*b; y = x1 + c;', 4],
    ['b = a; b + b', 4],
  ])('%s', (text, value) => {
    expect(worth(text)).toBeCloseTo(value, 12);
  });

  test('makes the nodes that Python makes, in its order', () => {
    const { nodes } = build(parse('y = exp(b); x = exp(a); p = x - x / y'), () => 1);
    expect(nodes.map(({ label }) => label)).toEqual(['b', 'a', 'y', 'x', 'v1', 'v2', 'v3', 'p']);
    expect(nodes.slice(2).map(formula)).toEqual([
      'exp(b)',
      'exp(a)',
      'y ** (−1)',
      'x * v1',
      'v2 * (−1)',
      'x + v3',
    ]);
  });

  test.each([
    ['', 'Write an expression, such as a*b + c.'],
    [' ; ', 'Write an expression, such as a*b + c.'],
    ['a +', 'Something is missing after “+”.'],
    ['* a', 'Something is missing before “*”.'],
    ['(a + b', 'A bracket is not closed.'],
    ['a + b)', '“)” closes no bracket.'],
    ['()', 'Something is missing after “(”.'],
    ['2a', 'An operator is missing between “2” and “a”.'],
    ['a (b)', '“a” is not a function here. The functions are exp, log and relu.'],
    ['a^2', 'A power is written with **, as in a**2.'],
    ['a $ b', '“$” has no meaning in an expression.'],
    ['sin(a)', '“sin” is not a function here. The functions are exp, log and relu.'],
    ['exp + a', '“exp” needs something to work on: exp(a).'],
    ['a.relu', 'A method is called with empty brackets: .relu().'],
    [
      'foo + a',
      '“foo” has no value. Leaves are the letters a to z; other names are assigned first.',
    ],
    ['a**b', 'The exponent after ** must be a number.'],
    ['a = a + 1', '“a” is used in its own definition; use another name.'],
    ['b = a; b = a + 1', '“b” already has a value; use another name.'],
    ['a + b = c', '“=” comes after a single name, at the start of a statement.'],
    ['a / 0', 'Nothing can be divided by 0.'],
    ['1 + 2', 'This is a plain number: use at least one letter.'],
    ['relu = a', '“relu” is a function, not a name.'],
    ['a+b+c+d+f+g+h+i+j', 'At most 8 leaves; these are 9: a, b, c, d, f, g, h, i, j.'],
    ['a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a', 'At most 20 nodes; this makes 26.'],
    [`${'('.repeat(60)}a${')'.repeat(60)}`, 'The brackets are nested too deep.'],
  ])('refuses %j in one line', (text, message) => {
    expect(() => parse(text)).toThrow(new ExpressionError(message));
  });

  test('says one line about anything at all', () => {
    const parts = ['a', 'b', '2', '+', '-', '*', '**', '/', '(', ')', 'exp', '.relu()', ';', '='];
    let seed = 7;
    const next = (n: number) => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * n);
    };
    for (let i = 0; i < 3000; i++) {
      const text = Array.from({ length: 1 + next(9) }, () => parts[next(parts.length)]).join(' ');
      try {
        parse(text);
      } catch (error) {
        expect(error, text).toBeInstanceOf(ExpressionError);
        expect((error as Error).message, text).toMatch(/^[^\n]+[.)]$/);
        expect((error as Error).message, text).not.toContain('undefined');
      }
    }
  });
});

describe('the layout', () => {
  const many = [
    ...PRESETS.map(({ text }) => text),
    'a',
    '(a+b)*(c+d)*(a*d) + a*b*c*d',
    'x = a*b; y = x*c; z = y*d; a*z + b*y + c*x + x*y*z',
    'relu(a*b+c*d+f*g+h) + a',
  ];
  test.each(many)('%s: boxes apart, lines from box to box', (text) => {
    const { built, edges } = run(parse(text), {});
    const { nodes, lines, width, height } = layout(built.nodes.length, edges);
    expect(built.nodes.length).toBeLessThanOrEqual(MAX_NODES);
    nodes.forEach((a, i) => {
      expect(Math.min(a.x, a.y)).toBeGreaterThanOrEqual(0);
      expect(a.x + NODE.width).toBeLessThanOrEqual(width);
      expect(a.y + NODE.height).toBeLessThanOrEqual(height + 1);
      for (const b of nodes.slice(i + 1)) {
        const apart = Math.abs(a.x - b.x) >= NODE.width || Math.abs(a.y - b.y) >= NODE.height;
        expect(apart, `${JSON.stringify(a)} ${JSON.stringify(b)}`).toBe(true);
      }
    });
    edges.forEach(({ from, to }, i) => {
      const [first, last] = [lines[i]![0]!, lines[i]!.at(-1)!];
      expect(first[0]).toBe(nodes[from]!.x + NODE.width);
      expect(last[0]).toBe(nodes[to]!.x);
      for (const [[, y], node] of [
        [first, nodes[from]!],
        [last, nodes[to]!],
      ] as const) {
        expect(y).toBeGreaterThan(node.y);
        expect(y).toBeLessThan(node.y + NODE.height);
      }
      for (const [x, y] of beside(lines[i]!, 4)) expect(Number.isFinite(x + y)).toBe(true);
    });
  });
});

describe('backward', () => {
  test.each(PRESETS.map((preset) => [preset.title, preset] as const))(
    '%s: right gradients agree with the nudges',
    (_, { text, leaves }) => {
      const program = parse(text);
      const right = run(program, leaves);
      expect(trouble(right.built)).toBe('');
      const rows = nudges(program, leaves, right);
      expect(rows.map(({ leaf }) => leaf)).toEqual(program.leaves);
      for (const row of rows) expect(row, row.leaf).toMatchObject({ agrees: true });
    },
  );

  test('frames end where Value.backward ends, and their pushes are what it adds', () => {
    for (const { text, leaves } of PRESETS) {
      const program = parse(text);
      const { built, frames } = run(program, leaves);
      const whole = build(program, (name) => leaves[name]!);
      whole.result.backward();
      expect(frames.at(-1)!.grads).toEqual(whole.nodes.map(({ grad }) => grad));
      expect(built.nodes.map(({ grad }) => grad)).toEqual(whole.nodes.map(({ grad }) => grad));
    }
  });

  test('b = a + a, c = b + b: 4, and what mistakes make of it', () => {
    const text = 'b = a + a; c = b + b';
    expect(grads(text, 'order')).toEqual({ a: 4, b: 2, c: 1 });
    expect(grads(text, 'recursion')).toMatchObject({ a: 8 });
    expect(grads(text, 'assign')).toMatchObject({ a: 1 });
    expect(grads(text, 'twice')).toEqual({ a: 8, b: 2, c: 1 });
  });

  test('the nudges find every mistake of the presets', () => {
    for (const { text, leaves, rule, title } of PRESETS) {
      const program = parse(text);
      const all = nudges(program, leaves, run(program, leaves, rule)).every((row) => row.agrees);
      expect(all, title).toBe(rule === 'order');
    }
  });

  test('recursion that would go on almost for ever is stopped', () => {
    const doubling = 'b=a+a; c=b+b; d=c+c; f=d+d; g=f+f; h=g+g; i=h+h; i+i';
    expect(run(parse(doubling), LEAVES, 'recursion').cut).toBe(true);
    expect(run(parse('a*b + c'), LEAVES, 'recursion').cut).toBe(false);
  });

  test('a single leaf', () => {
    expect(grads('a', 'order')).toEqual({ a: 1 });
    expect(grads('a', 'twice')).toEqual({ a: 2 });
  });

  test('each step in words', () => {
    const shown = run(parse('relu(a*b + c)'), LEAVES);
    expect(shown.frames.map((frame) => say(shown, frame).lines)).toEqual([
      ['The leaves have their numbers. Everything else will be computed.'],
      ['v1 = a * b = 2 · (−3) = −6'],
      ['v2 = v1 + c = −6 + 10 = 4'],
      ['out = relu(v2) = relu(4) = 4'],
      ['out.grad += 1: 0 + 1 = 1'],
      ['v2.grad += local · out.grad: 0 + 1 · 1 = 1'],
      ['v1.grad += local · v2.grad: 0 + 1 · 1 = 1', 'c.grad += local · v2.grad: 0 + 1 · 1 = 1'],
      ['a.grad += local · v1.grad: 0 + (−3) · 1 = −3', 'b.grad += local · v1.grad: 0 + 2 · 1 = 2'],
    ]);
    const lost = run(parse('a*b + a'), LEAVES, 'assign');
    expect(say(lost, lost.frames.at(-1)!).lines[0]).toBe(
      'a.grad = local · v1.grad: (−3) · 1 = −3, 1 is lost',
    );
    expect(numbers(build(parse('a**-2'), () => -2).result)).toBe('(−2) ** (−2)');
    expect([0.12345, -12.345, 1e-9, 123456.7, 7, 0.5, -0.00977].map(brief)).toEqual([
      '0.123',
      '−12.3',
      '1e−9',
      '1e5',
      '7',
      '0.5',
      '−0.0098',
    ]);
    for (const x of [-12345.6789, -0.098765, -1 / 3, 99999.4, -1e-12, Number.NaN, 5e20]) {
      expect([...compact(x)].length).toBeLessThanOrEqual(7);
      expect([...brief(x)].length).toBeLessThanOrEqual(7);
    }
    expect([1.5, 1 / 3, 2.00000001].map(number)).toEqual(['1.5', '0.3333', '2.0000']);
  });

  test('each step has its lines in class Value', () => {
    for (const { text, leaves, rule } of PRESETS) {
      const shown = run(parse(text), leaves, rule);
      for (const frame of shown.frames) {
        for (const { first, last } of linesOf(shown, frame)) {
          expect(first).toBeGreaterThanOrEqual(VALUE.first);
          expect(last).toBeLessThanOrEqual(VALUE.last);
          expect(last).toBeGreaterThanOrEqual(first);
        }
      }
    }
  });

  test('where the numbers end', () => {
    const said = (text: string) => trouble(run(parse(text), LEAVES).built);
    expect(said('log(b)')).toBe('The logarithm of a negative number does not exist: out.');
    expect(said('y = (a - 2)**-1; y * 2')).toBe('Nothing can be divided by 0: y.');
    expect(said('b**0.5')).toBe('A root of a negative number is not a real number: out.');
    expect(said('exp(exp(c))')).toBe('out is too large.');
    expect(said('a*b')).toBe('');
  });
});

describe('the graph of a document', () => {
  const tiny = vectors('tiny_model');
  const config = modelConfigFrom(tiny.model);
  const params = new Params(
    config,
    Float64Array.from(Object.values(tiny.params as Record<string, number[][]>).flat(2)),
  );

  test('has the loss and the gradients of the engine', () => {
    for (const pass of tiny.passes) {
      const graph = modelGraph(params, pass.document);
      expect(graph.loss.data).toBeCloseTo(lossOf(params, pass.document), 12);
      expect(graph.loss.data).toBeCloseTo(pass.loss, 12);
      const counted = graph.operations.reduce((sum, { n }) => sum + n, 0);
      expect(counted).toBe(graph.computed);
      expect(graph.parameters).toBeLessThanOrEqual(params.data.length);
    }
  });
});
