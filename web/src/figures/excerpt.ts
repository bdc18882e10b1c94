/** Of a long document only a part around the cursor is drawn: every number is still a few steps away. */

export const MOST_ROWS = 16;

/** The first and the end of the positions to draw. */
export function excerpt(n: number, position: number, most = MOST_ROWS): [from: number, to: number] {
  const from = Math.max(0, Math.min(n - most, position - Math.floor(most / 2)));
  return [from, Math.min(n, from + most)];
}

/** What is said of it; nothing where all are drawn. */
export function excerptNote(n: number, position: number): string {
  const [from, to] = excerpt(n, position);
  return to - from < n ? `positions ${from} to ${to - 1} of ${n}: they follow the cursor` : '';
}
