/** Every named intermediate of a forward pass or, after a backward pass, the gradient of each. */

import type { ModelConfig } from './config.ts';

/** In the order in which they are computed; the names are those of `reference.py`. */
const TOP_BEFORE = ['tok_emb', 'pos_emb', 'emb_sum', 'emb_norm'] as const;
const LAYER = [
  'attn_norm',
  'q',
  'k',
  'v',
  'attn_scores',
  'attn_weights',
  'attn_out',
  'attn_proj',
  'attn_resid',
  'mlp_norm',
  'mlp_hidden',
  'mlp_relu',
  'mlp_proj',
  'mlp_resid',
] as const;
const TOP_AFTER = ['logits', 'probs', 'loss'] as const;

/** Not numbers of the reference but kept for the way back: 1 / root mean square of each row. */
type TopName = (typeof TOP_BEFORE)[number] | (typeof TOP_AFTER)[number] | 'emb_scale';
type LayerName = (typeof LAYER)[number] | 'attn_scale' | 'mlp_scale';

export type TopActivations = Readonly<Record<TopName, Float64Array>>;
export type LayerActivations = Readonly<Record<LayerName, Float64Array>>;

/** All names of a model with so many layers: `tok_emb`, …, `layer0.q`, …, `loss`. */
export function names(n_layer: number): string[] {
  const layers = Array.from({ length: n_layer }, (_, i) =>
    LAYER.map((name) => `layer${i}.${name}`),
  );
  return [...TOP_BEFORE, ...layers.flat(), ...TOP_AFTER];
}

/** `layer3.attn_weights` -> layer 3, `attn_weights`; layer -1 for what belongs to none. */
export function splitName(name: string): { layer: number; short: string } {
  const match = /^layer(\d+)\.(.+)$/.exec(name);
  return match ? { layer: Number(match[1]), short: match[2]! } : { layer: -1, short: name };
}

/** Whether a name is one of the two `[head][query][key]` arrays. */
export function isAttention(name: string): boolean {
  return name.endsWith('attn_scores') || name.endsWith('attn_weights');
}

/** Numbers in a row of a named intermediate; of the attention arrays, the head's positions. */
export function widthOf(config: ModelConfig, name: string, capacity: number): number {
  const { short } = splitName(name);
  if (short === 'attn_scores' || short === 'attn_weights') return capacity;
  if (short === 'mlp_hidden' || short === 'mlp_relu') return 4 * config.n_embd;
  if (short === 'logits' || short === 'probs') return config.vocab_size;
  return short === 'loss' || short.endsWith('_scale') ? 1 : config.n_embd;
}

/**
 * Preallocated for `capacity` positions. A row is a position: `[capacity][width]`; the attention
 * arrays are `[n_head][capacity][capacity]`, query then key. Rows 0 to `length - 1` are filled.
 *
 * The rows of k and v are the KV cache: the next position only adds rows.
 */
export class Activations {
  readonly config: ModelConfig;
  readonly capacity: number;
  readonly byName: ReadonlyMap<string, Float64Array>;
  readonly top: TopActivations;
  readonly layers: readonly LayerActivations[];
  /** Token ids read, `[capacity]`. */
  readonly tokens: Int32Array;
  /** The token that follows each, or -1 where none is known, `[capacity]`. */
  readonly targets: Int32Array;
  length = 0;
  /** What was computed where a reader has set another number: name, then place in its array. */
  readonly replaced = new Map<string, Map<number, number>>();
  /** Whether the last pass saw the future, so that there are numbers above the diagonal. */
  peeked = false;

  /** @param given the arrays, taken over; else they are new. */
  constructor(config: ModelConfig, capacity: number, given?: ReadonlyMap<string, Float64Array>) {
    this.config = config;
    this.capacity = capacity;
    this.tokens = new Int32Array(capacity);
    this.targets = new Int32Array(capacity).fill(-1);
    const byName = new Map<string, Float64Array>();
    const array = (name: string) => {
      const width = widthOf(config, name, capacity);
      const rows = isAttention(name) ? config.n_head * capacity : capacity;
      const made = given?.get(name) ?? new Float64Array(rows * width);
      byName.set(name, made);
      return made;
    };
    const record = <N extends string>(list: readonly N[], prefix = '') =>
      Object.fromEntries(list.map((name) => [name, array(prefix + name)])) as Record<
        N,
        Float64Array
      >;
    const before = record([...TOP_BEFORE, 'emb_scale'] as const);
    this.layers = Array.from({ length: config.n_layer }, (_, i) =>
      record([...LAYER, 'attn_scale', 'mlp_scale'] as const, `layer${i}.`),
    );
    this.top = { ...before, ...record(TOP_AFTER) };
    this.byName = byName;
  }

  /** A named array; throws RangeError for a name that is none. */
  array(name: string): Float64Array {
    const array = this.byName.get(name);
    if (!array) throw new RangeError(`there is no intermediate ${name}`);
    return array;
  }

  /** Where a number stands in its array. For attention the row is the query, the column the key. */
  index(name: string, row: number, column: number, head = 0): number {
    const width = widthOf(this.config, name, this.capacity);
    if (!(row >= 0 && row < this.capacity && column >= 0 && column < width)) {
      throw new RangeError(`${name} has no element (${row}, ${column})`);
    }
    if (!isAttention(name)) return row * width + column;
    if (!(head >= 0 && head < this.config.n_head)) throw new RangeError(`there is no head ${head}`);
    return (head * this.capacity + row) * width + column;
  }

  get(name: string, row: number, column: number, head = 0): number {
    return this.array(name)[this.index(name, row, column, head)]!;
  }

  /** One row as a view; for attention the keys that the query can see. */
  row(name: string, row: number, head = 0): Float64Array {
    const start = this.index(name, row, 0, head);
    const keys = this.peeked ? this.length : row + 1;
    const width = isAttention(name) ? keys : widthOf(this.config, name, this.capacity);
    return this.array(name).subarray(start, start + width);
  }

  /** Whether the pass to come sees the future; if only the one before did, what it saw is wiped. */
  setPeeking(peeking: boolean): void {
    if (this.peeked && !peeking) {
      for (const layer of this.layers) {
        layer.attn_scores.fill(0);
        layer.attn_weights.fill(0);
      }
    }
    this.peeked = peeking;
  }

  /** A larger one with the same rows, for a text that goes on. */
  grown(capacity: number): Activations {
    const larger = new Activations(this.config, capacity);
    larger.tokens.set(this.tokens);
    larger.targets.set(this.targets);
    larger.length = this.length;
    larger.peeked = this.peeked;
    for (const [name, from] of this.byName) {
      const to = larger.array(name);
      if (!isAttention(name)) to.set(from);
      else {
        for (let r = 0; r < from.length / this.capacity; r++) {
          const head = Math.floor(r / this.capacity);
          const start = (head * capacity + (r % this.capacity)) * capacity;
          to.set(from.subarray(r * this.capacity, (r + 1) * this.capacity), start);
        }
      }
    }
    return larger;
  }
}
