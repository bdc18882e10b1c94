/** Adam's update as a table: the formula of each of its terms. */

import type { Cell, Expr, UpdateKind } from './expression.ts';
import { type Builder, number } from './scene.ts';

export function updateExpr(b: Builder, kind: UpdateKind, { name, row, column }: Cell): Expr | null {
  const { update } = b.scene;
  if (!update) throw new RangeError('there is no update to explain');
  const { beta1, beta2, eps } = update.adam;
  const of = (term: UpdateKind) => b.cell({ kind: term, name, row, column, head: 0 });
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
    default:
      return null; // what the update began with
  }
}
