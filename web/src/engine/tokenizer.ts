/**
 * Characters of any script to token ids and back, under a Unicode normal form; as `text/characters.py`.
 *
 * A character is a code point, not one of JavaScript's UTF-16 units: an emoji is one token.
 */

import { checkNormalization, isRecord, type Normalization } from './config.ts';
import { ConfigError, DataError } from './errors.ts';
import { byCodePoint, codePoints, hex, repr, reprString } from './python.ts';

/** The text in NFC or NFD, or as it is. */
export function normalized(text: string, form: Normalization): string {
  return form === 'none' ? text : text.normalize(form === 'nfc' ? 'NFC' : 'NFD');
}

/** How white space is shown: an open box, an arrow for a line end, one for a tab. */
const SIGNS: Readonly<Record<string, string>> = { ' ': '\u2423', '\n': '\u21b5', '\t': '\u21e5' };

/** Whether a character only makes sense on another one: an accent, a matra, a virama. */
export function isMark(char: string): boolean {
  return /^\p{M}/u.test(char);
}

/**
 * `'é' (U+00E9)`; a bare mark is shown on a dotted circle. Python adds the character's Unicode
 * name, which a browser does not know; control characters have none there either.
 */
export function describeCharacter(char: string): string {
  const shown = isMark(char) ? `\u25cc${char}` : char;
  const code = hex(char.codePointAt(0)!, 4).toUpperCase();
  const name = /^\p{Cc}/u.test(char) ? ' unnamed' : '';
  return `${reprString(shown)} (U+${code}${name})`;
}

/** The object that a tokenizer is in a file. */
export interface TokenizerData {
  readonly kind: 'characters';
  readonly normalize: Normalization;
  readonly chars: readonly string[];
}

export class Tokenizer {
  /** In code point order; a character's place is its id. */
  readonly chars: readonly string[];
  readonly normalize: Normalization;
  /** The id after the last character's: both ends of a document. */
  readonly bos: number;
  readonly vocab_size: number;
  private readonly ids: ReadonlyMap<string, number>;

  constructor(chars: Iterable<string>, normalize: Normalization = 'none') {
    this.chars = [...new Set(chars)].sort(byCodePoint);
    this.normalize = normalize;
    this.bos = this.chars.length;
    this.vocab_size = this.chars.length + 1;
    this.ids = new Map(this.chars.map((char, id) => [char, id]));
  }

  /** The vocabulary of documents that are in this normal form already. */
  static fromDocuments(documents: Iterable<string>, normalize: Normalization = 'none'): Tokenizer {
    const chars = new Set<string>();
    for (const document of documents) for (const char of document) chars.add(char);
    return new Tokenizer(chars, normalize);
  }

  /** Text, in any normal form, to `[BOS, …, BOS]`. Throws DataError naming unknown characters. */
  encode(document: string): number[] {
    const text = normalized(document, this.normalize);
    const ids = [this.bos];
    for (const char of text) {
      const id = this.ids.get(char);
      if (id === undefined) throw this.unknown(text);
      ids.push(id);
    }
    ids.push(this.bos);
    return ids;
  }

  /** Token ids to text as people write it: composed (NFC) unless characters are kept as is. */
  decode(tokenIds: Iterable<number>): string {
    const text = this.raw(tokenIds);
    return this.normalize === 'none' ? text : text.normalize('NFC');
  }

  /** Token ids to the characters themselves, in the tokenizer's normal form. */
  raw(tokenIds: Iterable<number>): string {
    let text = '';
    for (const id of tokenIds) if (id !== this.bos) text += this.chars[id];
    return text;
  }

  /** The characters of a text that have no id, each once, in code point order. */
  unknownIn(text: string): string[] {
    const chars = new Set(normalized(text, this.normalize));
    return [...chars].filter((char) => !this.ids.has(char)).sort(byCodePoint);
  }

  /** One token as people read it: `BOS` or the character, a mark on a dotted circle. */
  token(id: number): string {
    if (id === this.bos) return 'BOS';
    const char = this.chars[id]!;
    if (isMark(char)) return `\u25cc${char}`;
    return SIGNS[char] ?? char;
  }

  /** The characters in one line: `a b c … z`. */
  vocabulary(limit = 80): string {
    const shown = this.chars.slice(0, limit).map((_, id) => this.token(id));
    const more = this.chars.length - limit;
    return shown.join(' ') + (more > 0 ? ` and ${more} more` : '');
  }

  toData(): TokenizerData {
    return { kind: 'characters', normalize: this.normalize, chars: this.chars };
  }

  /** Throws ConfigError for anything that `toData` would not have written. */
  static fromData(data: unknown): Tokenizer {
    const other = isRecord(data) && 'kind' in data && data.kind !== 'characters';
    if (other && data.kind === 'byte-pairs') {
      throw new ConfigError('its tokens are byte pairs; the explorer reads models of characters');
    }
    if (other) {
      throw new ConfigError(`tokenizer kind ${repr(data.kind)} is not known; characters is`);
    }
    if (!isRecord(data) || Object.keys(data).sort().join() !== 'chars,kind,normalize') {
      throw new ConfigError('the tokenizer needs exactly the keys kind, normalize, chars');
    }
    const { chars } = data;
    if (!Array.isArray(chars) || !chars.length) {
      throw new ConfigError("the tokenizer's chars must be a list of characters");
    }
    if (!chars.every((char) => typeof char === 'string' && codePoints(char) === 1)) {
      throw new ConfigError("each of the tokenizer's chars must be one character");
    }
    if (chars.some((char, i) => i > 0 && byCodePoint(chars[i - 1], char) >= 0)) {
      throw new ConfigError("the tokenizer's chars must be unique and in code point order");
    }
    return new Tokenizer(chars, checkNormalization(data.normalize));
  }

  private unknown(text: string): DataError {
    const unknown = this.unknownIn(text);
    let shown = unknown.slice(0, 5).map(describeCharacter).join(', ');
    if (unknown.length > 5) shown += ` and ${unknown.length - 5} more`;
    return new DataError(`unknown character ${shown}; this model knows ${this.vocabulary()}`);
  }
}
