/**
 * What every number was computed from: the one table behind the inspector, the highlights, the
 * screen-reader text and the test that each formula shown gives the number shown.
 *
 * A rule gives, for a name of the forward pass, the formula of a cell. Gradients have theirs in
 * `provenanceGradients.ts`, updates in `provenanceUpdate.ts`, and what uses a cell is in
 * `consumers.ts`.
 */

import { splitName } from './activations.ts';
import { headDim } from './config.ts';
import { consumersOf } from './consumers.ts';
import { type Cell, type Expr, inputsOf } from './expression.ts';
import { keys, lastStream, layerInput, normScale, scoreScale } from './formulas.ts';
import { forcedKey } from './interventions.ts';
import { lossOf } from './model.ts';
import { gradientExpr, paramGradientExpr } from './provenanceGradients.ts';
import { updateExpr } from './provenanceUpdate.ts';
import { Builder, cellValue, isOverridden, number, range, type Scene } from './scene.ts';

/** All there is to say about one number. */
export interface Explanation {
  readonly cell: Cell;
  readonly value: number;
  /** Null for a parameter of which no update is at hand: it was learned, not computed here. */
  readonly expr: Expr | null;
  /** What the formula reads. */
  readonly inputs: readonly Cell[];
  /** What reads it. */
  readonly consumers: readonly Cell[];
}

/** Throws RangeError for a cell that the scene does not have. */
export function explain(scene: Scene, cell: Cell): Explanation {
  const expr = exprOf(scene, cell);
  const value = cellValue(scene, cell);
  const inputs = expr ? inputsOf(expr) : [];
  return { cell, value, expr, inputs, consumers: consumersOf(scene, cell, exprOf) };
}

/** The formula of a cell. */
export function exprOf(scene: Scene, cell: Cell): Expr | null {
  const b = new Builder(scene);
  switch (cell.kind) {
    case 'value':
      return valueExpr(b, cell);
    case 'grad':
      return gradientExpr(b, cell);
    case 'param':
      return null;
    case 'param_grad':
      return paramGradientExpr(b, cell);
    default:
      return updateExpr(b, cell.kind, cell);
  }
}

function valueExpr(b: Builder, cell: Cell): Expr {
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

/** The loss when one number is moved a little up and down, and the slope that follows. */
export interface Nudge {
  readonly distance: number;
  readonly lossUp: number;
  readonly lossDown: number;
  /** (lossUp - lossDown) / (2 distance): what the gradient must be. */
  readonly slope: number;
  readonly gradient: number;
}

/** Check the gradient of a number of the forward pass, or of a parameter, by moving it. */
export function nudge(scene: Scene, cell: Cell, distance = 1e-5): Nudge {
  const { trace } = scene;
  const { kind, name, row, column, head } = cell;
  if (kind !== 'value' && kind !== 'param') throw new RangeError(`a ${kind} cannot be nudged`);
  const { interventions } = trace;
  const value = cellValue(scene, cell);
  const run = (moved: number): number => {
    if (kind === 'value') {
      if (name === 'mean_loss') return moved;
      const kept = interventions.overrides?.filter((o) => !isSame(o, cell)) ?? [];
      const set = [...kept, { name, row, column, head, value: moved }];
      return lossOf(trace.params, trace.document, { ...interventions, overrides: set });
    }
    const params = trace.params.copy();
    params.data[params.index(name, row, column)] = moved;
    return lossOf(params, trace.document, interventions);
  };
  const gradientKind = kind === 'value' ? 'grad' : 'param_grad';
  const gradient = cellValue(scene, { ...cell, kind: gradientKind });
  const lossUp = run(value + distance);
  const lossDown = run(value - distance);
  return { distance, lossUp, lossDown, slope: (lossUp - lossDown) / (2 * distance), gradient };
}

function isSame(
  o: { name: string; row: number; column: number; head?: number },
  cell: Cell,
): boolean {
  const head = o.head ?? 0;
  return (
    o.name === cell.name && o.row === cell.row && o.column === cell.column && head === cell.head
  );
}

/** A cell as people write it: `layer0.q[3][5]`, `d layer0.q[3][5]`, `wte[4][7]`. */
export function label({ kind, name, row, column, head }: Cell): string {
  if (name === 'mean_loss') return kind === 'grad' ? 'd mean_loss' : 'mean_loss';
  const place = name.endsWith('attn_scores') || name.endsWith('attn_weights') ? `[${head}]` : '';
  const at = `${name}${place}[${row}]` + (name === 'loss' ? '' : `[${column}]`);
  switch (kind) {
    case 'value':
    case 'param':
      return at;
    case 'grad':
    case 'param_grad':
      return `d ${at}`;
    default:
      return `${kind} of ${at}`;
  }
}
