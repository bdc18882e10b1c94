/**
 * log, sin and cos rounded as if computed exactly (but for about one in 10^15 arguments).
 *
 * The initial weights come from Python's `random.gauss`, that is from the C library's log, sin and
 * cos, which are all but exact. Browsers' own differ from it, and from each other, in the last bit.
 * Here numbers are sums of two doubles, about 106 bits. Slow, but a model needs only thousands.
 */

import { log as roughLog } from './elementary.ts';

/** A number as an unevaluated sum: `[high, low]`, low below half a last place of high. */
type Pair = readonly [high: number, low: number];

/** pi/2 and ln 2 to about 160 bits, as sums of three doubles. */
const HALF_PI = [1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33] as const;
const LN2 = [0.6931471805599453, 2.3190468138462996e-17, 5.707708438416212e-34] as const;

/** sin x for a moderate x. */
export function sin(x: number): number {
  const [quarter, r] = reduce(x);
  const [high, low] = quarter % 2 ? cosSeries(r) : sinSeries(r);
  return quarter === 2 || quarter === 3 ? -(high + low) : high + low;
}

/** cos x for a moderate x. */
export function cos(x: number): number {
  const [quarter, r] = reduce(x);
  const [high, low] = quarter % 2 ? sinSeries(r) : cosSeries(r);
  return quarter === 1 || quarter === 2 ? -(high + low) : high + low;
}

/** The natural logarithm of a positive number. */
export function log(x: number): number {
  const y = roughLog(x);
  if (y === 0 || !Number.isFinite(y)) return y;
  // One Newton step on e^y = x; what it adds is about 1e-16, so its own rounding does not matter.
  const e = exp(y);
  const difference = x - e[0] - e[1];
  return y + difference / e[0];
}

/** x = quarter pi/2 + r with |r| <= pi/4; quarter from 0 to 3. */
function reduce(x: number): [quarter: number, r: Pair] {
  const n = Math.round(x / HALF_PI[0]);
  let r = add([x, 0], negative(product(n, HALF_PI[0])));
  r = add(r, negative(product(n, HALF_PI[1])));
  r = add(r, [-n * HALF_PI[2], 0]);
  return [((n % 4) + 4) % 4, r];
}

function sinSeries(r: Pair): Pair {
  return series(r, multiply(r, r), 1);
}

function cosSeries(r: Pair): Pair {
  return series([1, 0], multiply(r, r), 0);
}

/** first (1 - z/((n+1)(n+2)) + z^2/((n+1)…(n+4)) - …) */
function series(first: Pair, z: Pair, n: number): Pair {
  let term = first;
  let sum = first;
  for (let k = n + 1; Math.abs(term[0]) > 1e-36; k += 2) {
    term = negative(divide(multiply(term, z), k * (k + 1)));
    sum = add(sum, term);
  }
  return sum;
}

function exp(x: number): Pair {
  const k = Math.round(x / LN2[0]);
  let r = add([x, 0], negative(product(k, LN2[0])));
  r = add(r, negative(product(k, LN2[1])));
  r = add(r, [-k * LN2[2], 0]);
  let term: Pair = [1, 0];
  let sum: Pair = term;
  for (let n = 1; Math.abs(term[0]) > 1e-36; n++) {
    term = divide(multiply(term, r), n);
    sum = add(sum, term);
  }
  const scale = 2 ** k; // exact
  return [sum[0] * scale, sum[1] * scale];
}

// --- arithmetic of pairs (Dekker 1971, Knuth) ---

function negative(a: Pair): Pair {
  return [-a[0], -a[1]];
}

/** a + b as a pair, exactly. */
function sum(a: number, b: number): Pair {
  const high = a + b;
  const part = high - a;
  return [high, a - (high - part) + (b - part)];
}

/** a b as a pair, exactly: halves of 26 bits, whose products fit a double. */
function product(a: number, b: number): Pair {
  const high = a * b;
  const splitA = 134217729 * a; // 2^27 + 1
  const splitB = 134217729 * b;
  const aHigh = splitA - (splitA - a);
  const bHigh = splitB - (splitB - b);
  const aLow = a - aHigh;
  const bLow = b - bHigh;
  return [high, aHigh * bHigh - high + aHigh * bLow + aLow * bHigh + aLow * bLow];
}

function add(a: Pair, b: Pair): Pair {
  const [high, low] = sum(a[0], b[0]);
  return sum(high, low + (a[1] + b[1]));
}

function multiply(a: Pair, b: Pair): Pair {
  const [high, low] = product(a[0], b[0]);
  return sum(high, low + (a[0] * b[1] + a[1] * b[0]));
}

function divide(a: Pair, b: number): Pair {
  const high = a[0] / b;
  const back = product(high, b);
  return sum(high, (a[0] - back[0] - back[1] + a[1]) / b);
}
