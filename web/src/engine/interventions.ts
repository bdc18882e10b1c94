/**
 * What a reader may do to a model: switch parts off, force attention, set any number. Declarative;
 * edited weights are simply other parameters. With none of it the pass is the reference's.
 */

import { isAttention, names, splitName, widthOf } from './activations.ts';
import type { ModelConfig } from './config.ts';

/** Replace one named intermediate before anything uses it. */
export interface Override {
  readonly name: string;
  /** Position; of the attention arrays the query. */
  readonly row: number;
  /** Place in the row; of the attention arrays the key. */
  readonly column: number;
  /** Of the attention arrays only. */
  readonly head?: number;
  readonly value: number;
}

/** The attention weights of one query, `[query + 1]`, instead of what the softmax gives. */
export interface ForcedAttention {
  readonly layer: number;
  readonly head: number;
  readonly query: number;
  readonly weights: readonly number[];
}

export interface Interventions {
  /** Heads whose output is 0: for each layer the numbers of the heads. */
  readonly mutedHeads?: readonly (readonly number[])[];
  /** Layers whose MLP adds nothing. */
  readonly mutedMlps?: readonly number[];
  /** Do without position embeddings: `pos_emb` is 0. */
  readonly noPositions?: boolean;
  /** Positions that no later one can attend to. */
  readonly hiddenPositions?: readonly number[];
  /** Do without RMSNorm: every norm hands its input on. */
  readonly noNorms?: boolean;
  /** Do without residual connections: a block's output replaces the stream. */
  readonly noResiduals?: boolean;
  /** Do not divide the scores by sqrt(head_dim). */
  readonly noScaling?: boolean;
  /** Let each position attend to later ones, too (a whole document at once only). */
  readonly peek?: boolean;
  readonly forcedAttention?: readonly ForcedAttention[];
  readonly overrides?: readonly Override[];
}

/** Interventions ready for use in a pass: look-ups instead of searches. */
export interface Plan {
  /** Nothing is changed at all. */
  readonly plain: boolean;
  readonly norms: boolean;
  readonly residuals: boolean;
  readonly positions: boolean;
  readonly scaling: boolean;
  readonly peek: boolean;
  readonly mutedHeads: readonly (readonly boolean[])[];
  readonly mutedMlps: readonly boolean[];
  readonly hidden: ReadonlySet<number>;
  /** By `forcedKey`. */
  readonly forced: ReadonlyMap<string, readonly number[]>;
  readonly overrides: ReadonlyMap<string, readonly Override[]>;
}

export function forcedKey(layer: number, head: number, query: number): string {
  return `${layer} ${head} ${query}`;
}

const plans = new WeakMap<ModelConfig, Plan>();

/** The plan of a pass without interventions. */
export function noPlan(config: ModelConfig): Plan {
  let plan = plans.get(config);
  if (!plan) {
    plan = makePlan(config, {});
    plans.set(config, plan);
  }
  return plan;
}

/** Throws RangeError for a layer, head, name or place that the model does not have. */
export function makePlan(config: ModelConfig, given: Interventions): Plan {
  const { n_layer, n_head, block_size } = config;
  const within = (what: string, value: number, end: number) => {
    if (!(Number.isInteger(value) && value >= 0 && value < end)) {
      throw new RangeError(`there is no ${what} ${value}; they are 0 to ${end - 1}`);
    }
  };
  const mutedHeads = Array.from({ length: n_layer }, () => new Array<boolean>(n_head).fill(false));
  given.mutedHeads?.forEach((heads, layer) => {
    within('layer', layer, n_layer);
    for (const head of heads) {
      within('head', head, n_head);
      mutedHeads[layer]![head] = true;
    }
  });
  const mutedMlps = new Array<boolean>(n_layer).fill(false);
  for (const layer of given.mutedMlps ?? []) {
    within('layer', layer, n_layer);
    mutedMlps[layer] = true;
  }
  const forced = new Map<string, readonly number[]>();
  for (const { layer, head, query, weights } of given.forcedAttention ?? []) {
    within('layer', layer, n_layer);
    within('head', head, n_head);
    within('position', query, block_size);
    if (weights.length !== query + 1) {
      throw new RangeError(
        `position ${query} attends to ${query + 1} positions, not ${weights.length}`,
      );
    }
    forced.set(forcedKey(layer, head, query), weights);
  }
  const parts = Object.values(given).map((part) =>
    Array.isArray(part) ? part.flat().length : part,
  );
  return {
    plain: !parts.some(Boolean),
    norms: !given.noNorms,
    residuals: !given.noResiduals,
    positions: !given.noPositions,
    scaling: !given.noScaling,
    peek: given.peek ?? false,
    mutedHeads,
    mutedMlps,
    hidden: new Set(given.hiddenPositions),
    forced,
    overrides: groupOverrides(config, given.overrides ?? []),
  };
}

function groupOverrides(
  config: ModelConfig,
  overrides: readonly Override[],
): Map<string, Override[]> {
  const groups = new Map<string, Override[]>();
  const known = new Set(names(config.n_layer));
  for (const override of overrides) {
    const { name, row, column, head = 0 } = override;
    const width = widthOf(config, name, config.block_size);
    const rows = row >= 0 && row < config.block_size && column >= 0 && column < width;
    const heads = head >= 0 && head < (isAttention(name) ? config.n_head : 1);
    if (!known.has(name) || !rows || !heads) {
      throw new RangeError(`there is no ${splitName(name).short} at (${head}, ${row}, ${column})`);
    }
    const group = groups.get(name);
    if (group) group.push(override);
    else groups.set(name, [override]);
  }
  return groups;
}
