/** The score of any pair of positions, also of one that the model does not compute. */

import { headDim } from '../../engine/config.ts';
import { dotOf, productOf } from '../../engine/derived.ts';
import type { Cell } from '../../engine/expression.ts';
import type { Trace } from '../../engine/model.ts';
import { number } from '../../engine/scene.ts';

/** q of one position times k of another or, as if wk were wq, times the q of the other. */
export function pairScore(
  { config, plan }: Trace,
  where: { readonly layer: number; readonly head: number },
  from: number,
  to: number,
  key: 'k' | 'q' = 'k',
): Cell {
  const { layer, head } = where;
  const dim = headDim(config);
  const part = (name: 'q' | 'k', row: number) =>
    Array.from({ length: dim }, (_, j): Cell => {
      return { kind: 'value', name: `layer${layer}.${name}`, row, column: head * dim + j, head: 0 };
    });
  const name = `score of positions ${from} and ${to}, layer ${layer}, head ${head}${key === 'q' ? ', wk = wq' : ''}`;
  const dot = dotOf(`${name}, before it is scaled`, part('q', from), part(key, to));
  const scale = number(plan.scaling ? 1 / Math.sqrt(dim) : 1, 'for the width of a head', '1/√d');
  return productOf(name, [dot, scale]);
}
