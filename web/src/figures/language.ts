import type { Language } from '../store/language.ts';
import { useSettings } from '../store/use.ts';

/**
 * For a `text.tsx`: the sentences of a chapter in every language, as a hook that gives those of the
 * language in force. English says which sentences there are and what is put into them.
 */
export function inLanguages<T>(
  texts: { readonly en: T } & Readonly<Record<Language, NoInfer<T>>>,
): () => T {
  return () => texts[useSettings((s) => s.language)];
}
