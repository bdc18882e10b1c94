import type { Cell } from '../engine/expression.ts';
import { signed } from './format.ts';
import { Num, useCell } from './Num.tsx';

/** A change of a loss; worse is red and says so by its sign. */
export function Delta(
  props: { places?: number } & (
    | { cell: Cell; value?: undefined }
    | { cell?: undefined; value: number }
  ),
) {
  const { cell, value, places = 4 } = props;
  if (cell) return <CellDelta cell={cell} places={places} />;
  return <b className={colour(value)}>{signed(value, places)}</b>;
}

function CellDelta({ cell, places }: { cell: Cell; places: number }) {
  const { value } = useCell(cell);
  const write = (x: number) => signed(x, places);
  return <Num cell={cell} write={write} className={`font-bold ${colour(value ?? 0)}`} />;
}

function colour(value: number): string {
  return value > 0 ? 'text-red' : 'text-blue';
}
