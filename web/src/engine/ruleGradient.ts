/** The chain rule as a table: the formula of d(loss)/d(each number), as `backward.ts` computes it. */

import { splitName } from './activations.ts';
import { headDim } from './config.ts';
import type { Cell, Expr } from './expression.ts';
import { keys, LAYERS, lastStream, layerInput, normScale, scoreScale } from './formulas.ts';
import { forcedKey } from './interventions.ts';
import { type Builder, number, range } from './scene.ts';

/** d(loss)/d(a number of the forward pass). */
export function gradientExpr(b: Builder, cell: Cell): Expr {
  const { layer, short } = splitName(cell.name);
  const rule = RULES[short];
  if (!rule) throw new RangeError(`there is no gradient of ${cell.name}`);
  return rule(b, cell, layer);
}

/** d(loss)/d(a parameter): over all positions that used it. */
export function paramGradientExpr(b: Builder, { name, row, column }: Cell): Expr {
  const { values, plan, config } = b.scene.trace;
  const { layer, short } = splitName(name);
  const positions = range(values.length, (t) => t);
  if (short === 'wte') {
    const read = positions.filter((t) => values.tokens[t] === row);
    return sum(...read.map((t) => b.grad('tok_emb', t, column)));
  }
  if (short === 'wpe') {
    if (!plan.positions) return number(0, 'positions are switched off');
    return row < values.length ? b.grad('pos_emb', row, column) : sum();
  }
  if (plan.mutedMlps[layer] && short === 'mlp_fc2') return number(0, 'this MLP is muted');
  const [output, input] =
    name === 'lm_head'
      ? ['logits', lastStream(config.n_layer)]
      : (LAYERS[short]!.map((of) => `layer${layer}.${of}`) as [string, string]);
  return {
    op: 'dot',
    left: positions.map((t) => b.grad(output, t, row)),
    right: positions.map((t) => b.value(input, t, column)),
  };
}

type Rule = (b: Builder, cell: Cell, layer: number) => Expr;

const RULES: Readonly<Record<string, Rule>> = {
  mean_loss: () => number(1, 'the gradient of the loss with respect to itself'),
  loss: (b) => {
    const n = b.scene.trace.values.length;
    return product(b.grad('mean_loss', 0, 0), number(1 / n, 'its share of the mean', `1/${n}`));
  },
  probs: (b, { row, column }) => {
    if (column !== b.scene.trace.values.targets[row]) return number(0, 'not the target');
    const over: Expr = {
      op: 'over',
      left: b.grad('loss', row, 0),
      right: b.value('probs', row, column),
    };
    return { op: 'negative', of: over };
  },
  logits: (b, { row, column }) => {
    // Through -log and softmax at once: p, less 1 at the target.
    const target = b.scene.trace.values.targets[row]!;
    const blocked = b.grad('probs', row, target);
    if (blocked.op === 'number') return blocked;
    const p = b.computed('probs', row, column);
    const wrong: Expr =
      column === target ? { op: 'minus', left: p, right: number(1, 'this is the target') } : p;
    return product(wrong, b.grad('loss', row, 0));
  },

  mlp_resid: (b, { row, column }, layer) => {
    const { n_layer, vocab_size } = b.scene.trace.config;
    if (layer < n_layer - 1) return streamGradient(b, layer + 1, row, column);
    return through(b, 'logits', 'lm_head', vocab_size, row, column);
  },
  mlp_proj: (b, { row, column }, layer) => b.grad(`layer${layer}.mlp_resid`, row, column),
  mlp_relu: (b, { row, column }, layer) => {
    const { plan, config } = b.scene.trace;
    if (plan.mutedMlps[layer]) return number(0, 'this MLP is muted');
    return through(
      b,
      `layer${layer}.mlp_proj`,
      `layer${layer}.mlp_fc2`,
      config.n_embd,
      row,
      column,
    );
  },
  mlp_hidden: (b, { row, column }, layer) => {
    const on = b.scene.trace.values.get(`layer${layer}.mlp_hidden`, row, column) > 0;
    const slope = number(on ? 1 : 0, on ? 'ReLU is on here' : 'ReLU is off here');
    return product(b.grad(`layer${layer}.mlp_relu`, row, column), slope);
  },
  mlp_norm: (b, { row, column }, layer) => {
    const width = 4 * b.scene.trace.config.n_embd;
    return through(b, `layer${layer}.mlp_hidden`, `layer${layer}.mlp_fc1`, width, row, column);
  },
  attn_resid: (b, { row, column }, layer) => {
    const name = `layer${layer}.attn_resid`;
    const normed = normGradient(b, `layer${layer}.mlp_norm`, name, row, column);
    if (!b.scene.trace.plan.residuals) return normed;
    return sum(b.grad(`layer${layer}.mlp_resid`, row, column), normed);
  },

  attn_proj: (b, { row, column }, layer) => b.grad(`layer${layer}.attn_resid`, row, column),
  attn_out: (b, { row, column }, layer) => {
    const { n_embd } = b.scene.trace.config;
    return through(b, `layer${layer}.attn_proj`, `layer${layer}.attn_wo`, n_embd, row, column);
  },
  v: (b, { row, column }, layer) => {
    const head = headOf(b, column);
    if (b.scene.trace.plan.mutedHeads[layer]![head]) return number(0, 'this head is muted');
    const queries = queriesOf(b, row);
    return {
      op: 'dot',
      left: queries.map((t) => b.value(`layer${layer}.attn_weights`, t, row, head)),
      right: queries.map((t) => b.grad(`layer${layer}.attn_out`, t, column)),
    };
  },
  attn_weights: (b, { row, column, head }, layer) => {
    const { config, plan } = b.scene.trace;
    if (plan.mutedHeads[layer]![head]) return number(0, 'this head is muted');
    const dim = headDim(config);
    return {
      op: 'dot',
      left: range(dim, (j) => b.grad(`layer${layer}.attn_out`, row, head * dim + j)),
      right: range(dim, (j) => b.value(`layer${layer}.v`, column, head * dim + j)),
    };
  },
  attn_scores: (b, { row, column, head }, layer) => {
    if (b.scene.trace.plan.forced.has(forcedKey(layer, head, row))) {
      return number(0, 'the weights are forced by hand');
    }
    const name = `layer${layer}.attn_weights`;
    const mean: Expr = {
      op: 'dot',
      left: keys(b, row).map((s) => b.computed(name, row, s, head)),
      right: keys(b, row).map((s) => b.grad(name, row, s, head)),
    };
    const difference: Expr = { op: 'minus', left: b.grad(name, row, column, head), right: mean };
    return product(b.computed(name, row, column, head), difference);
  },
  q: (b, { row, column }, layer) => {
    const head = headOf(b, column);
    return scaled(b, {
      op: 'dot',
      left: keys(b, row).map((s) => b.grad(`layer${layer}.attn_scores`, row, s, head)),
      right: keys(b, row).map((s) => b.value(`layer${layer}.k`, s, column)),
    });
  },
  k: (b, { row, column }, layer) => {
    const head = headOf(b, column);
    const queries = queriesOf(b, row);
    return scaled(b, {
      op: 'dot',
      left: queries.map((t) => b.grad(`layer${layer}.attn_scores`, t, row, head)),
      right: queries.map((t) => b.value(`layer${layer}.q`, t, column)),
    });
  },
  attn_norm: (b, { row, column }, layer) => {
    const { n_embd } = b.scene.trace.config;
    const paths = [
      ['q', 'attn_wq'],
      ['k', 'attn_wk'],
      ['v', 'attn_wv'],
    ] as const;
    return sum(
      ...paths.map(([output, weights]) =>
        through(b, `layer${layer}.${output}`, `layer${layer}.${weights}`, n_embd, row, column),
      ),
    );
  },

  emb_norm: (b, { row, column }) => streamGradient(b, 0, row, column),
  emb_sum: (b, { row, column }) => normGradient(b, 'emb_norm', 'emb_sum', row, column),
  tok_emb: (b, { row, column }) => b.grad('emb_sum', row, column),
  pos_emb: (b, { row, column }) => b.grad('emb_sum', row, column),
};

/** Of the stream that enters a layer: along the residual connection, and through the attention. */
function streamGradient(b: Builder, layer: number, row: number, column: number): Expr {
  const normed = normGradient(b, `layer${layer}.attn_norm`, layerInput(layer), row, column);
  if (!b.scene.trace.plan.residuals) return normed;
  return sum(b.grad(`layer${layer}.attn_resid`, row, column), normed);
}

/** Back through y = W x: the column of W that belongs to this input, times dy. */
function through(
  b: Builder,
  output: string,
  weights: string,
  n_out: number,
  row: number,
  column: number,
): Expr {
  return {
    op: 'dot',
    left: range(n_out, (o) => b.grad(output, row, o)),
    right: range(n_out, (o) => b.param(weights, o, column)),
  };
}

/** Back through y = x s: s (dy - y mean(y dy)); moving x along y is undone by the scale. */
function normGradient(b: Builder, y: string, x: string, row: number, column: number): Expr {
  const { plan, config } = b.scene.trace;
  const dy = b.grad(y, row, column);
  if (!plan.norms) return dy;
  const n = config.n_embd;
  const along: Expr = {
    op: 'dot',
    left: range(n, (i) => b.grad(y, row, i)),
    right: range(n, (i) => b.computed(y, row, i)),
  };
  const mean = product(
    b.computed(y, row, column),
    along,
    number(1 / n, 'mean over the row', `1/${n}`),
  );
  return product(normScale(b, x, row), { op: 'minus', left: dy, right: mean });
}

function scaled(b: Builder, e: Expr): Expr {
  const scale = scoreScale(b);
  return scale ? product(e, scale) : e;
}

function headOf(b: Builder, column: number): number {
  return Math.floor(column / headDim(b.scene.trace.config));
}

/** The positions that look at a key. */
function queriesOf(b: Builder, key: number): number[] {
  const { plan, values } = b.scene.trace;
  return range(values.length, (t) => t).filter((t) => plan.peek || t >= key);
}

function sum(...terms: Expr[]): Expr {
  return terms.length === 1 ? terms[0]! : { op: 'sum', terms };
}

function product(...factors: Expr[]): Expr {
  return { op: 'product', factors };
}
