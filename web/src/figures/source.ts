/** `reference.py`, taken from the file at build time, and where its parts stand in it. */

import text from '../../../src/glassgpt/reference.py?raw';

export const LINES: readonly string[] = text.trimEnd().split('\n');

/** Lines first to last, counted from 1. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

/**
 * The definition that begins with this text (`def softmax`, `class Tokenizer`), to the end of its
 * indented body. Throws where there is none: the file has changed and a chapter must follow.
 */
export function definition(start: string): Span {
  const index = LINES.findIndex((line) => line.trimStart().startsWith(start));
  if (index < 0) throw new Error(`reference.py has no ${start}`);
  const indent = LINES[index]!.search(/\S/);
  let last = index;
  let header = true; // a definition may be spread over several lines before its body
  for (let i = index + 1; i < LINES.length; i++) {
    const line = LINES[i]!;
    if (line.trim() === '') continue;
    const depth = line.search(/\S/);
    if (depth < indent || (depth === indent && !(header && /^\s*\)/.test(line)))) break;
    if (depth > indent) header = header && !LINES[i - 1]!.trimEnd().endsWith(':');
    last = i;
  }
  return { first: index + 1, last: last + 1 };
}

/** The single line, within a definition, that contains this text. */
export function line(within: string, containing: string): Span {
  const span = definition(within);
  for (let n = span.first; n <= span.last; n++) {
    if (LINES[n - 1]!.includes(containing)) return { first: n, last: n };
  }
  throw new Error(`reference.py has no ${containing} in ${within}`);
}
