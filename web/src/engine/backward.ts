/**
 * The backward pass, by hand: d(loss)/d(every named intermediate) and d(loss)/d(every parameter).
 *
 * Each line answers one of `forward.ts`, last first. An intervention cuts the way: a number that was
 * set by hand has a gradient (what would happen if it moved) but hands none on to its inputs.
 */

import type { Activations, LayerActivations } from './activations.ts';
import { headDim } from './config.ts';
import { forcedKey, type Plan } from './interventions.ts';
import { linearInputGradient, linearWeightGradient, rmsnormGradient } from './linear.ts';
import type { LayerTensors, Params } from './params.ts';

/**
 * @param a a forward pass over rows 0 to `a.length - 1`, with targets.
 * @param d filled with the gradient of each named intermediate, of as many rows.
 * @param grads the gradient of each parameter is added to it.
 * @param share the document's share of the loss: 1 / documents in the batch.
 */
export function backward(
  params: Params,
  a: Activations,
  d: Activations,
  grads: Params,
  share: number,
  plan: Plan,
): void {
  const { n_embd: e, vocab_size, n_layer } = params.config;
  const rows = a.length;
  const cuts = new Cuts(a, d, plan);
  d.length = rows;
  d.setPeeking(plan.peek);
  lossGradient(a, d, share, cuts);
  cuts.make('logits');
  const last = n_layer - 1;
  linearInputGradient(d.layers[last]!.mlp_resid, d.top.logits, params.lm_head, rows, vocab_size, e);
  linearWeightGradient(grads.lm_head, d.top.logits, a.layers[last]!.mlp_resid, rows, vocab_size, e);
  for (let i = last; i >= 0; i--) {
    const w = params.layers[i]!;
    const dw = grads.layers[i]!;
    mlpGradient(w, dw, a, d, i, plan, cuts);
    attentionGradient(w, dw, a, d, i, plan, cuts);
  }
  cuts.make('emb_norm');
  const { top } = d;
  rmsnormGradient(
    top.emb_sum,
    top.emb_norm,
    a.top.emb_norm,
    a.top.emb_scale,
    rows,
    e,
    plan.norms,
    false,
  );
  cuts.make('emb_sum');
  top.tok_emb.set(top.emb_sum.subarray(0, rows * e));
  top.pos_emb.set(top.emb_sum.subarray(0, rows * e));
  cuts.make('tok_emb');
  cuts.make('pos_emb');
  for (let t = 0; t < rows; t++) {
    const token = a.tokens[t]! * e;
    for (let i = 0, at = t * e; i < e; i++, at++) {
      grads.wte[token + i]! += top.tok_emb[at]!;
      if (plan.positions) grads.wpe[at]! += top.pos_emb[at]!;
    }
  }
  cuts.undo();
}

/** loss = mean of -log(probs[target]), probs = softmax(logits). */
function lossGradient(a: Activations, d: Activations, share: number, cuts: Cuts): void {
  const { vocab_size } = a.config;
  const { loss, probs, logits } = d.top;
  const weight = share * (1 / a.length);
  loss.fill(weight, 0, a.length);
  cuts.make('loss');
  probs.fill(0, 0, a.length * vocab_size);
  for (let t = 0; t < a.length; t++) {
    const at = t * vocab_size + a.targets[t]!;
    probs[at] = -loss[t]! / a.top.probs[at]!;
  }
  cuts.make('probs');
  for (let t = 0; t < a.length; t++) {
    const row = t * vocab_size;
    const target = row + a.targets[t]!;
    // Through log and softmax at once, p - 1 at the target: no division by a tiny p. Nothing
    // passes where the loss or the target's probability was set by hand.
    const passed = cuts.any && probs[target] === 0 ? 0 : loss[t]!;
    for (let i = row; i < row + vocab_size; i++) logits[i] = a.top.probs[i]! * passed;
    logits[target]! -= passed;
  }
}

/** mlp_resid = attn_resid + fc2 relu(fc1 norm(attn_resid)); leaves attn_resid's gradient. */
function mlpGradient(
  w: LayerTensors,
  dw: LayerTensors,
  a: Activations,
  d: Activations,
  layer: number,
  plan: Plan,
  cuts: Cuts,
): void {
  const e = a.config.n_embd;
  const rows = a.length;
  const f = a.layers[layer]!;
  const b = d.layers[layer]!;
  const cut = (name: string) => cuts.make(`layer${layer}.${name}`);
  if (cuts.any) cut('mlp_resid');
  b.mlp_proj.set(b.mlp_resid.subarray(0, rows * e));
  if (cuts.any) cut('mlp_proj');
  if (plan.mutedMlps[layer]) b.mlp_relu.fill(0, 0, rows * 4 * e);
  else {
    linearInputGradient(b.mlp_relu, b.mlp_proj, w.mlp_fc2, rows, e, 4 * e);
    linearWeightGradient(dw.mlp_fc2, b.mlp_proj, f.mlp_relu, rows, e, 4 * e);
  }
  if (cuts.any) cut('mlp_relu');
  for (let i = 0; i < rows * 4 * e; i++)
    b.mlp_hidden[i] = f.mlp_hidden[i]! > 0 ? b.mlp_relu[i]! : 0;
  if (cuts.any) cut('mlp_hidden');
  linearInputGradient(b.mlp_norm, b.mlp_hidden, w.mlp_fc1, rows, 4 * e, e);
  linearWeightGradient(dw.mlp_fc1, b.mlp_hidden, f.mlp_norm, rows, 4 * e, e);
  if (cuts.any) cut('mlp_norm');
  if (plan.residuals) b.attn_resid.set(b.mlp_resid.subarray(0, rows * e));
  rmsnormGradient(
    b.attn_resid,
    b.mlp_norm,
    f.mlp_norm,
    f.mlp_scale,
    rows,
    e,
    plan.norms,
    plan.residuals,
  );
}

/** attn_resid = x + wo heads(norm(x)); leaves the gradient of x, the stream before the layer. */
function attentionGradient(
  w: LayerTensors,
  dw: LayerTensors,
  a: Activations,
  d: Activations,
  layer: number,
  plan: Plan,
  cuts: Cuts,
): void {
  const e = a.config.n_embd;
  const rows = a.length;
  const f = a.layers[layer]!;
  const b = d.layers[layer]!;
  const cut = (name: string) => cuts.make(`layer${layer}.${name}`);
  if (cuts.any) cut('attn_resid');
  b.attn_proj.set(b.attn_resid.subarray(0, rows * e));
  if (cuts.any) cut('attn_proj');
  linearInputGradient(b.attn_out, b.attn_proj, w.attn_wo, rows, e, e);
  linearWeightGradient(dw.attn_wo, b.attn_proj, f.attn_out, rows, e, e);
  if (cuts.any) cut('attn_out');
  mixGradient(a, f, b, plan.mutedHeads[layer]!, plan);
  if (cuts.any) for (const name of ['v', 'attn_weights']) cut(name);
  softmaxGradient(a, f, b, layer, plan);
  if (cuts.any) cut('attn_scores');
  scoresGradient(a, f, b, plan);
  if (cuts.any) for (const name of ['q', 'k']) cut(name);
  linearInputGradient(b.attn_norm, b.q, w.attn_wq, rows, e, e);
  linearInputGradient(b.attn_norm, b.k, w.attn_wk, rows, e, e, true);
  linearInputGradient(b.attn_norm, b.v, w.attn_wv, rows, e, e, true);
  linearWeightGradient(dw.attn_wq, b.q, f.attn_norm, rows, e, e);
  linearWeightGradient(dw.attn_wk, b.k, f.attn_norm, rows, e, e);
  linearWeightGradient(dw.attn_wv, b.v, f.attn_norm, rows, e, e);
  if (cuts.any) cut('attn_norm');
  const dx = layer > 0 ? d.layers[layer - 1]!.mlp_resid : d.top.emb_norm;
  if (plan.residuals) dx.set(b.attn_resid.subarray(0, rows * e));
  rmsnormGradient(dx, b.attn_norm, f.attn_norm, f.attn_scale, rows, e, plan.norms, plan.residuals);
}

/** attn_out[t] = sum over s of attn_weights[t, s] v[s]. */
function mixGradient(
  a: Activations,
  f: LayerActivations,
  b: LayerActivations,
  muted: readonly boolean[],
  plan: Plan,
): void {
  const { n_head, n_embd: e } = a.config;
  const dim = headDim(a.config);
  b.v.fill(0, 0, a.length * e);
  for (let h = 0; h < n_head; h++) {
    for (let t = 0; t < a.length; t++) {
      const row = (h * a.capacity + t) * a.capacity;
      const out = t * e + h * dim;
      for (let s = 0, end = plan.peek ? a.length : t + 1; s < end; s++) {
        const v = s * e + h * dim;
        const weight = f.attn_weights[row + s]!;
        let total = 0;
        if (!muted[h]) {
          for (let j = 0; j < dim; j++) {
            const g = b.attn_out[out + j]!;
            total += g * f.v[v + j]!;
            b.v[v + j]! += weight * g;
          }
        }
        b.attn_weights[row + s] = total;
      }
    }
  }
}

/** attn_weights = softmax(attn_scores): d score = w (d w - sum of w d w). */
function softmaxGradient(
  a: Activations,
  f: LayerActivations,
  b: LayerActivations,
  layer: number,
  plan: Plan,
): void {
  for (let h = 0; h < a.config.n_head; h++) {
    for (let t = 0; t < a.length; t++) {
      const row = (h * a.capacity + t) * a.capacity;
      const end = row + (plan.peek ? a.length : t + 1);
      if (plan.forced.size && plan.forced.has(forcedKey(layer, h, t))) {
        b.attn_scores.fill(0, row, end);
        continue;
      }
      let mean = 0;
      for (let i = row; i < end; i++) mean += f.attn_weights[i]! * b.attn_weights[i]!;
      for (let i = row; i < end; i++) {
        b.attn_scores[i] = f.attn_weights[i]! * (b.attn_weights[i]! - mean);
      }
    }
  }
}

/** attn_scores[t, s] = q[t] . k[s] / sqrt(head_dim). */
function scoresGradient(
  a: Activations,
  f: LayerActivations,
  b: LayerActivations,
  plan: Plan,
): void {
  const { n_head, n_embd: e } = a.config;
  const dim = headDim(a.config);
  const scale = plan.scaling ? 1 / Math.sqrt(dim) : 1;
  b.q.fill(0, 0, a.length * e);
  b.k.fill(0, 0, a.length * e);
  for (let h = 0; h < n_head; h++) {
    for (let t = 0; t < a.length; t++) {
      const row = (h * a.capacity + t) * a.capacity;
      const q = t * e + h * dim;
      for (let s = 0, end = plan.peek ? a.length : t + 1; s < end; s++) {
        const k = s * e + h * dim;
        const g = b.attn_scores[row + s]! * scale;
        for (let j = 0; j < dim; j++) {
          b.q[q + j]! += g * f.k[k + j]!;
          b.k[k + j]! += g * f.q[q + j]!;
        }
      }
    }
  }
}

/**
 * Where a number was set by hand the way back is cut: its gradient is noted and then taken for 0,
 * and the number is again what had been computed, for the slopes of a norm and of a softmax are
 * those of what they computed. All of it is put back after the pass.
 */
class Cuts {
  readonly any: boolean;
  private readonly a: Activations;
  private readonly d: Activations;
  private readonly plan: Plan;
  private readonly made: { array: Float64Array; index: number; value: number }[] = [];

  constructor(a: Activations, d: Activations, plan: Plan) {
    this.a = a;
    this.d = d;
    this.plan = plan;
    this.any = plan.overrides.size > 0;
  }

  make(name: string): void {
    if (!this.any) return;
    for (const { row, column, head } of this.plan.overrides.get(name) ?? []) {
      if (row >= this.d.length) continue;
      this.put(this.d.array(name), this.d.index(name, row, column, head), 0);
      const index = this.a.index(name, row, column, head);
      this.put(this.a.array(name), index, this.a.replaced.get(name)!.get(index)!);
    }
  }

  undo(): void {
    for (const { array, index, value } of this.made.reverse()) array[index] = value;
  }

  private put(array: Float64Array, index: number, value: number): void {
    this.made.push({ array, index, value: array[index]! });
    array[index] = value;
  }
}
