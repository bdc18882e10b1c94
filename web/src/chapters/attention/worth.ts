/** What the parts of a model are worth: its mean loss as it is, and without each of them. */

import type { ModelConfig } from '../../engine/config.ts';
import { measured } from '../../engine/derived.ts';
import type { Cell } from '../../engine/expression.ts';
import type { Judges } from '../../engine/heldOut.ts';
import type { Interventions } from '../../engine/interventions.ts';
import type { Params } from '../../engine/params.ts';
import { allMuted } from '../../figures/changes.ts';

/** All that is said here of a model as a whole is measured on so many documents, always the same. */
export const DOCUMENTS = 200;

export interface Case {
  readonly title: string;
  readonly change: (config: ModelConfig) => Interventions;
}

export const AS_IS: Case = { title: 'as it is', change: () => ({}) };
export const NO_ATTENTION: Case = { title: 'all heads muted', change: allMuted };

export const CASES: readonly Case[] = [
  AS_IS,
  NO_ATTENTION,
  {
    title: 'MLPs muted',
    change: ({ n_layer }) => ({ mutedMlps: Array.from(Array(n_layer).keys()) }),
  },
  { title: 'no positions', change: () => ({ noPositions: true }) },
];

/** The question for the mean loss of each case. */
export function lossesOf(cases: readonly Case[], params: Params, { documents }: Judges) {
  return { params, documents, cases: cases.map(({ change }) => change(params.config)) };
}

/** A mean loss over documents that are not the running one. */
export function lossOfOthers(name: string, loss: number): Cell {
  return measured(`mean loss ${name}`, loss, 'the mean of −log p over all of these documents');
}

/** In nats a token: from here on a part is missed, and missed very much. */
export const SOME = 0.1;
export const MUCH = 1;

/** What the loss of a part costs: the one judgement of it, for the prediction and for the panel. */
export function worthOf(nats: number): 'worse' | 'some' | 'little' {
  return nats >= MUCH ? 'worse' : nats >= SOME ? 'some' : 'little';
}
