/** The chapters in their order; each is loaded when it is opened. */

import { type ComponentType, lazy } from 'react';

export interface Chapter {
  readonly number: number;
  /** Its part of the page's address. */
  readonly address: string;
  readonly title: string;
  readonly view: ComponentType | null;
}

export const START: Chapter = { number: 0, address: '', title: 'GlassGPT', view: null };

export const CHAPTERS: readonly Chapter[] = [
  { number: 1, address: 'dataset', title: 'Dataset', view: lazy(() => import('./Dataset.tsx')) },
  { number: 2, address: 'tokens', title: 'Tokens', view: lazy(() => import('./Tokens.tsx')) },
  { number: 3, address: 'autograd', title: 'Autograd', view: lazy(() => import('./Autograd.tsx')) },
  {
    number: 4,
    address: 'parameters',
    title: 'Parameters',
    view: lazy(() => import('./Parameters.tsx')),
  },
  {
    number: 5,
    address: 'embeddings',
    title: 'Embeddings',
    view: lazy(() => import('./Embeddings.tsx')),
  },
  {
    number: 6,
    address: 'forward',
    title: 'Forward pass',
    view: lazy(() => import('./Forward.tsx')),
  },
  {
    number: 7,
    address: 'attention',
    title: 'Attention',
    view: lazy(() => import('./Attention.tsx')),
  },
  { number: 8, address: 'loss', title: 'Loss and gradients', view: lazy(() => import('./Loss.tsx')) },
  {
    number: 9,
    address: 'training',
    title: 'Training',
    view: lazy(() => import('./Training.tsx')),
  },
  {
    number: 10,
    address: 'generate',
    title: 'Generate',
    view: lazy(() => import('./Generate.tsx')),
  },
  {
    number: 11,
    address: 'machine',
    title: 'The whole machine',
    view: lazy(() => import('./Machine.tsx')),
  },
];

export function chapterAt(address: string): Chapter {
  return CHAPTERS.find((chapter) => chapter.address === address) ?? START;
}
