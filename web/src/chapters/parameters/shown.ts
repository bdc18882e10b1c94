/** What the pictures of all parameters show: one kind of cell, and the numbers of that kind. */

import type { Cell } from '../../engine/expression.ts';
import type { Params } from '../../engine/params.ts';
import { type Scene, type TensorKind, tensorsOf } from '../../engine/scene.ts';

export const QUANTITIES = ['value', 'gradient', 'm', 'v', 'change'] as const;
export type Quantity = (typeof QUANTITIES)[number];

export interface Shown {
  /** What the numbers are, in a few words: `value`, `gradient`… */
  readonly title: string;
  readonly kind: TensorKind;
  /** Of the update still to come. */
  readonly next: boolean;
}

export interface Where {
  readonly name: string;
  readonly row: number;
  readonly column: number;
}

/** Before the first step no update has been made: Adam's means are those the first will start from. */
export function shownAt(quantity: Quantity, step: number): Shown {
  const next = step === 0;
  switch (quantity) {
    case 'value':
      return { title: 'value', kind: 'param', next: false };
    case 'gradient':
      return { title: 'gradient', kind: 'param_grad', next: false };
    case 'm':
      return { title: 'Adam m', kind: next ? 'm_before' : 'm', next };
    case 'v':
      return { title: 'Adam v', kind: next ? 'v_before' : 'v', next };
    case 'change':
      return { title: 'change', kind: 'change', next: false };
  }
}

/** The cell at a place of the picture: its number is the one that is painted there. */
export function cellAt({ kind, next }: Shown, { name, row, column }: Where): Cell {
  return { kind, name, row, column, head: 0, next };
}

/** The numbers that are painted; null while they are being worked out. */
export function numbersOf(scene: Scene, { kind, next }: Shown): Params | null {
  try {
    return tensorsOf(scene, kind, next);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
