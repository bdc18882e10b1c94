/**
 * Small pieces of Python whose results people see: how values are written in messages, what counts
 * as white space, in which order characters are sorted. Here so that both sides say the same.
 */

/** `repr()` of the values that occur in messages. */
export function repr(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'number') return reprNumber(value);
  if (typeof value === 'string') return reprString(value);
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
  return String(value);
}

function reprNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Number.isSafeInteger(value)) return String(value);
  // Python changes to the exponent form below 1e-4 and from 1e16, JavaScript below 1e-6 and 1e21.
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e16) return String(value);
  return twoDigitExponent(value.toExponential());
}

function twoDigitExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}

/** `format(value, 'g')`: six significant digits, without trailing zeros. */
export function formatG(value: number): string {
  if (!Number.isFinite(value)) return reprNumber(value);
  if (value === 0) return '0';
  const exponent = Number(value.toExponential(5).split('e')[1]);
  if (exponent < -4 || exponent >= 6) {
    return twoDigitExponent(value.toExponential(5).replace(/\.?0+e/, 'e'));
  }
  const fixed = value.toFixed(5 - exponent);
  return fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed;
}

/** `format(value, ',')` of a whole number: 32033 -> `32,033`. */
export function withCommas(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

const NOT_PRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

/** `repr()` of a text: in single quotes unless it holds one, what cannot be printed escaped. */
export function reprString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let shown = '';
  for (const char of text) {
    const code = char.codePointAt(0)!;
    if (char === '\\' || char === quote) shown += `\\${char}`;
    else if (char === '\n') shown += '\\n';
    else if (char === '\r') shown += '\\r';
    else if (char === '\t') shown += '\\t';
    else if (!NOT_PRINTABLE.test(char)) shown += char;
    else if (code <= 0xff) shown += `\\x${hex(code, 2)}`;
    else if (code <= 0xffff) shown += `\\u${hex(code, 4)}`;
    else shown += `\\U${hex(code, 8)}`;
  }
  return quote + shown + quote;
}

/** A whole number in lower-case hexadecimal digits. */
export function hex(value: number, width: number): string {
  return value.toString(16).padStart(width, '0');
}

// `str.isspace`: unlike JavaScript's trim() it takes in U+001C…1F and U+0085 and leaves U+FEFF.
const SPACE =
  '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const OUTER_SPACE = new RegExp(`^${SPACE}+|${SPACE}+$`, 'g');

/** `str.strip()`. */
export function strip(text: string): string {
  return text.replace(OUTER_SPACE, '');
}

/** Order of code points; JavaScript's own is that of UTF-16 units, which puts emoji before U+E000. */
export function byCodePoint(a: string, b: string): number {
  const left = Array.from(a);
  const right = Array.from(b);
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!;
    if (difference) return difference;
  }
  return left.length - right.length;
}

/** The number of code points, Python's `len` of a text. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** `math.fsum`: the sum of all terms, rounded once. */
export function fsum(terms: Iterable<number>): number {
  // Partial sums that do not overlap, smallest first: their exact sum is that of the terms so far
  // (Shewchuk 1997).
  const partials: number[] = [];
  for (const term of terms) {
    let x = term;
    let kept = 0;
    for (const partial of partials) {
      let y = partial;
      if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x];
      const high = x + y;
      const low = y - (high - x);
      if (low) partials[kept++] = low;
      x = high;
    }
    partials.length = kept;
    partials.push(x);
  }
  let total = partials.pop() ?? 0;
  while (partials.length) {
    const next = partials.pop()!;
    const sum = total + next;
    const lost = next - (sum - total);
    total = sum;
    if (lost) {
      // Half way between two numbers? Then the next partial decides to which it is rounded.
      const below = partials.at(-1) ?? 0;
      if ((lost < 0 && below < 0) || (lost > 0 && below > 0)) {
        const up = total + 2 * lost;
        if (2 * lost === up - total) total = up;
      }
      break;
    }
  }
  return total;
}
