/**
 * What reads a number: the rules the other way round. That row 3 of a vector is read only in row 3,
 * or a row of a matrix only in one column, is seen in the formulas of a very small model; then only
 * those formulas that may read a number are written down, and asked.
 */

import { isAttention, names, widthOf } from './activations.ts';
import { modelConfig } from './config.ts';
import {
  type Cell,
  type CellKind,
  cellKey,
  inputsOf,
  reads,
  type UpdateKind,
} from './expression.ts';
import { trace } from './model.ts';
import { Params } from './params.ts';
import { exprOf } from './rules.ts';
import { range, type Scene } from './scene.ts';

type Axis = 'row' | 'column';

/** That the numbers of one name read those of another, and which places of theirs are the same. */
interface Link {
  readonly kind: CellKind;
  readonly name: string;
  readonly same: readonly (readonly [of: Axis, input: Axis])[];
}

const AXES = (['row', 'column'] as const).flatMap((of) =>
  (['row', 'column'] as const).map((input) => [of, input] as const),
);

/** In which pass a number is read: a gradient in the backward pass, a term in the same update. */
const READERS: Readonly<Partial<Record<CellKind, readonly CellKind[]>>> = {
  value: ['value'],
  param: ['value', 'change'],
  initial: ['change'],
  grad: ['grad', 'param_grad'],
};
const UPDATE: readonly UpdateKind[] = [
  'weight_before',
  'm_before',
  'v_before',
  'm',
  'v',
  'm_hat',
  'v_hat',
  'update',
  'weight_after',
];

const found = new WeakMap<Scene, Map<string, readonly Cell[]>>();

/** The cells whose formulas read this one. */
export function consumersOf(scene: Scene, cell: Cell): readonly Cell[] {
  const known = found.get(scene) ?? new Map<string, readonly Cell[]>();
  found.set(scene, known);
  const key = cellKey(cell);
  const before = known.get(key);
  if (before) return before;
  const made = candidates(scene, cell).filter((candidate) =>
    reads(exprOf(scene, candidate)!, cell),
  );
  known.set(key, made);
  return made;
}

function candidates(scene: Scene, cell: Cell): Cell[] {
  const { initial, update, next } = scene;
  const readers = READERS[cell.kind] ?? [];
  const change: Cell[] = readers.includes('change') && initial ? [{ ...cell, kind: 'change' }] : [];
  if (cell.kind in READERS) {
    const links = structure(scene.trace.config.n_layer).get(`${cell.kind} ${cell.name}`) ?? [];
    return [...links.flatMap((link) => cellsOf(scene, link, cell)), ...change];
  }
  if (cell.kind === 'derived') return [];
  const terms = (ahead: boolean) =>
    UPDATE.map((kind): Cell => ({ ...cell, kind, next: ahead })).filter((c) => exprOf(scene, c));
  return [...(update ? terms(false) : []), ...(next ? terms(true) : [])];
}

/** The cells of one name, those only that share the places with an input. */
function cellsOf(scene: Scene, { kind, name, same }: Link, input?: Cell): Cell[] {
  const { config, params, values, plan } = scene.trace;
  const fixed = (of: Axis) => {
    const link = same.find(([own]) => own === of);
    return link && input ? input[link[1]] : undefined;
  };
  const all = (of: Axis, n: number) => {
    const at = fixed(of);
    return at === undefined ? range(n, (i) => i) : at < n ? [at] : [];
  };
  const place = (row: number, head: number, width: number) =>
    all('column', width).map((column): Cell => ({ kind, name, row, column, head }));
  if (kind === 'param_grad') {
    const { n_out, n_in } = params.tensor(name);
    return all('row', n_out).flatMap((row) => place(row, 0, n_in));
  }
  if (name === 'mean_loss') return [{ kind, name, row: 0, column: 0, head: 0 }];
  const n = values.length;
  if (!isAttention(name)) {
    return all('row', n).flatMap((row) => place(row, 0, widthOf(config, name, n)));
  }
  return range(config.n_head, (head) => head).flatMap((head) =>
    all('row', n).flatMap((row) => place(row, head, plan.peek ? n : row + 1)),
  );
}

const structures = new Map<number, ReadonlyMap<string, readonly Link[]>>();

/**
 * Which names read which, of a model with so many layers: `kind name` of the input, then its
 * readers. Seen from all formulas of a model so small that they are few; sizes change nothing.
 */
export function structure(n_layer: number): ReadonlyMap<string, readonly Link[]> {
  let links = structures.get(n_layer);
  if (!links) structures.set(n_layer, (links = explore(n_layer)));
  return links;
}

function explore(n_layer: number): Map<string, Link[]> {
  const shape = { vocab_size: 5, n_layer, n_embd: 4, n_head: 2, block_size: 3 };
  const params = new Params(modelConfig(shape));
  const scene = { trace: trace(params, [4, 1, 2, 4]) };
  const all = [...names(n_layer), 'mean_loss'];
  const tables = [
    ...all.flatMap((name) => [{ kind: 'value', name } as const, { kind: 'grad', name } as const]),
    ...[...params.tensors.keys()].map((name) => ({ kind: 'param_grad', name }) as const),
  ];
  const links = new Map<string, Link[]>();
  for (const { kind, name } of tables) {
    for (const [key, same] of sharedPlaces(scene, kind, name)) {
      links.set(key, [...(links.get(key) ?? []), { kind, name, same }]);
    }
  }
  return links;
}

/** What the formulas of one name read, and which places all of them share with it. */
function sharedPlaces(scene: Scene, kind: CellKind, name: string): Map<string, Link['same']> {
  const shared = new Map<string, Link['same']>();
  for (const cell of cellsOf(scene, { kind, name, same: [] })) {
    for (const input of inputsOf(exprOf(scene, cell)!)) {
      if (!READERS[input.kind]?.includes(kind)) continue;
      const key = `${input.kind} ${input.name}`;
      const still = shared.get(key) ?? AXES;
      const same = still.filter(([of, axis]) => cell[of] === input[axis]);
      shared.set(key, same);
    }
  }
  return shared;
}
