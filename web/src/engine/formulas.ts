/** Parts of formulas that both the forward table and the gradient table use. */

import { headDim } from './config.ts';
import type { Expr } from './expression.ts';
import { NORM_EPS } from './linear.ts';
import { type Builder, number, range } from './scene.ts';

/** The name of the stream that enters a layer. */
export function layerInput(layer: number): string {
  return layer > 0 ? `layer${layer - 1}.mlp_resid` : 'emb_norm';
}

/** The name of the stream that the logits are read from. */
export function lastStream(n_layer: number): string {
  return `layer${n_layer - 1}.mlp_resid`;
}

/** 1 / root mean square of a row, as a formula over the row. */
export function normScale(b: Builder, name: string, row: number): Expr {
  const n = b.scene.trace.config.n_embd;
  const x = range(n, (i) => b.value(name, row, i));
  const squares: Expr = { op: 'dot', left: x, right: x };
  const mean: Expr = {
    op: 'product',
    factors: [squares, number(1 / n, 'mean over the row', `1/${n}`)],
  };
  const eps = number(NORM_EPS, 'keeps the norm of a zero row finite', 'ε');
  return { op: 'power', base: { op: 'sum', terms: [mean, eps] }, exponent: -0.5 };
}

/** 1 / sqrt(head_dim), or null where it is switched off. */
export function scoreScale(b: Builder): Expr | null {
  const { config, plan } = b.scene.trace;
  const dim = headDim(config);
  return plan.scaling ? number(1 / Math.sqrt(dim), 'for the width of a head', `1/√${dim}`) : null;
}

/** The positions that a query can look at. */
export function keys(b: Builder, query: number): number[] {
  const { plan, values } = b.scene.trace;
  return range(plan.peek ? values.length : query + 1, (s) => s);
}

/** Of each matrix of a layer: what it makes of what. */
export const LAYERS: Readonly<Record<string, readonly [output: string, input: string]>> = {
  attn_wq: ['q', 'attn_norm'],
  attn_wk: ['k', 'attn_norm'],
  attn_wv: ['v', 'attn_norm'],
  attn_wo: ['attn_proj', 'attn_out'],
  mlp_fc1: ['mlp_hidden', 'mlp_norm'],
  mlp_fc2: ['mlp_proj', 'mlp_relu'],
};
