/**
 * CPython's `random.Random`, number for number: the Mersenne Twister (MT19937; Matsumoto and
 * Nishimura 1998) seeded by an integer, and the methods that a training run uses.
 */

import { cos, log, sin } from './precise.ts';

const N = 624;
const M = 397;

export class Random {
  private readonly state = new Uint32Array(N);
  private index = N;
  /** The second of the two numbers that `gauss` makes at a time. */
  private kept: number | null = null;

  /** @param seed an integer of any size; as a string of digits where it comes from a file. */
  constructor(seed: number | bigint | string) {
    const key: number[] = [];
    let rest = BigInt(seed);
    if (rest < 0n) rest = -rest;
    do {
      key.push(Number(rest & 0xffffffffn));
      rest >>= 32n;
    } while (rest > 0n);
    this.initByArray(key);
  }

  /** A generator in the same state, for a stream that is followed twice. */
  clone(): Random {
    const twin = new Random(0);
    twin.state.set(this.state);
    twin.index = this.index;
    twin.kept = this.kept;
    return twin;
  }

  /** A number in [0, 1) of 53 random bits. */
  random(): number {
    const a = this.next() >>> 5;
    const b = this.next() >>> 6;
    return (a * 67108864 + b) / 9007199254740992;
  }

  /** A whole number of k random bits, 0 <= k <= 53. */
  getrandbits(k: number): number {
    if (!(Number.isInteger(k) && k >= 0 && k <= 53)) throw new RangeError('k must be 0 to 53');
    if (k === 0) return 0;
    if (k <= 32) return this.next() >>> (32 - k);
    const low = this.next();
    return (this.next() >>> (64 - k)) * 4294967296 + low;
  }

  /** A whole number below n, each as likely: draw enough bits, again while they are too many. */
  randbelow(n: number): number {
    if (n === 0) return 0;
    const k = bitLength(n);
    let r = this.getrandbits(k);
    while (r >= n) r = this.getrandbits(k);
    return r;
  }

  /** From the normal distribution (Box and Muller): two at a time, the second kept for later. */
  gauss(mu = 0, sigma = 1): number {
    let z = this.kept;
    this.kept = null;
    if (z === null) {
      const angle = this.random() * (2 * Math.PI);
      const radius = Math.sqrt(-2 * log(1 - this.random()));
      z = cos(angle) * radius;
      this.kept = sin(angle) * radius;
    }
    return mu + z * sigma;
  }

  /** Put a list in random order, in place (Fisher and Yates, from the end). */
  shuffle<T>(list: T[]): void {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.randbelow(i + 1);
      const kept = list[i]!;
      list[i] = list[j]!;
      list[j] = kept;
    }
  }

  /** k indices 0…n-1, each drawn with its weight. */
  choices(weights: ArrayLike<number>, k = 1): number[] {
    return Array.from({ length: k }, () => choose(weights, this.random()));
  }

  /** 32 random bits. */
  private next(): number {
    if (this.index >= N) this.twist();
    let y = this.state[this.index++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  private twist(): void {
    const s = this.state;
    for (let i = 0; i < N; i++) {
      const y = (s[i]! & 0x80000000) | (s[(i + 1) % N]! & 0x7fffffff);
      s[i] = s[(i + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.index = 0;
  }

  private initByArray(key: readonly number[]): void {
    const s = this.state;
    s[0] = 19650218;
    for (let i = 1; i < N; i++) s[i] = Math.imul(1812433253, s[i - 1]! ^ (s[i - 1]! >>> 30)) + i;
    let i = 1;
    let j = 0;
    for (let k = Math.max(N, key.length); k > 0; k--) {
      s[i] = (s[i]! ^ Math.imul(s[i - 1]! ^ (s[i - 1]! >>> 30), 1664525)) + key[j]! + j;
      if (++i >= N) {
        s[0] = s[N - 1]!;
        i = 1;
      }
      if (++j >= key.length) j = 0;
    }
    for (let k = N - 1; k > 0; k--) {
      s[i] = (s[i]! ^ Math.imul(s[i - 1]! ^ (s[i - 1]! >>> 30), 1566083941)) - i;
      if (++i >= N) {
        s[0] = s[N - 1]!;
        i = 1;
      }
    }
    s[0] = 0x80000000;
    this.index = N;
  }
}

/** The index that `random.choices` takes for a uniform number: the first whose sum exceeds it. */
export function choose(weights: ArrayLike<number>, uniform: number): number {
  const sums = new Float64Array(weights.length);
  let total = 0;
  for (let i = 0; i < weights.length; i++) sums[i] = total += weights[i]!;
  if (!(total > 0)) throw new RangeError('Total of weights must be greater than zero');
  if (!Number.isFinite(total)) throw new RangeError('Total of weights must be finite');
  const wanted = uniform * total;
  let low = 0;
  let high = weights.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (wanted < sums[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

function bitLength(n: number): number {
  let bits = 0;
  for (let rest = n; rest >= 1; rest = Math.floor(rest / 2)) bits++;
  return bits;
}
