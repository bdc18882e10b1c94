import { expect, test } from 'vitest';
import { checkLimits, type Link, pack, unpack } from '../src/store/link.ts';

const link: Link = {
  ...{ d: 'english', n: 'English names', f: 'nfc', m: {}, t: {}, s: 1000, x: 'emma', p: 1, h: '' },
  e: [[17, 1.25]],
  i: { mutedHeads: [[0, 2]], noPositions: true },
};

test('a link carries edited weights and switches', async () => {
  expect(await unpack(await pack(link))).toEqual(link);
});

test('edits that are none are refused', async () => {
  const wrong = { ...link, e: [['a', 1]] } as unknown as Link;
  await expect(unpack(await pack(wrong))).rejects.toThrow('damaged');
});

test.each([
  ['m', 'block_size', 1e6],
  ['m', 'n_embd', 4096],
  ['t', 'steps', 1e9],
] as const)('a link asks for no more than the page does: %s %s', (part, key, value) => {
  expect(() => checkLimits({ ...link, [part]: { [key]: value } })).toThrow(key);
  expect(() => checkLimits(link)).not.toThrow();
});
