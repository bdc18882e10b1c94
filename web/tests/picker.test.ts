/** The counter of the document picker counts as the model reads. */

import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { trainConfig } from '../src/engine/config.ts';
import { normalized, Tokenizer } from '../src/engine/tokenizer.ts';
import { prepare } from '../src/engine/train.ts';
import { Cut } from '../src/frame/DocumentPicker.tsx';

const said = (text: string, form: 'nfc' | 'nfd') => {
  const tokenizer = Tokenizer.fromDocuments([normalized(text, form)], form);
  const run = prepare(['\u0928'], trainConfig(), tokenizer, { block_size: 16 });
  return renderToStaticMarkup(createElement(Cut, { text, run })).replace(/<[^>]+>/g, '');
};

test('a letter that is taken apart counts as its parts', () => {
  const text = '\u0929'.repeat(10); // NNNA: in NFD it is NA and a nukta
  expect(said(text, 'nfc')).toBe('10 of 15 characters');
  expect(said(text, 'nfd')).toContain('20 of 15 characters. ');
  expect(said(text, 'nfd')).toContain('the other 5 are cut off');
  expect(said('\u0928\u093c'.repeat(10), 'nfc')).toBe('10 of 15 characters');
});
