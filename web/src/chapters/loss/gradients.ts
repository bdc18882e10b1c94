/** How large the gradients of a trace are, and by which way a weight reaches the loss. */

import { isAttention, names, splitName, widthOf } from '../../engine/activations.ts';
import { rmsOf } from '../../engine/derived.ts';
import type { Cell } from '../../engine/expression.ts';
import { LAYERS } from '../../engine/formulas.ts';
import type { Trace } from '../../engine/model.ts';
import type { Params } from '../../engine/params.ts';

/** A named intermediate on the way back, with the matrices whose gradients are made there. */
export interface Stage {
  readonly name: string;
  /** Whether it is the residual stream itself. */
  readonly stream: boolean;
  readonly tensor: string | null;
}

/** From the loss to the embeddings. */
export function stages(n_layer: number): Stage[] {
  return names(n_layer)
    .reverse()
    .map((name) => {
      const { layer, short } = splitName(name);
      const made = Object.entries(LAYERS).find(([, [output]]) => output === short)?.[0];
      const top = { logits: 'lm_head', tok_emb: 'wte', pos_emb: 'wpe' }[short] ?? null;
      const stream = short === 'emb_norm' || short === 'attn_resid' || short === 'mlp_resid';
      return { name, stream, tensor: made ? `layer${layer}.${made}` : top };
    });
}

export function rms(values: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += values[i]! * values[i]!;
  return values.length ? Math.sqrt(squares / values.length) : 0;
}

/** Root mean square of the gradients of one position; of attention over all heads. */
export function rowSize({ grads, config, values }: Trace, name: string, row: number): number {
  if (!isAttention(name)) return rms(grads.row(name, row));
  const all: number[] = [];
  const keys = values.peeked ? values.length : row + 1;
  for (let head = 0; head < config.n_head; head++) {
    for (let s = 0; s < keys; s++) all.push(grads.get(name, row, s, head));
  }
  return rms(all);
}

/**
 * d loss / d logit for each token at a position: those of the trace, so that each is the number of
 * its cell; or, with another target in the same place, (p − 1)/n there and p/n elsewhere.
 */
export function logitGradients(
  { grads, values }: Trace,
  probs: ArrayLike<number>,
  position: number,
  otherTarget: number | null,
): number[] {
  if (otherTarget === null) return Array.from(grads.row('logits', position));
  return Array.from(probs, (p, id) => (p - (id === otherTarget ? 1 : 0)) / values.length);
}

/** The gradients of one position; of attention those of all heads. */
export function rowCellsOf({ config, values }: Trace, name: string, row: number): Cell[] {
  const heads = isAttention(name) ? config.n_head : 1;
  const keys = values.peeked ? values.length : row + 1;
  const width = isAttention(name) ? keys : widthOf(config, name, 0);
  return Array.from({ length: heads * width }, (_, i): Cell => {
    return { kind: 'grad', name, row, column: i % width, head: Math.floor(i / width) };
  });
}

/** How large the gradients of one position are. */
export function rowRms(trace: Trace, name: string, row: number): Cell {
  return rmsOf(`size of d ${name}[${row}]`, rowCellsOf(trace, name, row));
}

/** How large those of all positions are. */
export function allRms(trace: Trace, name: string): Cell {
  const rows = Array.from({ length: trace.values.length }, (_, row) =>
    rowCellsOf(trace, name, row),
  );
  return rmsOf(`size of d ${name}, all positions`, rows.flat());
}

/** How large the gradients of a matrix are. */
export function matrixRms({ params }: Trace, name: string): Cell {
  return rmsOf(`size of d ${name}`, { params, name, kind: 'param_grad' });
}

/** The same as `rowSize` for every position. */
export function rowSizes(trace: Trace, name: string): number[] {
  return Array.from({ length: trace.values.length }, (_, t) => rowSize(trace, name, t));
}

/** The way from a matrix to the loss: what it makes, and what is made of that, along the stream. */
export function wayToLoss(tensor: string, n_layer: number): string[] {
  const { layer, short } = splitName(tensor);
  const end = ['logits', 'probs', 'loss'];
  if (tensor === 'lm_head') return end;
  const after = (from: number): string[] =>
    Array.from({ length: n_layer - from }, (_, i) => [
      `layer${from + i}.attn_resid`,
      `layer${from + i}.mlp_resid`,
    ]).flat();
  if (layer < 0) {
    const first = short === 'wte' ? 'tok_emb' : 'pos_emb';
    return [first, 'emb_sum', 'emb_norm', ...after(0), ...end];
  }
  const scores = [
    'attn_scores',
    'attn_weights',
    'attn_out',
    'attn_proj',
    'attn_resid',
    'mlp_resid',
  ];
  const inside: Record<string, string[]> = {
    attn_wq: ['q', ...scores],
    attn_wk: ['k', ...scores],
    attn_wv: ['v', ...scores.slice(2)],
    attn_wo: scores.slice(3),
    mlp_fc1: ['mlp_hidden', 'mlp_relu', 'mlp_proj', 'mlp_resid'],
    mlp_fc2: ['mlp_proj', 'mlp_resid'],
  };
  return [...inside[short]!.map((name) => `layer${layer}.${name}`), ...after(layer + 1), ...end];
}

/** The weight that the loss feels most. */
export function steepestWeight(grads: Params): Cell {
  let best = 0;
  for (let i = 1; i < grads.data.length; i++) {
    if (Math.abs(grads.data[i]!) > Math.abs(grads.data[best]!)) best = i;
  }
  return { kind: 'param', ...grads.locate(best), head: 0 };
}

/** A size between 0 and 1 on a scale of powers of ten, from 10⁻⁴ to 10. */
export function onScale(size: number): number {
  if (!(size > 0)) return 0;
  return Math.min(1, Math.max(0, (Math.log10(size) + 4) / 5));
}
