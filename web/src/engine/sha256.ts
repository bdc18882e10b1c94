/**
 * SHA-256 (FIPS 180-4) of some bytes, in hexadecimal: by it a data set is known in model files and
 * links. Our own, because browsers offer theirs on secure pages only, and a class room's server
 * often is not one.
 */

/** The first 32 bits of the fractions of cube roots (k) and square roots (h) of the first primes. */
const [K, H] = constants();

export function sha256(bytes: Uint8Array): string {
  const length = bytes.length;
  const padded = new Uint8Array((((length + 8) >> 6) + 1) << 6);
  padded.set(bytes);
  padded[length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(length / 2 ** 29));
  view.setUint32(padded.length - 4, (length << 3) >>> 0);
  const h = H.slice();
  const w = new Uint32Array(64);
  for (let start = 0; start < padded.length; start += 64) {
    for (let i = 0; i < 16; i++) w[i] = view.getUint32(start + 4 * i);
    for (let i = 16; i < 64; i++) {
      const a = w[i - 15]!;
      const b = w[i - 2]!;
      const small0 = turn(a, 7) ^ turn(a, 18) ^ (a >>> 3);
      const small1 = turn(b, 17) ^ turn(b, 19) ^ (b >>> 10);
      w[i] = w[i - 16]! + small0 + w[i - 7]! + small1;
    }
    compress(h, w);
  }
  return Array.from(h, (word) => word.toString(16).padStart(8, '0')).join('');
}

type Eight = [number, number, number, number, number, number, number, number];

function compress(state: Uint32Array, w: Uint32Array): void {
  let [a, b, c, d, e, f, g, h] = Array.from(state) as Eight;
  for (let i = 0; i < 64; i++) {
    const big1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
    const first = (h + big1 + ((e & f) ^ (~e & g)) + K[i]! + w[i]!) | 0;
    const big0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
    const second = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    state[i]! += word;
  });
}

function turn(x: number, by: number): number {
  return (x >>> by) | (x << (32 - by));
}

function constants(): [k: Uint32Array, h: Uint32Array] {
  const primes: number[] = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  // Exact: the integer root of p scaled up, its lowest 32 bits the fraction.
  const fraction = (p: number, degree: 2 | 3) => {
    const target = BigInt(p) << BigInt(32 * degree);
    let root = 0n;
    for (let bit = 1n << 37n; bit > 0n; bit >>= 1n) {
      const tried = root | bit;
      if (tried ** BigInt(degree) <= target) root = tried;
    }
    return Number(root & 0xffffffffn);
  };
  const k = Uint32Array.from(primes, (p) => fraction(p, 3));
  const h = Uint32Array.from(primes.slice(0, 8), (p) => fraction(p, 2));
  return [k, h];
}
