import { Children, type ReactNode } from 'react';
import { useGrowing } from './growing.ts';

/** Its children, drawn one after the other: the first few at once, the others a task each. */
export function Gradually({ first = 3, children }: { first?: number; children: ReactNode }) {
  const list = Children.toArray(children);
  return list.slice(0, useGrowing(list.length, first, 1));
}
