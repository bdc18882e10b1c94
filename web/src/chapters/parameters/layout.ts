/** Where each tensor stands on the canvas: every number a square, every tensor in its true shape. */

import type { ModelConfig } from '../../engine/config.ts';

/** A tensor as drawn; px. Its numbers begin at (x, y), its name stands above. */
export interface Block {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  /** The side of the square that a number is, px. */
  readonly cell: number;
  readonly width: number;
  readonly height: number;
  readonly blocks: readonly Block[];
}

/** A number's place: the block and where in it. */
export interface Place {
  readonly block: Block;
  readonly row: number;
  readonly column: number;
}

const GAP = 12; // between blocks
const NARROW_GAP = 8;
const NAME = 18; // height of the line above a block
const LARGEST_CELL = 10;
const WIDE = 560; // from here the tall mlp_fc1 stands beside everything else

/**
 * Fill a width. The embeddings come first, attention under them, the MLP around both: mlp_fc1 is a
 * column on the right, mlp_fc2 a row at the foot.
 */
export function arrange(config: ModelConfig, width: number): Layout {
  const { n_embd: e, n_layer } = config;
  const wide = width >= WIDE;
  const gap = wide ? GAP : NARROW_GAP;
  const left = wide ? 4 * e : 3 * e; // numbers side by side, left of mlp_fc1
  const stacks = wide ? stacksOf(config) : 1;
  const across = left + stacks * e;
  const gaps = ((wide ? 3 : 2) + stacks) * gap;
  const cell = squareSide((width - gaps) / across);
  const step = e * cell + gap; // from one block of width e to the next
  const blocks: Block[] = [];
  const put = (name: string, rows: number, columns: number, x: number, y: number) => {
    blocks.push({ name, rows, columns, x, y: y + NAME });
    return y + NAME + rows * cell + gap;
  };
  const { vocab_size: v, block_size } = config;
  let y = Math.max(
    put('wte', v, e, 0, 0),
    put('wpe', block_size, e, step, 0),
    put('lm_head', v, e, 2 * step, 0),
  );
  const perRow = wide ? 4 : 2;
  for (let layer = 0; layer < n_layer; layer++) {
    const top = y;
    for (const [i, short] of ['attn_wq', 'attn_wk', 'attn_wv', 'attn_wo'].entries()) {
      const row = Math.floor(i / perRow);
      const at = top + row * (NAME + e * cell + gap);
      y = put(`layer${layer}.${short}`, e, e, (i % perRow) * step, at);
    }
    if (wide) y = put(`layer${layer}.mlp_fc2`, e, 4 * e, 0, y);
  }
  const x = (wide ? 4 : 3) * step;
  const ends = new Array<number>(stacks).fill(0);
  for (let layer = 0; layer < n_layer; layer++) {
    const stack = layer % stacks;
    ends[stack] = put(`layer${layer}.mlp_fc1`, 4 * e, e, x + stack * step, ends[stack]!);
  }
  y = Math.max(y, ...ends);
  if (!wide) {
    for (let layer = 0; layer < n_layer; layer++) y = put(`layer${layer}.mlp_fc2`, e, 4 * e, 0, y);
  }
  return { cell, width: across * cell + gaps, height: y - gap, blocks };
}

/** How many columns of mlp_fc1 make the right side about as tall as the left. */
function stacksOf({ vocab_size, block_size, n_embd, n_layer }: ModelConfig): number {
  const tall = 4 * n_embd * n_layer;
  const beside = Math.max(vocab_size, block_size) + 2 * n_embd * n_layer;
  return Math.max(1, Math.min(n_layer, Math.round(tall / beside)));
}

/** Whole pixels where that leaves something to see. */
function squareSide(most: number): number {
  if (most >= 2) return Math.min(LARGEST_CELL, Math.floor(most));
  return Math.max(0.05, most);
}

/** The number under a point. */
export function placeAt({ blocks, cell }: Layout, x: number, y: number): Place | null {
  for (const block of blocks) {
    const column = Math.floor((x - block.x) / cell);
    const row = Math.floor((y - block.y) / cell);
    if (row >= 0 && row < block.rows && column >= 0 && column < block.columns) {
      return { block, row, column };
    }
  }
  return null;
}

export type Direction = 'left' | 'right' | 'up' | 'down';

/** The next number that way; over the edge of a block, the nearest one of the next block. */
export function neighbour(layout: Layout, from: Place, direction: Direction): Place {
  const dx = direction === 'right' ? 1 : direction === 'left' ? -1 : 0;
  const dy = direction === 'down' ? 1 : direction === 'up' ? -1 : 0;
  const row = from.row + dy;
  const column = from.column + dx;
  const { block } = from;
  if (row >= 0 && row < block.rows && column >= 0 && column < block.columns) {
    return { block, row, column };
  }
  const { cell } = layout;
  const x = block.x + (from.column + 0.5) * cell;
  const y = block.y + (from.row + 0.5) * cell;
  let best: Place = from;
  let shortest = Number.POSITIVE_INFINITY;
  for (const other of layout.blocks) {
    if (other === block) continue;
    const at: Place = {
      block: other,
      row: clamp(Math.floor((y - other.y) / cell), other.rows),
      column: clamp(Math.floor((x - other.x) / cell), other.columns),
    };
    const alongX = other.x + (at.column + 0.5) * cell - x;
    const alongY = other.y + (at.row + 0.5) * cell - y;
    const ahead = alongX * dx + alongY * dy;
    const aside = Math.abs(alongX * dy) + Math.abs(alongY * dx);
    if (ahead <= 0) continue;
    const distance = ahead + 4 * aside;
    if (distance < shortest) {
      shortest = distance;
      best = at;
    }
  }
  return best;
}

function clamp(value: number, count: number): number {
  return Math.max(0, Math.min(count - 1, value));
}
