import { expect, test } from 'vitest';
import { dot, linear, rmsnorm, softmax, Value } from '../src/engine/value.ts';

test('the order of nodes, and gradients that come by two ways', () => {
  const a = new Value(2);
  const b = a.add(a);
  const c = b.add(b);
  expect(c.order()).toEqual([b, c]);
  expect(c.nodes()).toEqual([a, b, c]);
  const steps = c.backwardSteps();
  expect(steps.next().value).toBe(c);
  expect([a.grad, b.grad]).toEqual([0, 2]);
  expect(steps.next().value).toBe(b);
  expect(a.grad).toBe(4);
  expect(steps.next().done).toBe(true);
});

test('every operation against finite differences', () => {
  const build = (x: number, y: number): [Value, Value, Value] => {
    const a = new Value(x);
    const b = new Value(y);
    const logits = linear(rmsnorm([a, b, a.mul(b)]), [
      [b, a, b.exp()],
      [a.relu(), b.neg(), a.sub(b)],
    ]);
    const probs = softmax([...logits, a.div(b), dot([a, b], [b, b])]);
    const loss = probs[1]!.log().neg().add(a.pow(3).mul(0.1)).sub(0.5).div(2);
    return [loss, a, b];
  };
  const at = (x: number, y: number) => build(x, y)[0].data;
  for (const [x, y] of [
    [0.7, 1.3],
    [1.9, -0.4],
    [-0.8, 0.6],
  ] as const) {
    const [loss, a, b] = build(x, y);
    loss.backward();
    const h = 1e-6;
    expect(a.grad).toBeCloseTo((at(x + h, y) - at(x - h, y)) / (2 * h), 6);
    expect(b.grad).toBeCloseTo((at(x, y + h) - at(x, y - h)) / (2 * h), 6);
  }
});

test('a deep graph needs no recursion, and log 0 is the limit', () => {
  let x = new Value(1);
  const leaf = x;
  for (let i = 0; i < 200_000; i++) x = x.add(0.5);
  x.backward();
  expect(leaf.grad).toBe(1);
  expect(new Value(0).log()).toMatchObject({ data: Number.NEGATIVE_INFINITY, op: 'log' });
  expect(new Value(-1).relu().localGrads).toEqual([0]);
});

test('nodes are made as in Python: a difference is a product and a sum', () => {
  const a = new Value(3);
  const b = new Value(4);
  const ops = (v: Value) => v.order().map((node) => node.op);
  expect(ops(a.sub(b))).toEqual(['*', '+']);
  expect(ops(a.div(b))).toEqual(['**', '*']);
  expect(a.div(2)).toMatchObject({ op: '*', constant: 0.5 });
  expect(ops(dot([a, b], [a, b]))).toEqual(['dot']);
});
