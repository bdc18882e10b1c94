/** What a cell is called aloud: its place in words, with the token that it belongs to. */

import { isAttention, splitName } from '../engine/activations.ts';
import type { Cell, UpdateKind } from '../engine/expression.ts';

const TERMS: Readonly<Record<UpdateKind, string>> = {
  weight_before: 'weight before the update, of',
  batch_grad: 'gradient of this step’s documents, of',
  m_before: 'running mean before the update, of',
  v_before: 'running mean of squares before the update, of',
  m: 'running mean, of',
  v: 'running mean of squares, of',
  m_hat: 'corrected mean, of',
  v_hat: 'corrected mean of squares, of',
  update: 'update, of',
  weight_after: 'weight after the update, of',
};

export interface Words {
  /** The token at a position of the running document. */
  readonly at: (position: number) => string;
  /** A token of the vocabulary. */
  readonly token: (id: number) => string;
}

export function say(cell: Cell, words: Words): string {
  switch (cell.kind) {
    case 'derived':
      return cell.name;
    case 'value':
      return place(cell, words);
    case 'grad':
      return `gradient of ${place(cell, words)}`;
    case 'param':
      return weight(cell, words);
    case 'param_grad':
      return `gradient of ${weight(cell, words)}`;
    case 'initial':
      return `first value of ${weight(cell, words)}`;
    case 'change':
      return `change of ${weight(cell, words)}`;
    default:
      return `${cell.next ? 'next ' : ''}${TERMS[cell.kind]} ${weight(cell, words)}`;
  }
}

function place({ name, row, column, head }: Cell, words: Words): string {
  if (name === 'mean_loss') return 'mean loss';
  const { layer, short } = splitName(name);
  const where = (position: number) => `position ${position}, ${words.at(position)}`;
  const of = layer > 0 ? `layer ${layer} ${short}` : short;
  if (name === 'loss') return `loss of ${where(row)}`;
  if (isAttention(name)) {
    const what = short === 'attn_weights' ? 'share' : 'score';
    const on = layer > 0 ? `layer ${layer} head` : 'head';
    return `${what} of ${where(row)}, for ${column}, ${words.at(column)}, ${on} ${head}`;
  }
  if (short === 'logits' || short === 'probs') {
    const what = short === 'logits' ? 'logit' : 'probability';
    return `${what} of ${words.token(column)}, after ${where(row)}`;
  }
  return `${of} ${column} of ${where(row)}`;
}

function weight({ name, row, column }: Cell, words: Words): string {
  const meaning =
    name === 'wte' || name === 'lm_head'
      ? ` (${words.token(row)})`
      : name === 'wpe'
        ? ` (position ${row})`
        : '';
  return `${name} row ${row}${meaning} column ${column}`;
}
