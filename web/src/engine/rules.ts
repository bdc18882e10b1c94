/** The formula of every cell: a file of rules for each kind, and no other place that knows them. */

import type { Cell, Expr } from './expression.ts';
import { gradientExpr, paramGradientExpr } from './ruleGradient.ts';
import { updateExpr } from './ruleUpdate.ts';
import { valueExpr } from './ruleValue.ts';
import { Builder, type Scene } from './scene.ts';

/** Null where a number was learned or given, not computed here. */
export function exprOf(scene: Scene, cell: Cell): Expr | null {
  const b = new Builder(scene);
  switch (cell.kind) {
    case 'value':
      return valueExpr(b, cell);
    case 'grad':
      return gradientExpr(b, cell);
    case 'param_grad':
      return paramGradientExpr(b, cell);
    case 'param':
    case 'initial':
      return null;
    case 'change':
      return {
        op: 'minus',
        left: b.cell({ ...cell, kind: 'param' }),
        right: b.cell({ ...cell, kind: 'initial' }),
      };
    case 'derived':
      return cell.rule?.expr((read) => b.cell(read)) ?? null;
    default:
      return updateExpr(b, cell.kind, cell);
  }
}
