/** What a reader can do to the attention of a model, as changes of the shared interventions. */

import type { ModelConfig } from '../engine/config.ts';
import type { ForcedAttention, Interventions } from '../engine/interventions.ts';

export function isMuted(given: Interventions, layer: number, head: number): boolean {
  return given.mutedHeads?.[layer]?.includes(head) ?? false;
}

export function allMuted({ n_layer, n_head }: ModelConfig): Interventions {
  return { mutedHeads: range(n_layer).map(() => range(n_head)) };
}

export function isAllMuted(given: Interventions, config: ModelConfig): boolean {
  return range(config.n_layer).every((l) =>
    range(config.n_head).every((h) => isMuted(given, l, h)),
  );
}

export function withHead(
  given: Interventions,
  { n_layer, n_head }: ModelConfig,
  layer: number,
  head: number,
): Interventions {
  const mutedHeads = range(n_layer).map((l) =>
    range(n_head).filter((h) => isMuted(given, l, h) !== (l === layer && h === head)),
  );
  return tidy({ ...given, mutedHeads });
}

export function withAllHeads(given: Interventions, config: ModelConfig): Interventions {
  const { mutedHeads, ...rest } = given;
  return isAllMuted(given, config) ? rest : { ...rest, ...allMuted(config) };
}

export function withMlp(given: Interventions, layer: number): Interventions {
  return tidy({ ...given, mutedMlps: toggled(given.mutedMlps ?? [], layer) });
}

export function withHidden(given: Interventions, position: number): Interventions {
  return tidy({ ...given, hiddenPositions: toggled(given.hiddenPositions ?? [], position) });
}

/** What is only on or off in a pass. */
export type Switch = {
  [K in keyof Interventions]-?: true extends Interventions[K] ? K : never;
}[keyof Interventions];

/** Each switch: the name on its button, if it has one among the parts to switch off, and its sentence. */
export const SWITCHES: Readonly<Record<Switch, { button: string | null; said: string }>> = {
  noPositions: { button: 'positions', said: 'positions are switched off' },
  noScaling: { button: 'the √d', said: 'scores are not divided by √d' },
  noNorms: { button: 'norms', said: 'norms are switched off' },
  noResiduals: { button: 'residuals', said: 'residual connections are cut' },
  peek: { button: null, said: 'every position sees the future' },
};

export const SWITCH_NAMES = Object.keys(SWITCHES) as Switch[];

export function withFlag(given: Interventions, flag: Switch): Interventions {
  return tidy({ ...given, [flag]: !given[flag] });
}

/** Put these weights in the place of what one query computes; null lets it compute again. */
export function withForced(
  given: Interventions,
  layer: number,
  head: number,
  query: number,
  weights: readonly number[] | null,
): Interventions {
  const others = (given.forcedAttention ?? []).filter((f) => !isRow(f, layer, head, query));
  const forced = weights ? [...others, { layer, head, query, weights }] : others;
  return tidy({ ...given, forcedAttention: forced });
}

export function forcedRow(
  given: Interventions,
  layer: number,
  head: number,
  query: number,
): readonly number[] | null {
  return given.forcedAttention?.find((f) => isRow(f, layer, head, query))?.weights ?? null;
}

/** Give one place of a row this share; the others keep their proportions and share the rest. */
export function reweighted(row: ArrayLike<number>, place: number, share: number): number[] {
  const wanted = Math.min(1, Math.max(0, share));
  const weights = Array.from(row);
  if (weights.length === 1) return [1];
  const rest = weights.reduce((sum, w, s) => (s === place ? sum : sum + w), 0);
  return weights.map((w, s) => {
    if (s === place) return wanted;
    return rest > 1e-12 ? (w / rest) * (1 - wanted) : (1 - wanted) / (weights.length - 1);
  });
}

/** Each intervention that is in force, in words. */
export function inWords(given: Interventions, config: ModelConfig): string[] {
  const many = config.n_layer > 1;
  const of = (layer: number) => (many ? ` of layer ${layer}` : '');
  const words: string[] = [];
  if (isAllMuted(given, config)) words.push('all heads are muted');
  else {
    given.mutedHeads?.forEach((heads, layer) => {
      if (heads.length === 0) return;
      const which = heads.length === 1 ? `head ${heads[0]}` : `heads ${heads.join(', ')}`;
      words.push(`${which}${of(layer)} ${heads.length === 1 ? 'is' : 'are'} muted`);
    });
  }
  for (const layer of given.mutedMlps ?? []) words.push(`the MLP${of(layer)} is muted`);
  for (const name of SWITCH_NAMES) if (given[name]) words.push(SWITCHES[name].said);
  if (given.hiddenPositions?.length) {
    words.push(`position ${given.hiddenPositions.join(', ')} is hidden from later ones`);
  }
  for (const { layer, head, query } of given.forcedAttention ?? []) {
    words.push(`the row of position ${query} in head ${head}${of(layer)} is forced`);
  }
  const set = given.overrides?.length ?? 0;
  if (set) words.push(`${set} ${set === 1 ? 'number is' : 'numbers are'} set by hand`);
  return words;
}

function isRow(f: ForcedAttention, layer: number, head: number, query: number): boolean {
  return f.layer === layer && f.head === head && f.query === query;
}

function toggled(list: readonly number[], item: number): number[] {
  return list.includes(item)
    ? list.filter((x) => x !== item)
    : [...list, item].sort((a, b) => a - b);
}

/** Without the parts that say nothing. */
function tidy(given: Interventions): Interventions {
  return Object.fromEntries(
    Object.entries(given).filter(([, part]) => (Array.isArray(part) ? part.flat().length : part)),
  );
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
