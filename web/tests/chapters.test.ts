/** Chapters point at lines of `reference.py` when they are loaded; a line that is gone is an error. */

import { describe, expect, test } from 'vitest';
import { operations } from '../src/chapters/forward/operations.ts';

const modules = import.meta.glob('../src/chapters/**/*.{ts,tsx}');

describe('every line that a chapter points at is in reference.py', () => {
  for (const [path, load] of Object.entries(modules)) {
    test(path.replace('../src/chapters/', ''), async () => {
      await load();
    });
  }

  test('every operation of the forward pass', () => {
    for (const { id, lines } of operations(2)) expect(lines.length, id).toBeGreaterThan(0);
  });
});
