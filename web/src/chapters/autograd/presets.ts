/** Expressions to begin with. */

import type { Rule } from './steps.ts';

export interface Preset {
  readonly name: string;
  readonly title: string;
  readonly text: string;
  readonly leaves: Readonly<Record<string, number>>;
  readonly rule: Rule;
  /** What to look at. */
  readonly remark: string;
}

export const PRESETS: readonly Preset[] = [
  {
    name: 'product',
    title: 'product and sum',
    text: 'relu(a*b + c)',
    leaves: { a: 2, b: -3, c: 10 },
    rule: 'order',
    remark:
      'A sum passes its gradient on unchanged. A product swaps the factors: the gradient of a is b, that of b is a.',
  },
  {
    name: 'used twice',
    title: 'used twice',
    text: 'b = a + a; c = b + b',
    leaves: { a: 1.5 },
    rule: 'order',
    remark:
      'Four paths lead from a to c, each with the factor 1 · 1. The gradient of a adds them up.',
  },
  {
    name: 'no order',
    title: 'without the order',
    text: 'b = a + a; c = b + b',
    leaves: { a: 1.5 },
    rule: 'recursion',
    remark:
      'Plain recursion visits b twice, once for each use. Both times b passes on its whole gradient, so it is counted twice.',
  },
  {
    name: 'assign',
    title: '= for +=',
    text: 'a*b + a',
    leaves: { a: 2, b: 3 },
    rule: 'assign',
    remark:
      'a is used twice: in the product and in the sum. With = the second gradient overwrites the first.',
  },
  {
    name: 'not zeroed',
    title: 'not zeroed',
    text: 'a*b + c',
    leaves: { a: 2, b: -3, c: 1 },
    rule: 'twice',
    remark:
      'Two passes without resetting the gradients of the leaves to 0: every one of them is doubled. Inner nodes need no reset, because each pass makes new ones.',
  },
  {
    name: 'neuron',
    title: 'a neuron',
    text: 'relu(w*x + v*y + b)',
    leaves: { w: 0.5, x: 2, v: -1, y: 0.4, b: 0.2 },
    rule: 'order',
    remark:
      'Two inputs x and y, two weights w and v, a bias b. Drag b down until the sum is negative: relu closes, and no gradient comes through.',
  },
  {
    name: 'softmax',
    title: 'softmax and loss',
    text: 'x = exp(a); y = exp(b); p = x / (x + y); loss = -log(p)',
    leaves: { a: 1, b: 2 },
    rule: 'order',
    remark:
      'Two scores, a for the right answer. The gradient of a is p − 1 and that of b is 1 − p: push the right score up and the other down, more strongly the more confident the mistake.',
  },
];
