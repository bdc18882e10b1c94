/** The table of contents: a line for each chapter, in their order. Its folder has the name of its address. */

export interface Entry {
  /** Counted from 1. */
  readonly number: number;
  /** Its part of the page's address, and its folder. */
  readonly address: string;
  readonly title: string;
  /** What it is about, in a few words. */
  readonly about: string;
}

export const CONTENTS: readonly Entry[] = [
  { address: 'dataset', title: 'Dataset', about: 'a list of names, and nothing else' },
  { address: 'tokens', title: 'Tokens', about: 'text becomes numbers' },
  { address: 'autograd', title: 'Autograd', about: 'numbers that know where they came from' },
  { address: 'parameters', title: 'Parameters', about: 'all that the model knows, on one canvas' },
  { address: 'embeddings', title: 'Embeddings', about: 'vectors for tokens and positions' },
  { address: 'forward', title: 'Forward pass', about: 'one token through the whole model' },
  { address: 'attention', title: 'Attention', about: 'which positions attend to which' },
  { address: 'loss', title: 'Loss and gradients', about: 'how wrong the model is, and why' },
  { address: 'training', title: 'Training', about: 'a thousand small steps, live' },
  { address: 'generate', title: 'Generate', about: 'generating text' },
  { address: 'machine', title: 'The whole machine', about: 'all of it, and the proof' },
].map((entry, i) => ({ number: i + 1, ...entry }));
