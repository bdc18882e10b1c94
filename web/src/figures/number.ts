/**
 * Numbers as people type them: decimal comma or point, thousands separated in either style, every
 * minus sign, per cent, fractions, powers of ten, digits of any script.
 */

/** One way to understand a text as a number. */
export interface Reading {
  /** With per cent divided out: 18 % is 0.18. */
  readonly value: number;
  /** The sign for per cent was typed. */
  readonly percent: boolean;
  /** The number as this page would write it. */
  readonly said: string;
}

/**
 * Every way to read the text, the likeliest first; empty for what is no number. There are two only
 * where three digits follow one mark: `4,192` is 4,192 (as this page groups) or 4.192; `4.192`
 * likewise, the other way round.
 */
export function readNumber(text: string): Reading[] {
  const plain = plainly(text);
  const [, sign = '', unsigned = '', unit = ''] =
    /^([-+]?)\s*(.*?)\s*(%|per ?cent|pct)?$/is.exec(plain) ?? [];
  const percent = unit !== '';
  const divisor = (sign === '-' ? -1 : 1) * (percent ? 100 : 1);
  const seen = new Set<number>();
  return magnitudes(unsigned).flatMap((magnitude) => {
    // A zero has no sign here: -0 would be written as −0.
    const value = magnitude === 0 ? 0 : magnitude / divisor;
    if (!Number.isFinite(value) || seen.has(value)) return [];
    seen.add(value);
    return { value, percent, said: written(percent ? 100 * value : value) + (percent ? ' %' : '') };
  });
}

/** What a short text field means by a number that is usually small: `4,192` is 4.192 there. */
export function readSmallNumber(text: string): number | null {
  const values = readNumber(text).map(({ value }) => value);
  return values.length === 0 ? null : values.reduce((a, b) => (Math.abs(b) < Math.abs(a) ? b : a));
}

/** A whole number from a field, kept within its limits; what is no number becomes the lowest. */
export function readWhole(text: string, low: number, high: number): number {
  const value = readNumber(text)[0]?.value ?? low;
  return Math.max(low, Math.min(high, Math.trunc(value)));
}

/** As this page writes a number: `−4,192.5`, or `3.2e−7` where it is very small or large. */
export function written(value: number): string {
  const shown = Number(value.toPrecision(12));
  const [digits = '', exponent] = String(Math.abs(shown)).split('e');
  const [whole = '', decimals] = digits.split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  const text = grouped + (decimals ? `.${decimals}` : '');
  const power = exponent ? `e${exponent.replace('-', '−').replace('+', '')}` : '';
  return (shown < 0 ? '−' : '') + text + power;
}

/** `1.2·10⁻³`, `½`, `१२`, `−5` in plain signs: 1.2e-3, 1/2, 12, -5. */
function plainly(text: string): string {
  return text
    .replace(/\s*[·×x*]\s*10\s*(?:\^\s*)?([⁺⁻]?[⁰¹²³⁴-⁹]+|(?<=\^\s*)[-+−]?\d+)/u, 'e$1')
    .replace(/(\d)\s*([½⅓⅔¼¾⅕-⅞⅐⅑⅒])/u, '$1 $2') // a mixed number is refused, not taken for 31/2
    .normalize('NFKC')
    .replace(/[−‐‑‒–—]/g, '-')
    .replace(/⁄|∕|÷/g, '/')
    .replace(/٪/g, '%')
    .replace(/٫/g, '.')
    .replace(/٬/g, ',')
    .replace(/\p{Nd}/gu, digit)
    .trim()
    .replace(/^[≈~=]\s*/, '');
}

/** The digits of a script are ten code points in a row, from zero on. */
function digit(char: string): string {
  let zero = char.codePointAt(0)!;
  const code = zero;
  while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
  return String(code - zero);
}

function magnitudes(text: string): number[] {
  const parts = text.split('/').map((part) => part.trim());
  if (parts.length === 2) {
    const [above = [], below = []] = parts.map(decimals);
    return above.flatMap((a) => below.filter((b) => b !== 0).map((b) => a / b));
  }
  return parts.length === 1 ? decimals(parts[0]!) : [];
}

const EXPONENT = /^(.*\d[.,]?)\s*e\s*([-+]?\d{1,3})$/i;

function decimals(text: string): number[] {
  const [, body = text, exponent = '0'] = EXPONENT.exec(text) ?? [];
  return readings(body).map((plain) => Number(`${plain}e${exponent}`));
}

/** The ways to read digits with marks between them, as plain decimals. */
function readings(text: string): string[] {
  if (!/^[\d.,'’_ ]*\d[.,]?$/.test(text) || !/^[\d.,]/.test(text)) return [];
  const marks = [...new Set(text.replace(/\d/g, ''))];
  const [mark = '', other = ''] = marks;
  if (marks.length > 2) return [];
  if (marks.length === 2)
    return isDecimal(text, other) && other !== mark ? joined(text, mark, other) : [];
  if (mark === '') return [text];
  const grouped = ungrouped(text, mark);
  const pointed = isDecimal(text, mark) ? [text.replace(mark, '.')] : [];
  return mark === ',' ? [...grouped, ...pointed] : [...pointed, ...grouped];
}

function isDecimal(text: string, mark: string): boolean {
  return (mark === '.' || mark === ',') && text.indexOf(mark) === text.lastIndexOf(mark);
}

/** Groups by one mark, then decimals by the other: `1.234,5`. */
function joined(text: string, mark: string, point: string): string[] {
  const [whole = '', decimals = ''] = text.split(point);
  return decimals.includes(mark) ? [] : ungrouped(whole, mark).map((w) => `${w}.${decimals}`);
}

/** Groups of three, or as in India of two before the last three: `1,00,000`. */
function ungrouped(text: string, mark: string): string[] {
  const groups = text.split(mark);
  const [first = '', ...rest] = groups;
  const threes = rest.every((group) => group.length === 3) && /^[1-9]\d{0,2}$/.test(first);
  const indian =
    rest.length > 1 &&
    rest.every((group, i) => group.length === (i === rest.length - 1 ? 3 : 2)) &&
    /^[1-9]\d?$/.test(first);
  return threes || indian ? [groups.join('')] : [];
}
