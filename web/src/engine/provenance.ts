/**
 * All there is to say about one number: what it was computed from, what reads it, and how the loss
 * feels it. Behind the inspector, the highlights and the text that screen readers speak.
 */

import { consumersOf } from './consumers.ts';
import { type Cell, type Expr, inputsOf } from './expression.ts';
import { lossOf } from './model.ts';
import { exprOf } from './rules.ts';
import { cellValue, type Scene } from './scene.ts';

export interface Explanation {
  readonly cell: Cell;
  readonly value: number;
  /** Null for a number that was learned or given, not computed here. */
  readonly expr: Expr | null;
  /** What the formula reads. */
  readonly inputs: readonly Cell[];
  /** What reads it. */
  readonly consumers: readonly Cell[];
}

/** Throws RangeError for a cell that the scene does not have. */
export function explain(scene: Scene, cell: Cell): Explanation {
  const expr = exprOf(scene, cell);
  const value = cellValue(scene, cell);
  const inputs = expr ? inputsOf(expr) : [];
  return { cell, value, expr, inputs, consumers: consumersOf(scene, cell) };
}

/** The loss when one number is moved a little up and down, and the slope that follows. */
export interface Nudge {
  readonly distance: number;
  readonly lossUp: number;
  readonly lossDown: number;
  /** (lossUp - lossDown) / (2 distance): what the gradient must be. */
  readonly slope: number;
  readonly gradient: number;
}

/** Check the gradient of a number of the forward pass, or of a parameter, by moving it. */
export function nudge(scene: Scene, cell: Cell, distance = 1e-5): Nudge {
  const { trace } = scene;
  const { kind, name, row, column, head } = cell;
  if (kind !== 'value' && kind !== 'param') throw new RangeError(`a ${kind} cannot be nudged`);
  const { interventions } = trace;
  const value = cellValue(scene, cell);
  const run = (moved: number): number => {
    if (kind === 'value') {
      if (name === 'mean_loss') return moved;
      const kept = interventions.overrides?.filter((o) => !isSame(o, cell)) ?? [];
      const set = [...kept, { name, row, column, head, value: moved }];
      return lossOf(trace.params, trace.document, { ...interventions, overrides: set });
    }
    const params = trace.params.copy();
    params.data[params.index(name, row, column)] = moved;
    return lossOf(params, trace.document, interventions);
  };
  const gradientKind = kind === 'value' ? 'grad' : 'param_grad';
  const gradient = cellValue(scene, { ...cell, kind: gradientKind });
  const lossUp = run(value + distance);
  const lossDown = run(value - distance);
  return { distance, lossUp, lossDown, slope: (lossUp - lossDown) / (2 * distance), gradient };
}

function isSame(
  o: { name: string; row: number; column: number; head?: number },
  cell: Cell,
): boolean {
  const head = o.head ?? 0;
  return (
    o.name === cell.name && o.row === cell.row && o.column === cell.column && head === cell.head
  );
}

/** A cell as people write it: `layer0.q[3][5]`, `d layer0.q[3][5]`, `wte[4][7]`. */
export function label({ kind, name, row, column, head, next }: Cell): string {
  if (kind === 'derived') return name;
  if (name === 'mean_loss') return kind === 'grad' ? 'd mean_loss' : 'mean_loss';
  const place = name.endsWith('attn_scores') || name.endsWith('attn_weights') ? `[${head}]` : '';
  const at = `${name}${place}[${row}]` + (name === 'loss' ? '' : `[${column}]`);
  switch (kind) {
    case 'value':
    case 'param':
      return at;
    case 'grad':
    case 'param_grad':
      return `d ${at}`;
    default:
      return `${kind} of ${at}${next ? ', next step' : ''}`;
  }
}
