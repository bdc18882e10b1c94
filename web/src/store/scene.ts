/**
 * The one scene that every number on the page is drawn from, and what lights up in it: the running
 * document there and back, the first weights, and Adam's updates around the step that is shown.
 */

import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { consumersOf } from '../engine/consumers.ts';
import { type Cell, cellKey, inputsOf } from '../engine/expression.ts';
import type { Params } from '../engine/params.ts';
import { exprOf } from '../engine/rules.ts';
import type { Scene, Update } from '../engine/scene.ts';
import type { Run } from '../engine/train.ts';
import { explorer } from './explorer.ts';
import { useExplorer } from './use.ts';

/** What is known of a run besides the trace; each is worked out only where it is looked at. */
export interface Beside {
  readonly run: Run | null;
  readonly initial: Params | null;
  /** Updates that are at hand; the scene takes those around the step shown. */
  readonly updates: readonly Update[];
}

const NOTHING: Beside = { run: null, initial: null, updates: [] };
const MOST_UPDATES = 4;
export const beside = createStore<Beside>(() => NOTHING);

/** Put what has been worked out about a run beside its trace. */
export function offer(run: Run, given: { initial?: Params; update?: Update }): void {
  const known = beside.getState();
  const { initial, updates } = known.run === run ? known : NOTHING;
  const { update } = given;
  const others = update ? updates.filter(({ step }) => step !== update.step) : updates;
  beside.setState({
    run,
    initial: given.initial ?? initial,
    updates: update ? [update, ...others].slice(0, MOST_UPDATES) : others,
  });
}

let last: { readonly made: Scene; readonly of: readonly unknown[] } | null = null;

/** The scene as it is now; the same object until something of it changes. */
export function currentScene(): Scene | null {
  const { trace, loaded, step, asked } = explorer.getState();
  if (!trace || !loaded) return null;
  const { run, initial, updates } = beside.getState();
  const mine = run === loaded.run;
  const find = (number: number) =>
    (mine && updates.find((update) => update.step === number)) || null;
  const update = find(step);
  const next = find(asked + 1);
  const of = [trace, mine && initial, update, next];
  if (!last || last.of.some((part, i) => part !== of[i])) {
    last = { of, made: { trace, initial: mine ? initial : null, update, next } };
  }
  return last.made;
}

/** The scene, for what is drawn from it. */
export function useScene(): Scene {
  useExplorer((s) => s.trace);
  useExplorer((s) => s.asked);
  useStore(beside);
  const scene = currentScene();
  if (!scene) throw new Error('no model is loaded yet');
  return scene;
}

/** How a number stands to the one that is pointed at or, without any, to the one selected. */
export type Look = '' | 'selected' | 'source' | 'consumer';

interface Links {
  readonly scene: Scene | null;
  readonly cell: Cell | null;
  readonly sources: ReadonlySet<string>;
  readonly consumers: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();
let links: Links = { scene: null, cell: null, sources: NONE, consumers: NONE };

/** The keys of what the number pointed at was computed from, and of what was computed from it. */
export function currentLinks(): Links {
  const { hovered, selected } = explorer.getState();
  const cell = hovered ?? selected;
  const scene = cell ? currentScene() : null;
  if (links.scene !== scene || links.cell !== cell) links = linksOf(scene, cell);
  return links;
}

function linksOf(scene: Scene | null, cell: Cell | null): Links {
  const none = { scene, cell, sources: NONE, consumers: NONE };
  if (!scene || !cell) return none;
  try {
    const expr = exprOf(scene, cell);
    const keys = (cells: readonly Cell[]) => new Set(cells.map(cellKey));
    const sources = expr ? keys(inputsOf(expr)) : NONE;
    return { scene, cell, sources, consumers: keys(consumersOf(scene, cell)) };
  } catch (error) {
    if (error instanceof RangeError) return none; // a cell of a document that is no longer there
    throw error;
  }
}

/** The same, for a picture that marks them itself. */
export function useLinks(): Links {
  useExplorer((s) => (s.hovered || s.selected ? s.trace : null));
  return useExplorer(currentLinks);
}

/** One of a cell, for those who draw it; drawn anew only when it changes. */
export function useLook(cell: Cell): Look {
  return useExplorer(({ selected, hovered }) => {
    if (!selected && !hovered) return '';
    const key = cellKey(cell);
    if (selected && cellKey(selected) === key) return 'selected';
    const { sources, consumers } = currentLinks();
    return sources.has(key) ? 'source' : consumers.has(key) ? 'consumer' : '';
  });
}
