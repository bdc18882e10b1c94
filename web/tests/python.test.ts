import { describe, expect, test } from 'vitest';
import {
  modelConfig,
  modelConfigFrom,
  trainConfig,
  trainConfigFrom,
} from '../src/engine/config.ts';
import { MAX_LINE_BYTES, overLong, readDocuments } from '../src/engine/dataset.ts';
import { NGram } from '../src/engine/evaluate.ts';
import { byCodePoint, formatG, fsum, repr, strip, withCommas } from '../src/engine/python.ts';
import { Tokenizer } from '../src/engine/tokenizer.ts';
import { distance, vectors } from './conformance.ts';
import messages from './fixtures/messages.json';

const bytes = (hex: string) =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** Matches a message from its first character to its last. */
const exactly = (message: string) => new RegExp(`^${escaped(message)}$`);
const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

describe('a list is read as in Python', () => {
  for (const { hex, normalize, ...said } of messages.lists) {
    test(`${hex || 'nothing'} (${normalize})`, () => {
      const read = () => readDocuments(bytes(hex), 'list.txt', normalize as 'none' | 'nfd');
      if (said.error) expect(read).toThrow(exactly(said.error));
      else expect(read()).toEqual({ documents: said.documents, report: said.report });
    });
  }

  test('a line that is too long', () => {
    const line = 'y'.repeat(MAX_LINE_BYTES + 1);
    const read = () => readDocuments(new TextEncoder().encode(`x\n${line}\nz`), 'list.txt');
    expect(read).toThrow(
      'list.txt, line 2: 1,000,001 bytes long; a document is one line of at most 1,000,000 bytes',
    );
  });

  test('documents longer than the context', () => {
    const { documents, report } = readDocuments(new TextEncoder().encode('abc\nab\n👩👩👩'), 'x');
    expect(overLong(documents, report, 3)).toBe(2);
    expect(overLong(documents, report, 4)).toBe(0);
  });
});

describe('settings are refused as in Python', () => {
  // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
  const cases = [...messages.trainings, ...messages.models] as { given: any; error: string }[];
  test.each(cases)('$error', ({ given, error }) => {
    const make = () => ('vocab_size' in given ? modelConfig(given) : trainConfig(given));
    expect(make).toThrow(exactly(error));
  });

  test('keys that are missing or unknown', () => {
    expect(() => modelConfigFrom({ vocab_size: 3, x: 1 })).toThrow(
      'ModelConfig has missing or unknown keys: block_size, n_embd, n_head, n_layer, x',
    );
    expect(() => trainConfigFrom([])).toThrow('TrainConfig must be an object, not list');
  });

  test('seeds up to 2^63 - 1', () => {
    expect(trainConfig({ seed: 2n ** 63n - 1n }).seed).toBe(2n ** 63n - 1n);
    expect(() => trainConfig({ seed: 2n ** 63n })).toThrow('seed is 9223372036854775808;');
    expect(() => trainConfig({ seed: 2 ** 60 })).toThrow('seed is');
  });
});

describe('Tokenizer', () => {
  for (const c of vectors('tokenizers').cases) {
    test(`${c.name} under ${c.normalize}`, () => {
      const documents = c.texts.map((text: string) =>
        c.normalize === 'none' ? text : text.normalize(c.normalize.toUpperCase()),
      );
      const tokenizer = Tokenizer.fromDocuments(documents, c.normalize);
      expect(tokenizer.chars).toEqual(c.chars);
      expect(tokenizer.bos).toBe(c.bos);
      const encoded = c.texts.map((text: string) => tokenizer.encode(text));
      expect(encoded).toEqual(c.encoded);
      expect(encoded.map((ids: number[]) => tokenizer.decode(ids))).toEqual(c.decoded);
      expect(Tokenizer.fromData(tokenizer.toData())).toEqual(tokenizer);
    });
  }

  test('unknown characters are named', () => {
    const tokenizer = new Tokenizer('abc');
    const said = (text: string) => {
      try {
        return String(tokenizer.encode(text));
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(said('d\u00e9')).toBe(
      "unknown character 'd' (U+0064), '\u00e9' (U+00E9); this model knows a b c",
    );
    expect(said('\u0301')).toBe(
      "unknown character '\u25cc\u0301' (U+0301); this model knows a b c",
    );
    expect(said('xyzuvwq')).toContain(' and 2 more; this model');
    expect(said("\x07'")).toContain("'\\x07' (U+0007 unnamed), \"'\" (U+0027)");
  });

  test.each(messages.tokenizers)('refuses: $error', ({ given, error }) => {
    expect(() => Tokenizer.fromData(given)).toThrow(exactly(error));
  });
});

test('n-gram baselines', () => {
  const { documents, losses } = messages.ngrams;
  const ours = losses.map(
    (_, n) => new NGram(n, documents.slice(0, 2), 4).loss(documents, 4)?.nats,
  );
  expect(distance(ours, losses)).toBeLessThan(1e-12);
});

describe('small pieces of Python', () => {
  test('numbers as text', () => {
    const shown = [1e-8, 1.5e-5, 1e16, 1e-4, 123456.789, Number.POSITIVE_INFINITY, Number.NaN];
    expect(shown.map(repr)).toEqual([
      '1e-08',
      '1.5e-05',
      '1e+16',
      '0.0001',
      '123456.789',
      'inf',
      'nan',
    ]);
    const numbers = [0.01, 1, 123456, 1234567, 1e-5, 0.0001, 100000, 0.123456789, 12.5, 0];
    expect(numbers.map(formatG)).toEqual([
      '0.01',
      '1',
      '123456',
      '1.23457e+06',
      '1e-05',
      '0.0001',
      '100000',
      '0.123457',
      '12.5',
      '0',
    ]);
    expect([5, 32033, 2_000_000_000].map(withCommas)).toEqual(['5', '32,033', '2,000,000,000']);
  });

  test('white space, order, sums', () => {
    expect(strip('\u3000\x1c\x85 a\ufeff \n')).toBe('a\ufeff');
    expect(['😀', '\uffee', 'a', 'ab'].sort(byCodePoint)).toEqual(['a', 'ab', '\uffee', '😀']);
    expect(fsum(new Array(10).fill(0.1))).toBe(1);
    expect(fsum([1e16, 1, 1e-16, -1e16])).toBe(1);
    expect(fsum([])).toBe(0);
  });
});
