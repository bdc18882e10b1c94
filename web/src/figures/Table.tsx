import type { ReactNode } from 'react';
import { Scroll } from './Scroll.tsx';

export interface Column {
  readonly head: ReactNode;
  /** Numbers stand at the right, words at the left. */
  readonly words?: boolean;
  /** Whether the head is only spoken. */
  readonly spoken?: boolean;
  readonly className?: string;
}

export interface Line {
  readonly key: string | number;
  readonly head: ReactNode;
  /** One for each column but the first. */
  readonly cells: readonly ReactNode[];
  /** Lit, as the line that is meant; or in bold, as the one that counts. */
  readonly look?: 'lit' | 'bold' | undefined;
}

/**
 * A table for reading: a name for each line at the left, numbers that line up, and room between
 * columns however narrow the screen is. Where it needs a least width it scrolls by itself.
 */
export function Table(props: {
  name: string;
  /** The first one is that of the names. */
  columns: readonly [Column, ...Column[]];
  lines: readonly Line[];
  caption?: ReactNode;
  /** A class such as `min-w-[30rem]`. */
  least?: string;
  className?: string;
}) {
  const { name, columns, lines, caption, least } = props;
  const [first, ...rest] = columns;
  const table = (
    <table
      className={`w-full text-sm ${least ?? ''} ${props.className ?? ''}`}
      aria-label={caption ? undefined : name}
    >
      {caption && <caption className="caption pb-1 text-left">{caption}</caption>}
      <thead>
        <tr className="border-b-2 border-line align-bottom">
          <Head {...first} words at={0} />
          {rest.map((column, i) => (
            <Head key={i} {...column} at={i + 1} />
          ))}
        </tr>
      </thead>
      <tbody>
        {lines.map(({ key, head, cells, look }) => (
          <tr key={key} className={`border-b border-hair align-top ${look ? LOOKS[look] : ''}`}>
            <th
              scope="row"
              className={`py-1 text-left [overflow-wrap:normal] ${look === 'lit' ? 'pl-1' : ''} ${look === 'bold' ? 'font-bold' : 'font-medium'} ${first.className ?? ''}`}
            >
              {head}
            </th>
            {cells.map((cell, i) => (
              <td
                key={i}
                className={`py-1 pl-3 ${rest[i]?.words ? 'text-left' : 'text-right font-mono'} ${rest[i]?.className ?? ''}`}
              >
                {cell}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
  return least ? <Scroll name={name}>{table}</Scroll> : table;
}

const LOOKS = { lit: 'bg-yellow text-[#121212]', bold: 'font-bold' } as const;

function Head({ head, words, spoken, at }: Column & { at: number }) {
  return (
    <th
      scope="col"
      className={`font-semibold ${at ? 'pl-3' : ''} ${words ? 'text-left' : 'text-right'}`}
    >
      {spoken ? <span className="sr-only">{head}</span> : head}
    </th>
  );
}
