/** How the page looks and which chapter is open; kept on the device, the chapter in the address. */

import { createStore } from 'zustand/vanilla';
import { isLanguage, LANGUAGES, type Language, preferred } from './language.ts';

export interface Settings {
  readonly theme: 'light' | 'dark';
  readonly language: Language;
  /** Whether the lines of reference.py stand open beside a chapter. */
  readonly code: boolean;
  /** Address part of the open chapter; '' is the start page. */
  readonly chapter: string;
  /** Large type, keys that page, and nothing but the chapter. */
  readonly presenting: boolean;
  /** Answers given to predictions and checks: key -> answer. */
  readonly answers: Readonly<Record<string, string>>;
}

const KEY = 'glassgpt';

export const settings = createStore<Settings>(() => ({
  theme: 'light',
  language: 'en',
  code: true,
  chapter: '',
  presenting: false,
  answers: {},
}));

/** Read what was kept, follow the address, apply the theme. Called once, in a browser. */
export function startSettings(): void {
  const prefersDark = matchMedia('(prefers-color-scheme: dark)').matches;
  settings.setState({
    theme: prefersDark ? 'dark' : 'light',
    language: preferred(navigator.languages, LANGUAGES, 'en'),
    ...kept(),
    chapter: chapterInAddress(),
  });
  const apply = ({ theme, language, code, answers, presenting }: Settings) => {
    document.documentElement.dataset.theme = theme;
    document.documentElement.lang = language;
    document.documentElement.toggleAttribute('data-presenting', presenting);
    try {
      localStorage.setItem(KEY, JSON.stringify({ theme, language, code, answers }));
    } catch {
      // Storage may be forbidden; the page works without.
    }
  };
  apply(settings.getState());
  settings.subscribe(apply);
  addEventListener('hashchange', () => settings.setState({ chapter: chapterInAddress() }));
}

/** What a link adds to the address: the packed state, or ''. */
export function linkInAddress(): string {
  return /[?&]r=([^&]*)/.exec(location.hash)?.[1] ?? '';
}

function chapterInAddress(): string {
  return location.hash.replace(/^#\/?/, '').split('?')[0]!;
}

function kept(): Partial<Settings> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    if (typeof value !== 'object' || value === null) return {};
    const { theme, language, code, answers } = value as Record<string, unknown>;
    return {
      ...(theme === 'light' || theme === 'dark' ? { theme } : {}),
      ...(isLanguage(language) ? { language } : {}),
      ...(typeof code === 'boolean' ? { code } : {}),
      ...(isAnswers(answers) ? { answers } : {}),
    };
  } catch {
    return {};
  }
}

function isAnswers(value: unknown): value is Record<string, string> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((v) => typeof v === 'string')
  );
}

export function toggleTheme(): void {
  settings.setState(({ theme }) => ({ theme: theme === 'dark' ? 'light' : 'dark' }));
}

export function speak(language: Language): void {
  settings.setState({ language });
}

export function present(presenting: boolean): void {
  settings.setState({ presenting });
}

export function toggleCode(): void {
  settings.setState(({ code }) => ({ code: !code }));
}

export function answer(key: string, value: string): void {
  settings.setState(({ answers }) => ({ answers: { ...answers, [key]: value } }));
}
