/** Adam's update as a table: the formula of each of its terms. */

import type { Cell, Expr, UpdateKind } from './expression.ts';
import { type Builder, number, updateOf } from './scene.ts';

/** Null for what the update began with, unless the one before it is at hand. */
export function updateExpr(b: Builder, kind: UpdateKind, cell: Cell): Expr | null {
  const update = updateOf(b.scene, cell);
  const { beta1, beta2, eps } = update.adam;
  const of = (term: UpdateKind) => b.cell({ ...cell, kind: term });
  const before = (term: UpdateKind): Expr | null =>
    cell.next && b.scene.update?.step === update.step - 1
      ? b.cell({ ...cell, kind: term, next: false })
      : null;
  const product = (...factors: Expr[]): Expr => ({ op: 'product', factors });
  const sum = (...terms: Expr[]): Expr => ({ op: 'sum', terms });
  const over = (left: Expr, right: Expr): Expr => ({ op: 'over', left, right });
  switch (kind) {
    case 'm':
      return sum(
        product(number(beta1, 'how much of the old mean stays', 'β₁'), of('m_before')),
        product(
          number(1 - beta1, 'how much of the new gradient comes in', '(1 − β₁)'),
          of('batch_grad'),
        ),
      );
    case 'v':
      return sum(
        product(number(beta2, 'how much of the old mean stays', 'β₂'), of('v_before')),
        product(
          number(1 - beta2, 'how much of the new square comes in', '(1 − β₂)'),
          of('batch_grad'),
          of('batch_grad'),
        ),
      );
    case 'm_hat':
      return over(
        of('m'),
        number(1 - beta1 ** update.step, 'early means are too small', '(1 − β₁ᵗ)'),
      );
    case 'v_hat':
      return over(
        of('v'),
        number(1 - beta2 ** update.step, 'early means are too small', '(1 − β₂ᵗ)'),
      );
    case 'update':
      return over(
        product(number(update.learningRate, 'learning rate of this step', 'lr'), of('m_hat')),
        sum({ op: 'sqrt', of: of('v_hat') }, number(eps, 'keeps the division finite', 'ε')),
      );
    case 'weight_after':
      return { op: 'minus', left: of('weight_before'), right: of('update') };
    case 'm_before':
    case 'v_before':
      if (update.step === 1) return number(0, 'the running means start at 0');
      return before(kind === 'm_before' ? 'm' : 'v');
    case 'weight_before':
      return before('weight_after');
    case 'batch_grad':
      return null; // of the documents of the step, which are not the one that is shown
  }
}
