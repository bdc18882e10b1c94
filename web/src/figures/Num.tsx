/**
 * A number of the model, drawn from its cell and from nothing else: what it is, what it is called
 * aloud, the click that asks how it was computed, and what lights up with it all come from the
 * scene, so that no number can stand beside a cell that is not its own.
 */

import { type KeyboardEvent, type ReactNode, useEffect, useLayoutEffect, useRef } from 'react';
import { type Cell, formatNumber } from '../engine/expression.ts';
import { cellValue, type Scene } from '../engine/scene.ts';
import { explorer, hover, sameCell, select } from '../store/explorer.ts';
import { type Look, useLook, useScene } from '../store/scene.ts';
import { fixed, largest } from './format.ts';
import { say, type Words } from './say.ts';

/** How a number is written; it changes nothing about which number it is. */
export interface Writing {
  /** Places after the point; without it four, or a power of ten where they would not tell. */
  readonly places?: number | undefined;
  /** Another way to write it: as a percentage, with its sign. */
  readonly write?: ((value: number) => string) | undefined;
}

export interface CellView {
  /** Null where the scene does not have it: not worked out yet, or of a longer document. */
  readonly value: number | null;
  readonly text: string;
  readonly look: Look;
  /** For the button that stands for the number. */
  readonly button: {
    readonly 'data-num': '';
    readonly type: 'button';
    readonly 'aria-label': string;
    readonly 'aria-pressed': boolean;
    readonly disabled: boolean;
    readonly onClick: () => void;
    readonly onPointerEnter: () => void;
    readonly onPointerLeave: () => void;
    readonly onFocus: () => void;
    readonly onBlur: () => void;
  };
}

/** The number of a cell; null where the scene does not have it. */
export function knownValue(scene: Scene, cell: Cell): number | null {
  try {
    return cellValue(scene, cell);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** The largest magnitude of some cells: what full colour stands for. */
export function largestOf(scene: Scene, cells: readonly Cell[]): number {
  return largest(cells.map((cell) => knownValue(scene, cell) ?? 0));
}

/** All that a figure needs in order to draw a number in its own way. */
export function useCell(cell: Cell, { places, write }: Writing = {}): CellView {
  const scene = useScene();
  const look = useLook(cell);
  const value = knownValue(scene, cell);
  const how = write ?? ((x: number) => (places === undefined ? formatNumber(x) : fixed(x, places)));
  const text = value === null ? '…' : how(value);
  const chosen = look === 'selected';
  // biome-ignore lint/correctness/useExhaustiveDependencies: a derived number whose rule has changed
  useEffect(() => {
    const { selected } = explorer.getState();
    if (chosen && cell.rule && selected !== cell) select(cell);
  }, [chosen, value]);
  return {
    value,
    text,
    look,
    button: {
      'data-num': '',
      type: 'button',
      'aria-label': `${text}: ${sayIn(scene, cell)}`,
      'aria-pressed': chosen,
      disabled: value === null,
      onClick: () => select(chosen ? null : cell),
      onPointerEnter: () => hover(cell),
      onPointerLeave: () => hover(null),
      onFocus: () => hover(cell),
      onBlur: () => hover(null),
    },
  };
}

/** What a cell is called aloud: with the tokens of the running document. */
export function sayIn(scene: Scene, cell: Cell): string {
  return say(cell, wordsOf(scene));
}

function wordsOf({ trace }: Scene): Words {
  const { loaded } = explorer.getState();
  const token = (id: number) => loaded?.run.tokenizer.token(id) ?? '';
  return { token, at: (position) => token(trace.values.tokens[position]!) };
}

const LOOKS: Readonly<Record<Look, string>> = {
  '': '',
  selected: 'cell-selected',
  source: 'cell-source',
  consumer: 'cell-consumer',
};

/** The class that shows how a number stands to the one that is asked. */
export function lookClass(look: Look): string {
  return LOOKS[look];
}

export function Num(
  props: Writing & {
    cell: Cell;
    /** What full colour stands for: drawn as a tinted cell. Without it, as a word of the text. */
    largest?: number;
    /** `row,column` in a grid with `moveInGrid`; without it the arrows go to the next in the panel. */
    at?: string | undefined;
    /** Whether it is the one tab stop of its grid. */
    stop?: boolean;
    className?: string;
    /** Drawn behind or beside the digits. */
    style?: React.CSSProperties;
  },
) {
  const { cell, at, stop, className = '', style } = props;
  const full = props.largest;
  const { value, text, look, button } = useCell(cell, props);
  const loose = useLoose(at === undefined && value !== null);
  const tinted = full !== undefined;
  const tint = tinted ? `cell ${(value ?? 0) < 0 ? 'cell-neg' : 'cell-pos'}` : 'num';
  return (
    <button
      {...button}
      {...loose}
      data-at={at}
      {...(at === undefined ? {} : { tabIndex: stop ? 0 : -1 })}
      className={`${tint} ${lookClass(look)} ${className}`}
      style={
        tinted
          ? ({ '--a': Math.min(1, Math.abs(value ?? 0) / full), ...style } as React.CSSProperties)
          : style
      }
    >
      {text}
    </button>
  );
}

const GROUP = '[data-numbers], section, main';
const LOOSE = '[data-num]:not([data-at], :disabled)';

function neighbours(of: HTMLElement): HTMLElement[] {
  const group = of.closest(GROUP);
  if (!group) return [of];
  return [...group.querySelectorAll<HTMLElement>(LOOSE)].filter(
    (one) => one.closest(GROUP) === group,
  );
}

/** Numbers in running text: one tab stop for those of a panel, moved among with the arrow keys. */
function useLoose(on: boolean) {
  const self = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    const own = self.current;
    if (!on || !own) return;
    if (!neighbours(own).some((one) => one.tabIndex === 0)) own.tabIndex = 0;
    const group = own.closest(GROUP);
    return () => {
      if (own.tabIndex !== 0) return;
      const rest = [...(group?.querySelectorAll<HTMLElement>(LOOSE) ?? [])];
      const heir = rest.find((one) => one !== own && one.closest(GROUP) === group);
      if (heir) heir.tabIndex = 0;
    };
  }, [on]);
  if (!on) return {};
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const all = step ? neighbours(event.currentTarget) : [];
    const next = all[all.indexOf(event.currentTarget) + (step ?? 0)];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    if (!next) return;
    event.currentTarget.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  };
  return { ref: self, onKeyDown, tabIndex: -1 };
}

/** The cell of a grid that takes the focus: the selected one, or the one that is given. */
export function tabStop(
  cells: readonly (readonly Cell[])[],
  selected: Cell | null,
  otherwise = '0,0',
): string {
  for (const [r, row] of cells.entries()) {
    const c = row.findIndex((cell) => sameCell(cell, selected));
    if (c >= 0) return `${r},${c}`;
  }
  return otherwise;
}

/** What stands among numbers of the model without being one; see `e2e/numbers.test.ts`. */
export function NotAsked(props: { why: string; children: ReactNode }) {
  return <span data-not-asked={props.why}>{props.children}</span>;
}
