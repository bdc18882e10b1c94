/** Files from strangers, mutated at random: read, or refused in one line, never anything else. */

import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readDocuments } from '../src/engine/dataset.ts';
import { GlassError } from '../src/engine/errors.ts';
import { readModelJson } from '../src/engine/modelFile.ts';
import { Random } from '../src/engine/random.ts';
import { readState, readTokenizerJson } from '../src/engine/stateFile.ts';
import { unpack } from '../src/store/link.ts';
import { fetchKernel } from '../src/worker/kernel.ts';

const CASES = Number(process.env.CASES ?? 400);
const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const WASM = new URL('../wasm/dist/kernel-float64.wasm', import.meta.url);

/** A copy with some bytes changed, a piece cut out, doubled or put elsewhere. */
function mutated(bytes: Uint8Array, rng: Random): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(bytes);
  const place = () => Math.floor(rng.random() * copy.length);
  const [a, b] = [place(), place()].sort((x, y) => x - y) as [number, number];
  const kind = Math.floor(rng.random() * 4);
  if (kind === 0) return copy.slice(0, a);
  if (kind === 1) return Uint8Array.from([...copy.subarray(0, a), ...copy.subarray(b)]);
  if (kind === 2) return Uint8Array.from([...copy.subarray(0, b), ...copy.subarray(a)]);
  const flips = 1 + Math.floor(rng.random() * 8);
  for (let i = 0; i < flips; i++) copy[place()] = Math.floor(rng.random() * 256);
  return copy;
}

/** Let a reader have every mutation; what is not read must be refused by one of our errors. */
function campaign(name: string, bytes: Uint8Array, read: (bytes: Uint8Array) => unknown): void {
  test(`${name}: ${CASES} mutations`, () => {
    const rng = new Random(name.length);
    let refused = 0;
    for (let i = 0; i < CASES; i++) {
      const hostile = mutated(bytes, rng);
      try {
        read(hostile);
      } catch (error) {
        expect(error, `mutation ${i}`).toBeInstanceOf(GlassError);
        expect((error as Error).message.length).toBeLessThan(2000);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(0);
  }, 120_000);
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
campaign('model.json', fixture('model.json'), (bytes) => readModelJson(text(bytes), 'x'));
campaign('tokenizer.json', fixture('tokenizer.json'), (b) => readTokenizerJson(text(b), 'x'));
campaign('model.safetensors', fixture('model.safetensors'), (bytes) => readState(bytes, 'x'));
campaign('a list', new TextEncoder().encode('emma\nअंशु\nzoë\n'), (bytes) =>
  readDocuments(bytes, 'x'),
);

test('links made of anything are refused in a line', async () => {
  const rng = new Random(1);
  for (let i = 0; i < 200; i++) {
    const bytes = Array.from({ length: 40 }, () => 33 + Math.floor(rng.random() * 90));
    await expect(unpack(String.fromCharCode(...bytes))).rejects.toThrow('this link is damaged');
  }
});

test.skipIf(!existsSync(WASM))(
  'a damaged kernel is refused, so that the engine takes over',
  async () => {
    const rng = new Random(2);
    const whole = readFileSync(WASM);
    for (let i = 0; i < 60; i++) {
      const cut = Uint8Array.from(whole).slice(0, Math.floor(rng.random() * whole.length));
      await expect(fetchKernel(cut as never)).rejects.toBeInstanceOf(Error);
    }
  },
);
