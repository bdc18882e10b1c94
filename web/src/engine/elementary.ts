/**
 * exp, log and whole powers from additions, multiplications and divisions only.
 *
 * Browsers round `Math.exp` and `Math.log` differently in the last bit; these give the same bits in
 * every browser, so that a shared link retrains to the same numbers. Error: below one unit in the
 * last place.
 */

const LN2_HIGH = 0.6931471803691238; // the first 33 bits of ln 2: k times it is exact
const LN2_LOW = 1.9082149292705877e-10;
const LOG2_E = 1.4426950408889634;

/** 2^k for k from -1074 to 1023, at [k + 1074]. */
const POWERS_OF_TWO = new Float64Array(2098);
POWERS_OF_TWO[1074] = 1;
for (let k = 1075; k < 2098; k++) POWERS_OF_TWO[k] = POWERS_OF_TWO[k - 1]! * 2;
for (let k = 1073; k >= 0; k--) POWERS_OF_TWO[k] = POWERS_OF_TWO[k + 1]! / 2;

/** e^x. */
export function exp(x: number): number {
  if (!(x > -746 && x < 710)) return Number.isNaN(x) ? x : x > 0 ? Number.POSITIVE_INFINITY : 0;
  // x = k ln 2 + r with |r| <= ln 2 / 2, so e^x = 2^k e^r; e^r by its Taylor series.
  const k = Math.round(x * LOG2_E);
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low;
  const lost = high - r - low;
  // biome-ignore format: one coefficient, 1/n!, a line would hide the series
  const series = r * r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720
    + r * (1 / 5040 + r * (1 / 40320 + r * (1 / 362880 + r * (1 / 3628800 + r * (1 / 39916800
    + r * (1 / 479001600 + r * (1 / 6227020800))))))))))));
  const y = 1 + (r + (lost + series));
  if (k > 1023) return y * 2 * POWERS_OF_TWO[k + 1073]!;
  if (k < -1021) return y * POWERS_OF_TWO[k + 1074 + 100]! * POWERS_OF_TWO[1074 - 100]!;
  return y * POWERS_OF_TWO[k + 1074]!;
}

const bits = new DataView(new ArrayBuffer(8));

/** The natural logarithm: -Infinity at 0, NaN below. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  let k = 0;
  let m = x;
  if (m < 2.2250738585072014e-308) {
    m *= 18014398509481984; // 2^54 lifts a subnormal number into the normal ones
    k = -54;
  }
  bits.setFloat64(0, m);
  const top = bits.getUint32(0);
  k += (top >>> 20) - 1023;
  bits.setUint32(0, (top & 0xfffff) | 0x3ff00000); // m in [1, 2)
  m = bits.getFloat64(0);
  if (m > Math.SQRT2) {
    m /= 2;
    k++;
  }
  // x = 2^k (1 + f). With s = f / (2 + f): log(1 + f) = 2 (s + s^3/3 + s^5/5 + …). As 2s = f - s f,
  // f itself, which is exact, can stand outside, and only small terms are rounded.
  const f = m - 1;
  const s = f / (2 + f);
  const z = s * s;
  // biome-ignore format: one coefficient, 2/n, a line would hide the series
  const series = z * (2 / 3 + z * (2 / 5 + z * (2 / 7 + z * (2 / 9 + z * (2 / 11 + z * (2 / 13
    + z * (2 / 15 + z * (2 / 17 + z * (2 / 19 + z * (2 / 21))))))))));
  const half = 0.5 * f * f;
  return k * LN2_HIGH - (half - (s * (half + series) + k * LN2_LOW) - f);
}

/** base^n for a whole n >= 0, by squaring. */
export function power(base: number, n: number): number {
  let result = 1;
  let square = base;
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2) result *= square;
    square *= square;
  }
  return result;
}
