/**
 * Places the nodes of a graph in layers, left to right, so that boxes never overlap and few edges
 * cross: longest paths give the layers, barycentres the order, least squares the heights.
 */

export const NODE = { width: 100, height: 78 } as const;
/** Between two layers: room for an edge to change height, then for the sign with its gradient. */
const GAP = 96;
export const SIGN = { width: 54, height: 20 } as const;
const ROW_GAP = 22;
const DUMMY_HEIGHT = 26; // an edge that passes a layer
const MARGIN = 8;
const STUB = 13; // an edge leaves level
const LEVEL = 10; // less than this, an edge need not change height
const SNAP = 16; // less than this, a passing line stays level
const BEND = 24; // length of its slope

export type Point = readonly [x: number, y: number];

export interface Link {
  readonly from: number;
  readonly to: number;
}

export interface Placed {
  /** Upper left corner. */
  readonly x: number;
  readonly y: number;
  readonly layer: number;
  /** Place in its layer, from above. */
  readonly row: number;
}

export interface Layout {
  readonly nodes: readonly Placed[];
  /** The line of each link, from the right side of its source to the left side of its target. */
  readonly lines: readonly (readonly Point[])[];
  readonly width: number;
  readonly height: number;
}

/** Nodes come in topological order: every link leads from a lower to a higher number. */
export function layout(count: number, links: readonly Link[]): Layout {
  const layer = layersOf(count, links);
  const depth = Math.max(...layer) + 1;

  // A link over several layers gets a dummy in each that it passes.
  const slots = [...layer];
  const chains = links.map(({ from, to }) => {
    const chain = [from];
    for (let l = layer[from]! + 1; l < layer[to]!; l++) chain.push(slots.push(l) - 1);
    return [...chain, to];
  });
  const segments = chains.flatMap((chain) =>
    chain.slice(1).map((to, i) => [chain[i]!, to] as const),
  );
  const before: number[][] = slots.map(() => []);
  const after: number[][] = slots.map(() => []);
  for (const [from, to] of segments) {
    after[from]!.push(to);
    before[to]!.push(from);
  }

  const rows = orderOf(depth, slots, before, after);
  const heightOf = (slot: number) => (slot < count ? NODE.height : DUMMY_HEIGHT);
  const centre = heightsOf(rows, before, after, heightOf, (slot) => slot >= count);

  const top = Math.min(...slots.map((_, s) => centre[s]! - heightOf(s) / 2));
  const bottom = Math.max(...slots.map((_, s) => centre[s]! + heightOf(s) / 2));
  const x = (slot: number) => MARGIN + slots[slot]! * (NODE.width + GAP);
  const y = (slot: number) => Math.round(centre[slot]! - top + MARGIN);
  const nodes = layer.map((l, i) => ({
    x: x(i),
    y: y(i) - NODE.height / 2,
    layer: l,
    row: rows[l]!.filter((slot) => slot < count).indexOf(i),
  }));

  const leaving = ports(chains, y, (chain) => [chain[0]!, chain[1]!]);
  const arriving = ports(chains, y, (chain) => [chain.at(-1)!, chain.at(-2)!]);
  chains.forEach((_, i) => {
    if (Math.abs(leaving[i]! - arriving[i]!) > LEVEL) return;
    leaving[i] = arriving[i] = (leaving[i]! + arriving[i]!) / 2;
  });
  const lines = chains.map((chain, i) => {
    const [first, last] = [chain[0]!, chain.at(-1)!];
    const stops: [left: Point, right: Point][] = chain.map((slot) => {
      const level = Math.abs(y(slot) - leaving[i]!) <= SNAP ? leaving[i]! : y(slot);
      const height = slot === first ? leaving[i]! : slot === last ? arriving[i]! : level;
      return [
        [x(slot), height],
        [x(slot) + NODE.width, height],
      ];
    });
    const line: Point[] = [stops[0]![1]];
    for (let s = 1; s < stops.length; s++) {
      const [[, from], [left, to]] = [stops[s - 1]![1], stops[s]![0]];
      const end = left - GAP + STUB + BEND;
      line.push([end - BEND, from], [end, to]);
      if (s < stops.length - 1) line.push(stops[s]![1]);
      else line.push([left, to]);
    }
    return simplified(line);
  });
  return {
    nodes,
    lines,
    width: depth * (NODE.width + GAP) - GAP + 2 * MARGIN,
    height: bottom - top + 2 * MARGIN,
  };
}

/** As far right as the longest path to it; leaves directly before their first use. */
function layersOf(count: number, links: readonly Link[]): number[] {
  const layer = new Array<number>(count).fill(0);
  const inner = new Set(links.map(({ to }) => to));
  for (let i = 0; i < count; i++) {
    for (const { from, to } of links) {
      if (to === i) layer[i] = Math.max(layer[i]!, layer[from]! + 1);
    }
  }
  for (let i = 0; i < count; i++) {
    const uses = links.filter(({ from }) => from === i).map(({ to }) => layer[to]!);
    if (!inner.has(i) && uses.length) layer[i] = Math.min(...uses) - 1;
  }
  return layer;
}

function orderOf(
  depth: number,
  slots: readonly number[],
  before: readonly (readonly number[])[],
  after: readonly (readonly number[])[],
): number[][] {
  const rows: number[][] = Array.from({ length: depth }, () => []);
  // To begin with, as a walk back from the result meets them.
  const seen = new Set<number>();
  const walk = (slot: number): void => {
    if (seen.has(slot)) return;
    seen.add(slot);
    before[slot]!.forEach(walk);
    rows[slots[slot]!]!.push(slot);
  };
  for (let slot = slots.length - 1; slot >= 0; slot--) if (after[slot]!.length === 0) walk(slot);

  let best = rows.map((row) => [...row]);
  let fewest = crossings(best, after);
  for (let sweep = 0; sweep < 12 && fewest > 0; sweep++) {
    const forth = sweep % 2 === 0;
    for (let l = 0; l < depth; l++) {
      const row = rows[forth ? l : depth - 1 - l]!;
      const other = rows[(forth ? l : depth - 1 - l) + (forth ? -1 : 1)];
      if (!other) continue;
      const near = forth ? before : after;
      const key = new Map(
        row.map((slot, i) => {
          const places = near[slot]!.map((n) => other.indexOf(n));
          return [slot, places.length ? mean(places) : i] as const;
        }),
      );
      row.sort((a, b) => key.get(a)! - key.get(b)!);
    }
    const now = crossings(rows, after);
    if (now < fewest) {
      fewest = now;
      best = rows.map((row) => [...row]);
    }
  }
  return best;
}

function crossings(
  rows: readonly (readonly number[])[],
  after: readonly (readonly number[])[],
): number {
  let total = 0;
  for (let l = 0; l + 1 < rows.length; l++) {
    const next = rows[l + 1]!;
    const ends = rows[l]!.map((slot) => after[slot]!.map((to) => next.indexOf(to)));
    for (let i = 0; i < ends.length; i++) {
      for (let j = i + 1; j < ends.length; j++) {
        for (const a of ends[i]!) for (const b of ends[j]!) if (a > b) total++;
      }
    }
  }
  return total;
}

/** Heights of the centres: each near those it is linked to, none overlapping its neighbours. */
function heightsOf(
  rows: readonly (readonly number[])[],
  before: readonly (readonly number[])[],
  after: readonly (readonly number[])[],
  heightOf: (slot: number) => number,
  passes: (slot: number) => boolean,
): number[] {
  // Edges that pass layers should be straight above all.
  const pull = (a: number, b: number) => (passes(a) ? 4 : 1) * (passes(b) ? 4 : 1);
  const centre: number[] = [];
  for (const row of rows) {
    const offsets = offsetsOf(row, heightOf);
    const middle = (offsets.at(-1) ?? 0) / 2;
    row.forEach((slot, i) => {
      centre[slot] = offsets[i]! - middle;
    });
  }
  for (let round = 0; round < 160; round++) {
    const order = round % 2 === 0 ? rows : [...rows].reverse();
    for (const row of order) {
      const offsets = offsetsOf(row, heightOf);
      const wanted = row.map((slot, i) => {
        let [sum, weight] = [0, 0];
        for (const near of [...before[slot]!, ...after[slot]!]) {
          sum += pull(slot, near) * centre[near]!;
          weight += pull(slot, near);
        }
        return weight ? { y: sum / weight - offsets[i]!, weight } : { y: centre[slot]!, weight: 1 };
      });
      const placed = increasing(wanted);
      row.forEach((slot, i) => {
        centre[slot] = placed[i]! + offsets[i]!;
      });
    }
  }
  return centre;
}

/** Least distances of the centres of a row from its first. */
function offsetsOf(row: readonly number[], heightOf: (slot: number) => number): number[] {
  const offsets = [0];
  for (let i = 1; i < row.length; i++) {
    const step = (heightOf(row[i - 1]!) + heightOf(row[i]!)) / 2 + ROW_GAP;
    offsets.push(offsets[i - 1]! + step);
  }
  return offsets;
}

/** The heights nearest to these, in least squares, that never fall (pool adjacent violators). */
function increasing(wanted: readonly { y: number; weight: number }[]): number[] {
  const pools: { sum: number; weight: number; n: number }[] = [];
  for (const { y, weight } of wanted) {
    let pool = { sum: y * weight, weight, n: 1 };
    for (
      let last = pools.at(-1);
      last && last.sum / last.weight > pool.sum / pool.weight;
      last = pools.at(-1)
    ) {
      pool = {
        sum: pool.sum + last.sum,
        weight: pool.weight + last.weight,
        n: pool.n + last.n,
      };
      pools.pop();
    }
    pools.push(pool);
  }
  return pools.flatMap(({ sum, weight, n }) => new Array<number>(n).fill(sum / weight));
}

/** Where lines touch a side of a node: spread, in the order of where they come from or go to. */
function ports(
  chains: readonly (readonly number[])[],
  y: (slot: number) => number,
  ends: (chain: readonly number[]) => [node: number, next: number],
): number[] {
  const at = new Map<number, number[]>();
  chains.forEach((chain, i) => {
    const [node] = ends(chain);
    at.set(node, [...(at.get(node) ?? []), i]);
  });
  const heights: number[] = [];
  for (const [node, list] of at) {
    list.sort((a, b) => y(ends(chains[a]!)[1]) - y(ends(chains[b]!)[1]) || a - b);
    const step = Math.min(28, (NODE.height - 14) / list.length);
    list.forEach((chain, i) => {
      heights[chain] = y(node) + (i - (list.length - 1) / 2) * step;
    });
  }
  return heights;
}

/** Without points that a straight line passes anyway. */
function simplified(line: readonly Point[]): Point[] {
  return line.filter(([, y], i) => {
    const [before, next] = [line[i - 1], line[i + 1]];
    return !before || !next || before[1] !== y || next[1] !== y;
  });
}

/** The line moved sideways, to the right of its direction, with mitred corners. */
export function beside(line: readonly Point[], distance: number): Point[] {
  const normals = line.slice(1).map(([x, y], i): Point => {
    const [fromX, fromY] = line[i]!;
    const length = Math.hypot(x - fromX, y - fromY);
    return [-(y - fromY) / length, (x - fromX) / length];
  });
  return line.map(([x, y], i) => {
    const a = normals[Math.max(0, i - 1)]!;
    const b = normals[Math.min(normals.length - 1, i)]!;
    const scale = distance / (1 + a[0] * b[0] + a[1] * b[1]);
    return [x + (a[0] + b[0]) * scale, y + (a[1] + b[1]) * scale];
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
