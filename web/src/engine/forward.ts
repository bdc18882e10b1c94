/**
 * The forward pass: the only one there is. Positions `from` to below `to` are read at once; those
 * before `from` must have been read already, their k and v rows are the cache. One call for a whole
 * document or one call a position: the same numbers.
 */

import type { Activations, LayerActivations } from './activations.ts';
import { headDim } from './config.ts';
import { log } from './elementary.ts';
import { forcedKey, type Plan } from './interventions.ts';
import { linear, rmsnorm, softmax } from './linear.ts';
import type { LayerTensors, Params } from './params.ts';

/** Fill the rows of `a` from its `tokens`: embeddings to probabilities. */
export function forward(
  params: Params,
  a: Activations,
  from: number,
  to: number,
  plan: Plan,
): void {
  const { n_embd, vocab_size, n_layer } = params.config;
  const { top } = a;
  a.setPeeking(plan.peek);
  if (from === 0) a.replaced.clear();
  a.length = to;
  embed(params, a, from, to, plan);
  rmsnorm(top.emb_norm, top.emb_scale, top.emb_sum, from, to, n_embd, plan.norms);
  override(a, plan, 'emb_norm', from, to);
  let x = top.emb_norm;
  for (let i = 0; i < n_layer; i++) {
    attention(params.layers[i]!, a, i, x, from, to, plan);
    x = mlp(params.layers[i]!, a, i, from, to, plan);
  }
  linear(top.logits, x, params.lm_head, from, to, vocab_size, n_embd);
  override(a, plan, 'logits', from, to);
  for (let t = from; t < to; t++) softmax(top.probs, top.logits, t * vocab_size, vocab_size);
  override(a, plan, 'probs', from, to);
}

/** Fill the `loss` rows of the positions read from their `targets`; return the mean. */
export function measure(a: Activations, plan: Plan): number {
  const { loss, probs } = a.top;
  const { vocab_size } = a.config;
  for (let t = 0; t < a.length; t++) loss[t] = -log(probs[t * vocab_size + a.targets[t]!]!);
  override(a, plan, 'loss', 0, a.length);
  let total = 0;
  for (let t = 0; t < a.length; t++) total += loss[t]!;
  return total * (1 / a.length);
}

/** emb_sum = wte[token] + wpe[position]. */
function embed(params: Params, a: Activations, from: number, to: number, plan: Plan): void {
  const { n_embd } = params.config;
  const { tok_emb, pos_emb, emb_sum } = a.top;
  for (let t = from; t < to; t++) {
    const token = a.tokens[t]! * n_embd;
    for (let i = 0, at = t * n_embd; i < n_embd; i++, at++) {
      tok_emb[at] = params.wte[token + i]!;
      pos_emb[at] = plan.positions ? params.wpe[at]! : 0;
    }
  }
  override(a, plan, 'tok_emb', from, to);
  override(a, plan, 'pos_emb', from, to);
  for (let at = from * n_embd; at < to * n_embd; at++) emb_sum[at] = tok_emb[at]! + pos_emb[at]!;
  override(a, plan, 'emb_sum', from, to);
}

/** Look back: each head mixes the values of the positions whose keys answer its query. */
function attention(
  w: LayerTensors,
  a: Activations,
  layer: number,
  x: Float64Array,
  from: number,
  to: number,
  plan: Plan,
): void {
  const e = a.config.n_embd;
  const l = a.layers[layer]!;
  const see = (name: string) => override(a, plan, `layer${layer}.${name}`, from, to);
  rmsnorm(l.attn_norm, l.attn_scale, x, from, to, e, plan.norms);
  if (plan.overrides.size) see('attn_norm');
  linear(l.q, l.attn_norm, w.attn_wq, from, to, e, e);
  linear(l.k, l.attn_norm, w.attn_wk, from, to, e, e);
  linear(l.v, l.attn_norm, w.attn_wv, from, to, e, e);
  if (plan.overrides.size) for (const name of ['q', 'k', 'v']) see(name);
  scores(a, l, from, to, plan);
  if (plan.overrides.size) see('attn_scores');
  attend(a, l, layer, from, to, plan);
  if (plan.overrides.size) see('attn_weights');
  mix(a, l, plan.mutedHeads[layer]!, from, to, plan);
  if (plan.overrides.size) see('attn_out');
  linear(l.attn_proj, l.attn_out, w.attn_wo, from, to, e, e);
  if (plan.overrides.size) see('attn_proj');
  add(l.attn_resid, x, l.attn_proj, from * e, to * e, plan.residuals);
  if (plan.overrides.size) see('attn_resid');
}

/** attn_scores[h, t, s] = q[t] . k[s] / sqrt(head_dim), over the columns of head h. */
function scores(a: Activations, l: LayerActivations, from: number, to: number, plan: Plan): void {
  const { n_head, n_embd } = a.config;
  const dim = headDim(a.config);
  const scale = plan.scaling ? 1 / Math.sqrt(dim) : 1;
  for (let h = 0; h < n_head; h++) {
    for (let t = from; t < to; t++) {
      const out = (h * a.capacity + t) * a.capacity;
      const q = t * n_embd + h * dim;
      // Without a mask: the future is not there yet, so the sum ends at this position.
      for (let s = 0, end = plan.peek ? to : t + 1; s < end; s++) {
        const k = s * n_embd + h * dim;
        let total = 0;
        for (let j = 0; j < dim; j++) total += l.q[q + j]! * l.k[k + j]!;
        l.attn_scores[out + s] = total * scale;
      }
    }
  }
}

/** attn_weights = softmax of each query's scores, unless hidden or forced. */
function attend(
  a: Activations,
  l: LayerActivations,
  layer: number,
  from: number,
  to: number,
  plan: Plan,
): void {
  for (let h = 0; h < a.config.n_head; h++) {
    for (let t = from; t < to; t++) {
      const row = (h * a.capacity + t) * a.capacity;
      const forced = plan.forced.size ? plan.forced.get(forcedKey(layer, h, t)) : undefined;
      const count = plan.peek ? to : t + 1;
      if (forced) l.attn_weights.set(forced, row);
      else if (plan.hidden.size) softmaxVisible(l, row, count, t, plan.hidden);
      else softmax(l.attn_weights, l.attn_scores, row, count);
    }
  }
}

/** attn_out[t] = sum over s of attn_weights[h, t, s] v[s], over the columns of head h. */
function mix(
  a: Activations,
  l: LayerActivations,
  muted: readonly boolean[],
  from: number,
  to: number,
  plan: Plan,
): void {
  const { n_head, n_embd } = a.config;
  const dim = headDim(a.config);
  for (let h = 0; h < n_head; h++) {
    for (let t = from; t < to; t++) {
      const row = (h * a.capacity + t) * a.capacity;
      const count = muted[h] ? 0 : plan.peek ? to : t + 1;
      for (let j = h * dim; j < (h + 1) * dim; j++) {
        let total = 0;
        for (let s = 0, at = j; s < count; s++, at += n_embd) {
          total += l.attn_weights[row + s]! * l.v[at]!;
        }
        l.attn_out[t * n_embd + j] = total;
      }
    }
  }
}

/** Think: widen fourfold, keep what is positive, and come back. Returns the stream after it. */
function mlp(
  w: LayerTensors,
  a: Activations,
  layer: number,
  from: number,
  to: number,
  plan: Plan,
): Float64Array {
  const e = a.config.n_embd;
  const l = a.layers[layer]!;
  const see = (name: string) => override(a, plan, `layer${layer}.${name}`, from, to);
  rmsnorm(l.mlp_norm, l.mlp_scale, l.attn_resid, from, to, e, plan.norms);
  if (plan.overrides.size) see('mlp_norm');
  linear(l.mlp_hidden, l.mlp_norm, w.mlp_fc1, from, to, 4 * e, e);
  if (plan.overrides.size) see('mlp_hidden');
  for (let at = from * 4 * e; at < to * 4 * e; at++) {
    const hidden = l.mlp_hidden[at]!;
    l.mlp_relu[at] = hidden > 0 ? hidden : 0;
  }
  if (plan.overrides.size) see('mlp_relu');
  linear(l.mlp_proj, l.mlp_relu, w.mlp_fc2, from, to, e, 4 * e);
  if (plan.mutedMlps[layer]) l.mlp_proj.fill(0, from * e, to * e);
  if (plan.overrides.size) see('mlp_proj');
  add(l.mlp_resid, l.attn_resid, l.mlp_proj, from * e, to * e, plan.residuals);
  if (plan.overrides.size) see('mlp_resid');
  return l.mlp_resid;
}

/** sum = x + y; without the residual connection y alone. */
function add(
  sum: Float64Array,
  x: Float64Array,
  y: Float64Array,
  start: number,
  end: number,
  residual: boolean,
): void {
  for (let i = start; i < end; i++) sum[i] = residual ? x[i]! + y[i]! : y[i]!;
}

/** A softmax over the positions that may be seen; a position always sees itself. */
function softmaxVisible(
  { attn_scores, attn_weights }: LayerActivations,
  row: number,
  count: number,
  query: number,
  hidden: ReadonlySet<number>,
): void {
  for (let s = 0; s < count; s++) {
    const seen = s === query || !hidden.has(s);
    attn_weights[row + s] = seen ? attn_scores[row + s]! : Number.NEGATIVE_INFINITY;
  }
  softmax(attn_weights, attn_weights, row, count);
}

/** Put in the numbers that a reader has set by hand, as soon as theirs have been computed. */
function override(a: Activations, plan: Plan, name: string, from: number, to: number): void {
  if (plan.overrides.size === 0) return;
  for (const { row, column, head, value } of plan.overrides.get(name) ?? []) {
    if (row < from || row >= to) continue;
    const array = a.array(name);
    const index = a.index(name, row, column, head);
    const computed = a.replaced.get(name) ?? new Map<number, number>();
    a.replaced.set(name, computed.set(index, array[index]!));
    array[index] = value;
  }
}
