/** Which cells the hovered or the selected number was computed from: what lights up with it. */

import { useMemo } from 'react';
import { cellKey, inputsOf } from '../engine/expression.ts';
import { exprOf } from '../engine/rules.ts';
import { useExplorer } from './use.ts';

const NONE: ReadonlySet<string> = new Set();

/** Keys of the inputs, by `cellKey`. */
export function useSources(): ReadonlySet<string> {
  const hovered = useExplorer((s) => s.hovered);
  const selected = useExplorer((s) => s.selected);
  // Only where it matters: otherwise every grid would be drawn anew at each step.
  const trace = useExplorer((s) => (s.hovered || s.selected ? s.trace : null));
  const cell = hovered ?? selected;
  return useMemo(() => {
    if (!cell || !trace) return NONE;
    try {
      const expr = exprOf({ trace }, cell);
      return expr ? new Set(inputsOf(expr).map(cellKey)) : NONE;
    } catch (error) {
      if (error instanceof RangeError) return NONE; // a cell of a document that is no longer there
      throw error;
    }
  }, [cell, trace]);
}
