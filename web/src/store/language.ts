/**
 * The languages that the whole page exists in, each under its own name. Another one is a line here;
 * the compiler then asks every `text.tsx` for it.
 */

export const LANGUAGES = { en: 'English' } as const;

export type Language = keyof typeof LANGUAGES;

export function isLanguage(value: unknown): value is Language {
  return typeof value === 'string' && Object.hasOwn(LANGUAGES, value);
}

/** The first of a reader's languages that exists here; `de-AT` asks for `de`. */
export function preferred<L extends string>(
  wanted: readonly string[],
  known: Readonly<Record<L, string>>,
  otherwise: L,
): L {
  const codes = Object.keys(known) as L[];
  for (const tag of wanted) {
    const found = codes.find((code) => code === tag.toLowerCase().split('-')[0]);
    if (found) return found;
  }
  return otherwise;
}
