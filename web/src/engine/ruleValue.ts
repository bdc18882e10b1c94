/** The forward pass as a table: the formula of each number, as `forward.ts` computes it. */

import { splitName } from './activations.ts';
import { headDim } from './config.ts';
import type { Cell, Expr } from './expression.ts';
import { keys, lastStream, layerInput, normScale, scoreScale } from './formulas.ts';
import { forcedKey } from './interventions.ts';
import { type Builder, cellValue, isOverridden, number, range } from './scene.ts';

/** A number of the forward pass. */
export function valueExpr(b: Builder, cell: Cell): Expr {
  const { trace } = b.scene;
  if (isOverridden(trace.plan, cell)) return number(cellValue(b.scene, cell), 'set by hand');
  const { layer, short } = splitName(cell.name);
  const rule = RULES[short];
  if (!rule) throw new RangeError(`there is no intermediate ${cell.name}`);
  return rule(b, cell, layer);
}

type Rule = (b: Builder, cell: Cell, layer: number) => Expr;

const RULES: Readonly<Record<string, Rule>> = {
  tok_emb: (b, { row, column }) => b.param('wte', b.scene.trace.values.tokens[row]!, column),
  pos_emb: (b, { row, column }) =>
    b.scene.trace.plan.positions
      ? b.param('wpe', row, column)
      : number(0, 'positions are switched off'),
  emb_sum: (b, { row, column }) =>
    sum(b.value('tok_emb', row, column), b.value('pos_emb', row, column)),
  emb_norm: (b, { row, column }) => norm(b, 'emb_sum', row, column),

  attn_norm: (b, { row, column }, layer) => norm(b, layerInput(layer), row, column),
  q: (b, cell, layer) => linear(b, `layer${layer}.attn_wq`, `layer${layer}.attn_norm`, cell),
  k: (b, cell, layer) => linear(b, `layer${layer}.attn_wk`, `layer${layer}.attn_norm`, cell),
  v: (b, cell, layer) => linear(b, `layer${layer}.attn_wv`, `layer${layer}.attn_norm`, cell),
  attn_scores: (b, { row, column, head }, layer) => {
    const dim = headDim(b.scene.trace.config);
    const query = range(dim, (j) => b.value(`layer${layer}.q`, row, head * dim + j));
    const key = range(dim, (j) => b.value(`layer${layer}.k`, column, head * dim + j));
    const dot: Expr = { op: 'dot', left: query, right: key };
    const scale = scoreScale(b);
    return scale ? { op: 'product', factors: [dot, scale] } : dot;
  },
  attn_weights: (b, { row, column, head }, layer) => {
    const { plan } = b.scene.trace;
    const forced = plan.forced.get(forcedKey(layer, head, row));
    if (forced) return number(forced[column]!, 'forced by hand');
    const seen = keys(b, row).filter((s) => s === row || !plan.hidden.has(s));
    if (!seen.includes(column)) return number(0, 'this position is hidden');
    const scores = seen.map((s) => b.value(`layer${layer}.attn_scores`, row, s, head));
    return softmax(scores, seen.indexOf(column));
  },
  attn_out: (b, { row, column }, layer) => {
    const { config, plan } = b.scene.trace;
    const head = Math.floor(column / headDim(config));
    if (plan.mutedHeads[layer]![head]) return number(0, 'this head is muted');
    const left = keys(b, row).map((s) => b.value(`layer${layer}.attn_weights`, row, s, head));
    const right = keys(b, row).map((s) => b.value(`layer${layer}.v`, s, column));
    return { op: 'dot', left, right };
  },
  attn_proj: (b, cell, layer) => linear(b, `layer${layer}.attn_wo`, `layer${layer}.attn_out`, cell),
  attn_resid: (b, cell, layer) => residual(b, layerInput(layer), `layer${layer}.attn_proj`, cell),

  mlp_norm: (b, { row, column }, layer) => norm(b, `layer${layer}.attn_resid`, row, column),
  mlp_hidden: (b, cell, layer) =>
    linear(b, `layer${layer}.mlp_fc1`, `layer${layer}.mlp_norm`, cell),
  mlp_relu: (b, { row, column }, layer) => ({
    op: 'relu',
    of: b.value(`layer${layer}.mlp_hidden`, row, column),
  }),
  mlp_proj: (b, cell, layer) =>
    b.scene.trace.plan.mutedMlps[layer]
      ? number(0, 'this MLP is muted')
      : linear(b, `layer${layer}.mlp_fc2`, `layer${layer}.mlp_relu`, cell),
  mlp_resid: (b, cell, layer) =>
    residual(b, `layer${layer}.attn_resid`, `layer${layer}.mlp_proj`, cell),

  logits: (b, cell) => linear(b, 'lm_head', lastStream(b.scene.trace.config.n_layer), cell),
  probs: (b, { row, column }) => {
    const { vocab_size } = b.scene.trace.config;
    return softmax(
      range(vocab_size, (i) => b.value('logits', row, i)),
      column,
    );
  },
  loss: (b, { row }) => ({
    op: 'negative',
    of: { op: 'log', of: b.value('probs', row, b.scene.trace.values.targets[row]!) },
  }),
  mean_loss: (b) => {
    const n = b.scene.trace.values.length;
    const total: Expr = { op: 'sum', terms: range(n, (t) => b.value('loss', t, 0)) };
    return {
      op: 'product',
      factors: [total, number(1 / n, 'mean over the predictions', `1/${n}`)],
    };
  },
};

function sum(...terms: Expr[]): Expr {
  return { op: 'sum', terms };
}

function norm(b: Builder, input: string, row: number, column: number): Expr {
  const x = b.value(input, row, column);
  return b.scene.trace.plan.norms ? { op: 'product', factors: [x, normScale(b, input, row)] } : x;
}

function linear(b: Builder, weights: string, input: string, { row, column }: Cell): Expr {
  const { n_in } = b.scene.trace.params.tensor(weights);
  return {
    op: 'dot',
    left: range(n_in, (i) => b.param(weights, column, i)),
    right: range(n_in, (i) => b.value(input, row, i)),
  };
}

function residual(b: Builder, stream: string, added: string, { row, column }: Cell): Expr {
  const y = b.value(added, row, column);
  return b.scene.trace.plan.residuals ? sum(b.value(stream, row, column), y) : y;
}

/** exp(x[i] - max x) / sum of exp(x[j] - max x). */
function softmax(x: readonly Expr[], i: number): Expr {
  const largest: Expr = { op: 'max', of: x };
  const power = (of: Expr): Expr => ({ op: 'exp', of: { op: 'minus', left: of, right: largest } });
  return { op: 'over', left: power(x[i]!), right: { op: 'sum', terms: x.map(power) } };
}
