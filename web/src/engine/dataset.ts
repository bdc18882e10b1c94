/**
 * Read a list, one document a line, and report honestly what was found in it: the rules and the
 * messages of `datasets/loader.py`.
 */

import type { Normalization } from './config.ts';
import { DataError } from './errors.ts';
import { byCodePoint, codePoints, hex, strip, withCommas } from './python.ts';
import { describeCharacter, normalized } from './tokenizer.ts';

/** A document is a line; one longer than this is a file of another kind. */
export const MAX_LINE_BYTES = 1_000_000;

/** What reading found. Duplicates are kept: they are part of the data. */
export interface Report {
  readonly lines: number;
  readonly empty: number;
  readonly duplicates: number;
  /** Distinct characters. */
  readonly characters: number;
  /** Characters of the longest document. */
  readonly longest: number;
  readonly bom: boolean;
  readonly crlf: boolean;
}

export interface Documents {
  /** In the order of the file, in their normal form. */
  readonly documents: string[];
  readonly report: Report;
}

/** The settings that suit a data set. */
export interface Recipe {
  readonly block_size: number;
  readonly learning_rate: number;
  readonly normalize: Normalization;
}

export const DEFAULT_RECIPE: Recipe = { block_size: 16, learning_rate: 0.01, normalize: 'none' };

/** Recipes of the data sets by name, as in `datasets/registry.py`. */
export const RECIPES: Readonly<Record<string, Recipe>> = {
  english: DEFAULT_RECIPE,
  hindi: { block_size: 32, learning_rate: 0.003, normalize: 'nfd' },
  startups: DEFAULT_RECIPE,
  ten: DEFAULT_RECIPE,
  names: DEFAULT_RECIPE,
};

/**
 * The documents in the bytes of a text file: its non-empty lines, white space trimmed. A text that
 * was typed or pasted is read the same way: `new TextEncoder().encode(text)`.
 *
 * Throws DataError for bytes that are not UTF-8 text or hold fewer than two documents.
 */
export function readDocuments(
  raw: Uint8Array,
  name: string,
  normalize: Normalization = 'none',
): Documents {
  if ((raw[0] === 0xff && raw[1] === 0xfe) || (raw[0] === 0xfe && raw[1] === 0xff)) {
    throw new DataError(`${name} is UTF-16; save it as UTF-8`);
  }
  const bom = raw[0] === 0xef && raw[1] === 0xbb && raw[2] === 0xbf;
  const body = bom ? raw.subarray(3) : raw;
  checkBytes(body, name);
  const lines = decode(body, name).split('\n');
  if (lines.at(-1) === '') lines.pop(); // what comes after the last line end is not a line
  const stripped = lines.map(strip);
  const documents = stripped.filter(Boolean).map((line) => normalized(line, normalize));
  if (documents.length < 2) {
    const found = documents.length
      ? 'only one document'
      : lines.length
        ? 'no documents'
        : 'no text at all';
    throw new DataError(`${name} has ${found}; it must have at least two non-empty lines`);
  }
  const characters = new Set<string>();
  for (const document of documents) for (const char of document) characters.add(char);
  checkCharacters(characters, stripped, name);
  const report: Report = {
    lines: lines.length,
    empty: lines.length - documents.length,
    duplicates: documents.length - new Set(documents).size,
    characters: characters.size,
    longest: documents.reduce((most, document) => Math.max(most, codePoints(document)), 0),
    bom,
    crlf: lines.some(
      (line, i) => line.endsWith('\r') && (i < lines.length - 1 || endsWithLf(body)),
    ),
  };
  return { documents, report };
}

/** Documents whose end is never seen: more than block_size predictions, BOS included. */
export function overLong(documents: readonly string[], report: Report, block_size: number): number {
  if (report.longest < block_size) return 0;
  return documents.filter((document) => codePoints(document) + 1 > block_size).length;
}

function endsWithLf(body: Uint8Array): boolean {
  return body.at(-1) === 0x0a;
}

function checkCharacters(characters: Set<string>, lines: readonly string[], name: string): void {
  const wrong = [...characters].filter((char) => /[\p{Cc}\p{Cs}]/u.test(char)).sort(byCodePoint);
  if (!wrong.length) return;
  const char = wrong[0]!;
  const number = lines.findIndex((line) => line.includes(char)) + 1;
  const shown = char === '\t' ? 'U+0009, a tab' : describeCharacter(char);
  throw new DataError(
    `${name}, line ${number}: control character ${shown}; a document must be plain text`,
  );
}

function checkBytes(body: Uint8Array, name: string): void {
  const zero = body.indexOf(0);
  if (zero >= 0) {
    throw new DataError(
      `${name}, line ${lineOf(body, zero)}: a zero byte; this is a binary file, not a list`,
    );
  }
  let number = 1;
  for (let start = 0; start <= body.length; number++) {
    const found = body.indexOf(0x0a, start);
    const end = found < 0 ? body.length : found;
    if (end - start > MAX_LINE_BYTES) {
      throw new DataError(
        `${name}, line ${number}: ${withCommas(end - start)} bytes long; ` +
          `a document is one line of at most ${withCommas(MAX_LINE_BYTES)} bytes`,
      );
    }
    start = end + 1;
  }
}

function decode(body: Uint8Array, name: string): string {
  const wrong = invalidUtf8(body);
  if (wrong >= 0) {
    throw new DataError(
      `${name}, line ${lineOf(body, wrong)}: not UTF-8 (byte 0x${hex(body[wrong]!, 2)}); ` +
        'save the file as UTF-8',
    );
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(body);
}

function lineOf(body: Uint8Array, offset: number): number {
  let line = 1;
  for (let i = 0; i < offset; i++) if (body[i] === 0x0a) line++;
  return line;
}

/** Where the first sequence starts that is not UTF-8, or -1 (Unicode Standard, table 3-7). */
function invalidUtf8(bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; ) {
    const lead = bytes[i]!;
    const length =
      lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length === 0 || i + length > bytes.length) return i;
    for (let k = 1; k < length; k++) {
      const byte = bytes[i + k]!;
      // No detours (E0, F0), no surrogates (ED), nothing beyond U+10FFFF (F4).
      const low = k === 1 && lead === 0xe0 ? 0xa0 : k === 1 && lead === 0xf0 ? 0x90 : 0x80;
      const high = k === 1 && lead === 0xed ? 0x9f : k === 1 && lead === 0xf4 ? 0x8f : 0xbf;
      if (byte < low || byte > high) return i;
    }
    i += length;
  }
  return -1;
}
