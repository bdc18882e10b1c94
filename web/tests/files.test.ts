import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { modelConfig } from '../src/engine/config.ts';
import { readModelJson, writeModelJson } from '../src/engine/modelFile.ts';
import { Params } from '../src/engine/params.ts';
import { Random } from '../src/engine/random.ts';
import { readSafetensors } from '../src/engine/safetensors.ts';
import { sha256 } from '../src/engine/sha256.ts';
import {
  readState,
  readTokenizerJson,
  writeState,
  writeTokenizerJson,
} from '../src/engine/stateFile.ts';
import { Tokenizer } from '../src/engine/tokenizer.ts';

const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url));
const text = fixture('model.json').toString('utf8');
const state = new Uint8Array(fixture('model.safetensors'));

describe('model.json', () => {
  test('is read as Python wrote it', () => {
    const file = readModelJson(text, 'model.json');
    expect(file.model).toEqual({ vocab_size: 17, n_layer: 1, n_embd: 4, n_head: 2, block_size: 6 });
    expect(file.training.seed).toBe(2n ** 60n + 1n);
    expect(file.step).toBe(7);
    expect(file.documents).toHaveLength(10);
    expect(file.losses).toHaveLength(7);
    expect(file.data.num_train).toBe(8);
    expect(file.params.data).toEqual(readState(state, 'x').params.data);
  });

  test('is written so that it is read the same, the seed included', () => {
    const file = readModelJson(text, 'model.json');
    const written = writeModelJson(file);
    expect(written).toContain('"seed":1152921504606846977,');
    expect(readModelJson(written, 'again')).toEqual(file);
    expect(JSON.parse(written)).toEqual(JSON.parse(text));
  });

  // biome-ignore lint/suspicious/noExplicitAny: broken on purpose
  const broken: [string, (data: any) => unknown, RegExp][] = [
    ['another format', (d) => (d.format = 'x'), /m\.json is not a glassgpt-model file/],
    ['a newer version', (d) => (d.version = 2), /has version 2; this page reads up to 1/],
    ['no version', (d) => (d.version = true), /has no valid version/],
    ['a missing key', (d) => delete d.step, /missing or unknown keys: step/],
    ['an unknown key', (d) => (d.extra = 1), /missing or unknown keys: extra/],
    ['an impossible shape', (d) => (d.model.n_head = 3), /n_head is 3; it must divide/],
    ['another vocabulary', (d) => d.tokenizer.chars.pop(), /tokenizer has 16 tokens, the model 17/],
    ['chars out of order', (d) => d.tokenizer.chars.reverse(), /unique and in code point order/],
    ['a wrong rate', (d) => (d.training.learning_rate = 0), /learning_rate is 0; it must be/],
    ['a missing tensor', (d) => delete d.params.wpe, /params must be the tensors wte, wpe/],
    ['a short row', (d) => d.params.wte[0].pop(), /'wte' must have 17 rows of 4 numbers/],
    ['a missing row', (d) => d.params.wte.pop(), /'wte' must have 17 rows of 4 numbers/],
    ['a null', (d) => (d.params.wte[0][0] = null), /'wte' holds something that is not a finite/],
    ['a wrong step', (d) => (d.step = -1), /step must be a whole number/],
    ['a wrong temperature', (d) => (d.temperature = '1'), /temperature must be a number/],
    ['a missing document', (d) => d.documents.pop(), /has 9 documents, not 10/],
    ['a foreign character', (d) => (d.documents[0] = 'Z'), /characters outside chars/],
    ['too few losses', (d) => d.losses.pop(), /losses must be a list of 7 finite numbers/],
    ['too many to train on', (d) => (d.data.num_train = 11), /num_train must be from 1/],
    ['a huge shape', (d) => (d.model.n_embd = 4096), /must have 17 rows of 4096 numbers/],
  ];
  test.each(broken)('with %s is refused', (_, damage, message) => {
    const data = JSON.parse(text);
    damage(data);
    expect(() => readModelJson(JSON.stringify(data), 'm.json')).toThrow(message);
  });

  test('of tokens that the explorer does not know is refused in a line', () => {
    const told = (tokenizer: object) => () =>
      readModelJson(JSON.stringify({ ...JSON.parse(text), tokenizer }), 'model.json');
    expect(told({ kind: 'byte-pairs', normalize: 'none', merges: [[104, 105]] })).toThrow(
      'model.json: its tokens are byte pairs; the explorer reads models of characters',
    );
    expect(told({ kind: 'syllables', of: 1 })).toThrow(
      "model.json: tokenizer kind 'syllables' is not known; characters is",
    );
  });

  test('that is no JSON is refused', () => {
    expect(() => readModelJson(text.slice(0, -9), 'm.json')).toThrow(/^m\.json is damaged: /);
    expect(() => readModelJson('[]', 'm.json')).toThrow('is not a glassgpt-model file');
  });
});

describe('model.safetensors', () => {
  test('of Python is read, and written with the same numbers', () => {
    const read = readState(state, 'model.safetensors');
    expect(read.step).toBe(7);
    expect(read.m.data.some((x) => x !== 0)).toBe(true);
    const again = readState(writeState(read), 'again');
    expect(again).toEqual(read);
    expect(readSafetensors(writeState(read), 'x').metadata).toMatchObject({
      format: 'glassgpt-model',
      version: '1',
      step: '7',
    });
  });

  test('of any shape goes round', () => {
    const config = modelConfig({ vocab_size: 5, n_layer: 2, n_embd: 6, n_head: 3, block_size: 3 });
    const rng = new Random(5);
    const params = Params.initial(config, rng, 1);
    const made = { params, m: Params.initial(config, rng, 1), v: params.copy(), step: 12 };
    expect(readState(writeState(made), 'x')).toEqual(made);
  });

  test('in float32 is read, too', () => {
    const want = readState(state, 'x');
    const length = Number(new DataView(state.buffer, state.byteOffset).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(state.subarray(8, 8 + length)));
    const numbers = new Float64Array(state.slice(8 + length).buffer);
    for (const [name, entry] of Object.entries<{ dtype: string; data_offsets: number[] }>(header)) {
      if (name === '__metadata__') continue;
      entry.dtype = 'F32';
      entry.data_offsets = entry.data_offsets.map((offset) => offset / 2);
    }
    const head = new TextEncoder().encode(JSON.stringify(header));
    const half = new Uint8Array(8 + head.length + 4 * numbers.length);
    new DataView(half.buffer).setBigUint64(0, BigInt(head.length), true);
    half.set(head, 8);
    half.set(new Uint8Array(Float32Array.from(numbers).buffer), 8 + head.length);
    const got = readState(half, 'x');
    expect(got.step).toBe(want.step);
    expect(got.params.data).toEqual(want.params.data.map(Math.fround));
    expect(got.v.data).toEqual(want.v.data.map(Math.fround));
  });

  // biome-ignore lint/suspicious/noExplicitAny: broken on purpose
  const withHeader = (damage: (header: any) => void, extra = 0) => {
    const length = Number(new DataView(state.buffer, state.byteOffset).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(state.subarray(8, 8 + length)));
    damage(header);
    const head = new TextEncoder().encode(JSON.stringify(header));
    const body = state.subarray(8 + length);
    const file = new Uint8Array(8 + head.length + body.length + extra);
    new DataView(file.buffer).setBigUint64(0, BigInt(head.length), true);
    file.set(head, 8);
    file.set(body, 8 + head.length);
    return file;
  };
  // biome-ignore lint/suspicious/noExplicitAny: broken on purpose
  const broken: [string, (header: any) => void, RegExp][] = [
    ['a tensor too few', (h) => delete h.wpe, /overlap or leave a gap|after its last/],
    [
      'a wrong dtype',
      (h) => (h.wte.dtype = 'I64'),
      /'wte' is I64 \[17, 4\]; its shape wants F64 or F32/,
    ],
    ['an unknown dtype', (h) => (h.wte.dtype = 'F8'), /no known dtype/],
    ['a wrong shape', (h) => (h.wte.shape = [4, 17]), /'wte' is F64 \[4, 17\]/],
    ['bytes that do not fit', (h) => (h.wte.shape = [4, 16]), /bytes, its shape wants/],
    ['an overlap', (h) => (h.wte.data_offsets = h.wpe.data_offsets), /its shape wants|overlap/],
    ['a negative place', (h) => (h.wte.data_offsets = [-8, 536]), /has no place/],
    [
      'a place after the end',
      (h) => (h.wte.data_offsets = [1e9, 1e9 + 544]),
      /ends after the file/,
    ],
    ['no format', (h) => delete h.__metadata__.format, /but not one of glassgpt's/],
    ['no metadata', (h) => delete h.__metadata__, /but not one of glassgpt's/],
    ['metadata of numbers', (h) => (h.__metadata__.step = 7), /metadata must be texts/],
    ['a newer version', (h) => (h.__metadata__.version = '2'), /has version 2/],
    ['no step', (h) => (h.__metadata__.step = 'x'), /step in its metadata is not a number/],
    ['another model', (h) => (h.__metadata__.model = '{}'), /model in its metadata is damaged/],
    ['a renamed tensor', rename, /'wpe' is missing/],
  ];
  test.each(broken)('with %s is refused', (_, damage, message) => {
    expect(() => readState(withHeader(damage), 'm.safetensors')).toThrow(message);
  });

  test('cut short, lengthened, or of other bytes is refused', () => {
    const name = 'm.safetensors';
    for (const length of [0, 7, 9, 500, state.length - 1]) {
      expect(() => readState(state.subarray(0, length), name)).toThrow(
        /^m\.safetensors is damaged/,
      );
    }
    expect(() =>
      readState(
        withHeader(() => {}, 8),
        name,
      ),
    ).toThrow('something after its last tensor');
    expect(() => readState(new Uint8Array(64).fill(255), name)).toThrow('header is too large');
    const infinite = state.slice();
    infinite.fill(0xff, infinite.length - 8);
    expect(() => readState(infinite, name)).toThrow('not finite');
  });
});

function rename(header: Record<string, unknown>): void {
  header.other = header.wpe;
  delete header.wpe;
}

test('white space in a vocabulary is shown', () => {
  const chars = ['\t', '\n', ' ', 'a'];
  const tokenizer = Tokenizer.fromData({ kind: 'characters', normalize: 'none', chars });
  expect(tokenizer.vocabulary()).toBe('⇥ ↵ ␣ a');
});

test('tokenizer.json', () => {
  const tokenizer = readTokenizerJson(fixture('tokenizer.json').toString('utf8'), 't');
  expect(tokenizer.vocab_size).toBe(17);
  expect(readTokenizerJson(writeTokenizerJson(tokenizer), 't')).toEqual(tokenizer);
  expect(() => readTokenizerJson('{}', 't')).toThrow('t is not a glassgpt-tokenizer file');
});

test('sha256 is that of the machine, at every length around a block', () => {
  for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 100_000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 131 + length) & 255);
    expect(sha256(bytes)).toBe(createHash('sha256').update(bytes).digest('hex'));
  }
});
