import { fixed } from './format.ts';

/** A change of a loss; worse is red and says so by its sign. */
export function Delta({ value, places = 4 }: { value: number; places?: number }) {
  return (
    <b className={value > 0 ? 'text-red' : 'text-blue'}>
      {value > 0 ? '+' : ''}
      {fixed(value, places)}
    </b>
  );
}
