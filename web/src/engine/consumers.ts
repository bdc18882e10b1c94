/** What reads a number: the table of `provenance.ts` the other way round. */

import { splitName } from './activations.ts';
import { headDim } from './config.ts';
import { type Cell, cellKey, type Expr, inputsOf, type UpdateKind } from './expression.ts';
import { LAYERS, lastStream } from './formulas.ts';
import { range, type Scene } from './scene.ts';

/**
 * The cells of the forward pass (for a gradient: of the backward pass; for a term of an update: of
 * the update) whose formulas read this one.
 */
export function consumersOf(
  scene: Scene,
  cell: Cell,
  exprOf: (scene: Scene, cell: Cell) => Expr | null,
): Cell[] {
  const candidates = candidatesOf(scene, cell);
  // Without interventions the table is exact. With some, a formula may read less than usual.
  if (scene.trace.plan.plain) return candidates;
  const key = cellKey(cell);
  return candidates.filter((candidate) => {
    const expr = exprOf(scene, candidate);
    return expr !== null && inputsOf(expr).some((input) => cellKey(input) === key);
  });
}

function candidatesOf(scene: Scene, cell: Cell): Cell[] {
  switch (cell.kind) {
    case 'value':
      return valueConsumers(scene, cell);
    case 'param':
      return paramConsumers(scene, cell);
    case 'grad':
    case 'param_grad':
      return [];
    default:
      return scene.update ? updateConsumers(cell.kind, cell) : [];
  }
}

function value(name: string, row: number, column: number, head = 0): Cell {
  return { kind: 'value', name, row, column, head };
}

function valueConsumers(scene: Scene, { name, row, column, head }: Cell): Cell[] {
  const { config, values, plan } = scene.trace;
  const { layer, short } = splitName(name);
  const { n_embd: e, vocab_size, n_layer } = config;
  const dim = headDim(config);
  const l = (of: string) => `layer${layer}.${of}`;
  const across = (of: string, width: number) => range(width, (i) => value(of, row, i));
  const later = range(values.length, (t) => t).filter((t) => plan.peek || t >= row);
  const seen = range(plan.peek ? values.length : row + 1, (s) => s);
  const own = Math.floor(column / dim);
  switch (short) {
    case 'tok_emb':
    case 'pos_emb':
      return [value('emb_sum', row, column)];
    case 'emb_sum':
      return across('emb_norm', e);
    case 'emb_norm':
      return [...across('layer0.attn_norm', e), value('layer0.attn_resid', row, column)];
    case 'attn_norm':
      return ['q', 'k', 'v'].flatMap((of) => across(l(of), e));
    case 'q':
      return seen.map((s) => value(l('attn_scores'), row, s, own));
    case 'k':
      return later.map((t) => value(l('attn_scores'), t, row, own));
    case 'v':
      return later.map((t) => value(l('attn_out'), t, column));
    case 'attn_scores':
      return seen.map((s) => value(l('attn_weights'), row, s, head));
    case 'attn_weights':
      return range(dim, (j) => value(l('attn_out'), row, head * dim + j));
    case 'attn_out':
      return across(l('attn_proj'), e);
    case 'attn_proj':
      return [value(l('attn_resid'), row, column)];
    case 'attn_resid':
      return [...across(l('mlp_norm'), e), value(l('mlp_resid'), row, column)];
    case 'mlp_norm':
      return across(l('mlp_hidden'), 4 * e);
    case 'mlp_hidden':
      return [value(l('mlp_relu'), row, column)];
    case 'mlp_relu':
      return across(l('mlp_proj'), e);
    case 'mlp_proj':
      return [value(l('mlp_resid'), row, column)];
    case 'mlp_resid': {
      if (name === lastStream(n_layer)) return across('logits', vocab_size);
      const next = `layer${layer + 1}.`;
      return [...across(`${next}attn_norm`, e), value(`${next}attn_resid`, row, column)];
    }
    case 'logits':
      return across('probs', vocab_size);
    case 'probs':
      return values.targets[row] === column ? [value('loss', row, 0)] : [];
    case 'loss':
      return [value('mean_loss', 0, 0)];
    default:
      return [];
  }
}

function paramConsumers(scene: Scene, { name, row, column }: Cell): Cell[] {
  const { values } = scene.trace;
  const { layer, short } = splitName(name);
  const positions = range(values.length, (t) => t);
  if (short === 'wte') {
    return positions
      .filter((t) => values.tokens[t] === row)
      .map((t) => value('tok_emb', t, column));
  }
  if (short === 'wpe') return row < values.length ? [value('pos_emb', row, column)] : [];
  const output = layer < 0 ? 'logits' : `layer${layer}.${LAYERS[short]![0]}`;
  return positions.map((t) => value(output, t, row));
}

const UPDATE: Readonly<Partial<Record<UpdateKind, readonly UpdateKind[]>>> = {
  batch_grad: ['m', 'v'],
  m_before: ['m'],
  v_before: ['v'],
  m: ['m_hat'],
  v: ['v_hat'],
  m_hat: ['update'],
  v_hat: ['update'],
  update: ['weight_after'],
  weight_before: ['weight_after'],
};

function updateConsumers(kind: UpdateKind, cell: Cell): Cell[] {
  return (UPDATE[kind] ?? []).map((term) => ({ ...cell, kind: term }));
}
