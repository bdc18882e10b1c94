/** Sentences come from one file a chapter, in the language in force; a switch shows what exists. */

import { readFileSync } from 'node:fs';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { inLanguages } from '../src/figures/language.ts';
import { LanguageSwitch } from '../src/frame/LanguageSwitch.tsx';
import { isLanguage, LANGUAGES, preferred } from '../src/store/language.ts';

const shown = (languages?: Record<string, string>) =>
  renderToStaticMarkup(createElement(LanguageSwitch, languages ? { languages } : {}));

test('the switch shows the languages there are, and nothing where there is one', () => {
  expect(shown()).toBe('');
  expect(Object.keys(LANGUAGES)).toEqual(['en']);
  const two = shown({ en: 'English', hi: 'हिन्दी' });
  expect(two).toContain('aria-label="Language"');
  expect(two.match(/<option[^>]*>[^<]*/g)).toEqual([
    '<option value="en" lang="en" selected="">English',
    '<option value="hi" lang="hi">हिन्दी',
  ]);
});

test('a reader gets the first language that exists', () => {
  const known = { en: 'English', hi: 'हिन्दी' };
  expect(preferred(['de-AT', 'hi-IN', 'en'], known, 'en')).toBe('hi');
  expect(preferred(['EN-us'], known, 'en')).toBe('en');
  expect(preferred(['de'], known, 'en')).toBe('en');
  expect(preferred([], known, 'en')).toBe('en');
});

test('only a language that exists is kept', () => {
  expect(isLanguage('en')).toBe(true);
  for (const no of ['hi', 'toString', '', null, 3]) expect(isLanguage(no)).toBe(false);
});

test('the sentences are those of the language in force, with values put in', () => {
  const useText = inLanguages({ en: { greeting: (name: string) => `Hello ${name}.` } });
  const Greeting = () => useText().greeting('emma');
  expect(renderToStaticMarkup(createElement(Greeting))).toBe('Hello emma.');
});

const TEXTS = import.meta.glob('../src/**/text.tsx');

test('every text.tsx gives its sentences through the languages', () => {
  for (const path of Object.keys(TEXTS)) {
    const text = readFileSync(new URL(path, import.meta.url), 'utf8');
    expect(text, path).toMatch(/export const use\w*Text = inLanguages\(\{ en\b/);
  }
});

const CHAPTERS = import.meta.glob('../src/chapters/*/*.tsx');

test('a chapter with a text.tsx has no sentence anywhere else', () => {
  const folders = Object.keys(TEXTS).map((path) => path.replace('text.tsx', ''));
  expect(folders.length).toBeGreaterThan(0);
  const outside = Object.keys(CHAPTERS).filter(
    (path) => !path.endsWith('/text.tsx') && folders.some((folder) => path.startsWith(folder)),
  );
  const found = outside.flatMap((path) => {
    const text = readFileSync(new URL(path, import.meta.url), 'utf8');
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    const loose = code.match(/^ +[A-Za-z][a-z]+(,? [A-Za-z][a-z]*){2,}|>[A-Za-z][a-z]+ [a-z ]+</gm);
    const given = code.match(/\b(title|caption|label|aria-label|question|placeholder)="[^"]+"/g);
    return [...(loose ?? []), ...(given ?? [])].map((words) => `${path}: ${words.trim()}`);
  });
  expect(found).toEqual([]);
});
