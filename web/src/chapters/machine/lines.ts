/** Which lines of reference.py belong to which chapter. */

import { definition, LINES, type Span } from '../../figures/source.ts';

export interface Part {
  readonly span: Span;
  /** Its chapter's part of the address. */
  readonly chapter: string;
}

/** In the order of the file; what is not named belongs to no chapter. */
export const PARTS: readonly Part[] = (
  [
    ['def read_documents', 'dataset'],
    ['class Tokenizer', 'tokens'],
    ['class Value', 'autograd'],
    ['def dot', 'autograd'],
    ['def linear', 'forward'],
    ['def softmax', 'attention'],
    ['def rmsnorm', 'embeddings'],
    ['def add', 'forward'],
    ['def __init__(\n', 'parameters'],
    ['def forward', 'forward'],
    ['def attention', 'attention'],
    ['def mlp', 'forward'],
    ['def loss', 'loss'],
    ['class Adam', 'training'],
    ['def train(', 'training'],
    ['def sample', 'generate'],
    ['def main', 'generate'],
  ] as const
).flatMap(([start, chapter]) =>
  start.endsWith('\n') ? [{ span: parameters(), chapter }] : [{ span: definition(start), chapter }],
);

/** The constructor of GPT: where the parameters are made. */
function parameters(): Span {
  const gpt = definition('class GPT');
  const first = LINES.findIndex((line, i) => i >= gpt.first && line.includes('def __init__')) + 1;
  const last = LINES.findIndex((line, i) => i > first && line.includes('def parameters'));
  return { first, last: last - 1 };
}

export function partOf(line: number): Part | undefined {
  return PARTS.find(({ span }) => line >= span.first && line <= span.last);
}
