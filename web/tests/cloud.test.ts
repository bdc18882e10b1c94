import { expect, test } from 'vitest';
import { placeRows, visible } from '../src/figures/Cloud.tsx';

const measure = (text: string) => 10 * text.length;

test('rows that fit stand still, with every word whole and once', () => {
  const documents = ['alexander', 'cho', 'wilhelmina', ...'abcdefghijkl'];
  for (const width of [320, 1000]) {
    const rows = placeRows(documents, width, measure);
    const shown = rows.flatMap((row) => [...visible(row, width)]);
    expect(shown.map(({ text }) => text).sort()).toEqual([...documents].sort());
    for (const { text, x, width: wide } of shown) {
      expect(x, text).toBeGreaterThanOrEqual(0);
      expect(x + wide, text).toBeLessThanOrEqual(width);
    }
    expect(rows.some(({ drifts }) => drifts)).toBe(false);
  }
});

test('rows that do not fit drift', () => {
  const documents = Array.from({ length: 900 }, (_, i) => `word${i}`);
  expect(placeRows(documents, 1000, measure).every(({ drifts }) => drifts)).toBe(true);
});
