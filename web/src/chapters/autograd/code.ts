/** Which lines of reference.py are at work in a step. */

import { definition, line, type Span } from '../../figures/source.ts';
import type { Frame, Run } from './steps.ts';

export const VALUE = definition('class Value');

const FORWARD: Readonly<Record<string, Span>> = {
  '+': definition('def __add__'),
  '*': definition('def __mul__'),
  '**': definition('def __pow__'),
  exp: definition('def exp('),
  log: definition('def log('),
  relu: definition('def relu('),
};
const INIT: Span = {
  first: line('class Value', 'def __init__').first,
  last: line('class Value', 'self.inputs, self.local_grads').last,
};
const SEED = line('class Value', 'self.grad += 1.0');
const ADD = line('class Value', 'value.grad += local_grad * grad');
const HAND_ON: Span = { first: line('class Value', 'in reversed(order)').first, last: ADD.last };
/** What plain recursion leaves out. */
const ORDER: Span = {
  first: line('class Value', 'order: list[Value]').first,
  last: line('class Value', 'stack.pop()').last,
};

export function linesOf(run: Run, frame: Frame): readonly Span[] {
  switch (frame.kind) {
    case 'start':
    case 'again':
      return [INIT];
    case 'forward':
      return [FORWARD[run.built.nodes[frame.node]!.op]!];
    case 'seed':
      return [SEED];
    case 'backward':
      return run.rule === 'recursion' ? [ORDER] : run.rule === 'assign' ? [ADD] : [HAND_ON];
  }
}
