/** What kind of character it is: letters and, for the scripts of India, their parts. */

export type Category =
  | 'vowel'
  | 'consonant'
  | 'matra'
  | 'virama'
  | 'nukta'
  | 'nasal'
  | 'letter'
  | 'mark'
  | 'other';

export const CATEGORIES: Readonly<Record<Category, { title: string; colour: string }>> = {
  vowel: { title: 'vowel', colour: 'var(--red)' },
  consonant: { title: 'consonant', colour: 'var(--blue)' },
  matra: { title: 'matra (vowel sign)', colour: 'var(--yellow)' },
  virama: { title: 'virama (no vowel)', colour: 'var(--ink)' },
  nukta: { title: 'nukta (dot)', colour: '#8a3ffc' },
  nasal: { title: 'anusvara, visarga', colour: '#198038' },
  letter: { title: 'letter', colour: 'var(--blue)' },
  mark: { title: 'mark', colour: 'var(--yellow)' },
  other: { title: 'other', colour: 'var(--soft)' },
};

/** Code points of the Devanagari block (Unicode 16, chapter 12.1). */
export function categoryOf(char: string): Category {
  const code = char.codePointAt(0)!;
  if (code >= 0x0900 && code <= 0x097f) return devanagari(code);
  if (/[aeiouyAEIOUY]/.test(char)) return 'vowel';
  if (/[a-zA-Z]/.test(char)) return 'consonant';
  if (/\p{L}/u.test(char)) return 'letter';
  return /\p{M}/u.test(char) ? 'mark' : 'other';
}

function devanagari(code: number): Category {
  if (code <= 0x0903) return 'nasal';
  if (code === 0x093c) return 'nukta';
  if (code === 0x094d) return 'virama';
  if (code <= 0x0914 || code === 0x0960 || code === 0x0961 || (code >= 0x0972 && code <= 0x0977)) {
    return 'vowel';
  }
  if (code <= 0x0939 || (code >= 0x0958 && code <= 0x095f) || code >= 0x0978) return 'consonant';
  return (code >= 0x093a && code <= 0x094f) || code <= 0x0957 || code === 0x0962 || code === 0x0963
    ? 'matra'
    : 'other';
}
