/** The chapters in their order; each is loaded when it is opened. */

import { type ComponentType, lazy } from 'react';

export interface Chapter {
  readonly number: number;
  /** Its part of the page's address. */
  readonly address: string;
  readonly title: string;
  /** What it is about, in a few words. */
  readonly about: string;
  readonly view: ComponentType | null;
}

export const START: Chapter = { number: 0, address: '', title: 'GlassGPT', about: '', view: null };

export const CHAPTERS: readonly Chapter[] = [
  {
    number: 1,
    address: 'dataset',
    title: 'Dataset',
    about: 'a list of names, and nothing else',
    view: lazy(() => import('./dataset/index.tsx')),
  },
  {
    number: 2,
    address: 'tokens',
    title: 'Tokens',
    about: 'text becomes numbers',
    view: lazy(() => import('./tokens/index.tsx')),
  },
  {
    number: 3,
    address: 'autograd',
    title: 'Autograd',
    about: 'numbers that know where they came from',
    view: lazy(() => import('./autograd/index.tsx')),
  },
  {
    number: 4,
    address: 'parameters',
    title: 'Parameters',
    about: 'all that the model knows, on one canvas',
    view: lazy(() => import('./parameters/index.tsx')),
  },
  {
    number: 5,
    address: 'embeddings',
    title: 'Embeddings',
    about: 'vectors for tokens and positions',
    view: lazy(() => import('./embeddings/index.tsx')),
  },
  {
    number: 6,
    address: 'forward',
    title: 'Forward pass',
    about: 'one token through the whole model',
    view: lazy(() => import('./forward/index.tsx')),
  },
  {
    number: 7,
    address: 'attention',
    title: 'Attention',
    about: 'which positions attend to which',
    view: lazy(() => import('./attention/index.tsx')),
  },
  {
    number: 8,
    address: 'loss',
    title: 'Loss and gradients',
    about: 'how wrong the model is, and why',
    view: lazy(() => import('./loss/index.tsx')),
  },
  {
    number: 9,
    address: 'training',
    title: 'Training',
    about: 'a thousand small steps, live',
    view: lazy(() => import('./training/index.tsx')),
  },
  {
    number: 10,
    address: 'generate',
    title: 'Generate',
    about: 'generating text',
    view: lazy(() => import('./generate/index.tsx')),
  },
  {
    number: 11,
    address: 'machine',
    title: 'The whole machine',
    about: 'all of it, and the proof',
    view: lazy(() => import('./machine/index.tsx')),
  },
];

export function chapterAt(address: string): Chapter {
  return CHAPTERS.find((chapter) => chapter.address === address) ?? START;
}
