/** The chapters in the order of the table of contents; each is loaded when it is opened. */

import { type ComponentType, lazy } from 'react';
import { CONTENTS, type Entry } from './contents.ts';

export interface Chapter extends Entry {
  readonly view: ComponentType | null;
}

const FOLDERS = import.meta.glob<{ default: ComponentType }>('./*/index.tsx');

export const START: Chapter = { number: 0, address: '', title: 'GlassGPT', about: '', view: null };

export const CHAPTERS: readonly Chapter[] = CONTENTS.map((entry) => {
  const folder = FOLDERS[`./${entry.address}/index.tsx`];
  if (!folder) throw new Error(`the folder chapters/${entry.address} has no index.tsx`);
  return { ...entry, view: lazy(folder) };
});

export function chapterAt(address: string): Chapter {
  return CHAPTERS.find((chapter) => chapter.address === address) ?? START;
}
