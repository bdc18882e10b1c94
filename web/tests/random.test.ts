import { describe, expect, test } from 'vitest';
import * as elementary from '../src/engine/elementary.ts';
import * as precise from '../src/engine/precise.ts';
import { Random } from '../src/engine/random.ts';
import { vectors } from './conformance.ts';

describe('Random', () => {
  for (const stream of vectors('random').streams) {
    test(`seed ${stream.seed} follows CPython bit for bit`, () => {
      const rng = new Random(stream.seed);
      const times = <T>(n: number, make: () => T) => Array.from({ length: n }, make);
      expect(times(4, () => rng.random())).toEqual(stream.random);
      expect(times(3, () => rng.gauss(0, 0.08))).toEqual(stream.gauss);
      expect(times(2, () => rng.random())).toEqual(stream.random_after_gauss);
      expect(times(2, () => rng.gauss(0.5, 2.0))).toEqual(stream.gauss_again);
      const small = times(20, () => 0).map((_, i) => i);
      rng.shuffle(small);
      expect(small).toEqual(stream.shuffle_of_20);
      expect(rng.choices(stream.choices_weights, 12)).toEqual(stream.choices);
      const large = Array.from({ length: 32_033 }, (_, i) => i);
      rng.shuffle(large);
      expect(large.slice(0, 10)).toEqual(stream.shuffle_of_32033_first_10);
      expect(rng.random()).toBe(stream.random_last);
    });
  }

  test('a clone goes on as the original would, the kept gauss included', () => {
    const rng = new Random(7n);
    rng.gauss();
    const twin = rng.clone();
    expect([twin.gauss(), twin.random()]).toEqual([rng.gauss(), rng.random()]);
  });

  test('getrandbits and randbelow beyond 32 bits', () => {
    // random.Random(42): getrandbits(53), getrandbits(40), getrandbits(1), randbelow(2**40)
    const rng = new Random(42);
    expect(rng.getrandbits(53)).toBe(PYTHON_BITS[0]);
    expect(rng.getrandbits(40)).toBe(PYTHON_BITS[1]);
    expect(rng.getrandbits(1)).toBe(PYTHON_BITS[2]);
    expect(rng.randbelow(2 ** 40)).toBe(PYTHON_BITS[3]);
    expect(() => rng.getrandbits(54)).toThrow(RangeError);
  });

  test('weights that cannot be drawn from are refused', () => {
    expect(() => new Random(1).choices([0, 0])).toThrow('greater than zero');
    expect(() => new Random(1).choices([1, Number.POSITIVE_INFINITY])).toThrow('finite');
  });
});

const PYTHON_BITS = [1002783120652701, 811856239313, 0, 490678074256];

describe('elementary functions', () => {
  const rng = new Random(1);
  const close = (a: number, b: number, ulps: number) =>
    expect(Math.abs(a - b)).toBeLessThanOrEqual(ulps * 2 ** -52 * Math.abs(b));

  test('agree with the built-in ones to a unit in the last place or two', () => {
    for (let i = 0; i < 20_000; i++) {
      const x = (rng.random() - 0.5) * 40;
      close(elementary.exp(x), Math.exp(x), 1.5);
      const y = Math.exp((rng.random() - 0.5) * 200);
      close(elementary.log(y), Math.log(y), 1.5);
      const angle = rng.random() * 2 * Math.PI;
      close(precise.sin(angle), Math.sin(angle), 1);
      close(precise.cos(angle), Math.cos(angle), 1);
      close(precise.log(y), Math.log(y), 1);
    }
  });

  test('at the edges', () => {
    expect(elementary.exp(0)).toBe(1);
    expect(elementary.exp(710)).toBe(Number.POSITIVE_INFINITY);
    expect(elementary.exp(709.7)).toBeCloseTo(Math.exp(709.7), -295);
    expect(elementary.exp(-800)).toBe(0);
    expect(elementary.exp(-740)).toBe(Math.exp(-740));
    expect(elementary.exp(Number.NaN)).toBeNaN();
    expect(elementary.log(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(elementary.log(1)).toBe(0);
    expect(elementary.log(-1)).toBeNaN();
    close(elementary.log(5e-324), Math.log(5e-324), 1);
    expect(elementary.power(0.85, 3)).toBeCloseTo(0.614125, 15);
    expect(elementary.power(0.99, 0)).toBe(1);
  });
});
