/** What a page does not keep of a run, worked out again by training it once more in the pool. */

import { useEffect, useMemo } from 'react';
import { learningRate } from '../engine/config.ts';
import { Params } from '../engine/params.ts';
import { recordUpdate, type Update } from '../engine/scene.ts';
import type { Run } from '../engine/train.ts';
import { stateFromData, stateToData } from '../worker/protocol.ts';
import { offer } from './scene.ts';
import { useCompute, useLoaded } from './use.ts';

/** The weights before the first step, put into the scene; null until they have been drawn again. */
export function useInitialWeights(run: Run): Params | null {
  const { value, done } = useCompute(
    'initialWeights',
    useMemo(() => ({ run }), [run]),
  );
  const initial = useMemo(
    () => (done && value ? new Params(run.model, value) : null),
    [done, value, run],
  );
  useEffect(() => {
    if (initial) offer(run, { initial });
  }, [run, initial]);
  return initial;
}

/** An update with all that went into it, and what it did to the mean losses of lists of texts. */
export interface Updated {
  readonly update: Update;
  readonly losses: readonly {
    readonly texts: readonly string[];
    readonly before: number;
    readonly after: number;
  }[];
}

export interface Replayed {
  /** For a moment that of the number before; null as long as it is not known. */
  readonly updated: Updated | null;
  /** Steps made of those to make; null when there is nothing to wait for. */
  readonly made: number | null;
  readonly error: string;
}

const NO_TEXTS: readonly (readonly string[])[] = [];

/** Update number `number`, from 1, put into the scene. */
export function useUpdate(number: number, wanted: boolean, texts = NO_TEXTS): Replayed {
  const { run, history } = useLoaded().loaded;
  const { value, soFar, done, error } = useCompute(
    'update',
    useMemo(() => {
      if (!wanted) return null;
      const keyframe = history?.keyframeBefore(number - 1);
      const from = keyframe && stateToData(keyframe);
      return { run, step: number, texts, from, interventions: history?.interventions ?? {} };
    }, [wanted, run, number, texts, history]),
  );
  const updated = useMemo(() => {
    if (!value) return null;
    const { state, grads, losses } = value;
    const rate = learningRate(run.training, state.step);
    const before = stateFromData(run.model, state);
    const update = recordUpdate(before, new Params(run.model, grads), rate, run.training);
    return { update, losses };
  }, [value, run]);
  useEffect(() => {
    if (updated) offer(run, updated);
  }, [run, updated]);
  return {
    updated: done || soFar === null ? updated : null,
    made: wanted && !done ? soFar : null,
    error,
  };
}
