import { useEffect, useState } from 'react';
import type { TrainState } from '../../engine/model.ts';
import type { Params } from '../../engine/params.ts';
import type { Run } from '../../engine/train.ts';
import { Replay } from './replay.ts';

const replays = new WeakMap<Run, Replay>();

function replayOf(run: Run): Replay {
  let replay = replays.get(run);
  if (!replay) {
    replay = new Replay(run);
    replays.set(run, replay);
  }
  return replay;
}

/** The weights before the first step; null until they have been drawn again. */
export function useInitialWeights(run: Run): Params | null {
  const [known, setKnown] = useState<{ run: Run; params: Params } | null>(null);
  useEffect(() => {
    let current = true;
    void replayOf(run)
      .initialWeights()
      .then((params) => current && setKnown({ run, params }));
    return () => {
      current = false;
    };
  }, [run]);
  return known?.run === run ? known.params : null;
}

export interface Replayed {
  /** Of the step asked for or, while that is being worked out, of the one before it. */
  readonly state: TrainState | null;
  /** Steps made of those to make; null when there is nothing to wait for. */
  readonly made: number | null;
  readonly error: string;
}

/** All of the training after so many steps, worked out while the page stays at hand. */
export function useReplay(run: Run, step: number, wanted: boolean): Replayed {
  const [known, setKnown] = useState<{ run: Run; state: TrainState } | null>(null);
  const [made, setMade] = useState<number | null>(null);
  const [error, setError] = useState('');
  useEffect(() => {
    if (!wanted) return;
    const stop = new AbortController();
    setError('');
    replayOf(run)
      .stateAt(step, stop.signal, (done) => !stop.signal.aborted && setMade(done))
      .then((state) => {
        if (!state) return;
        setKnown({ run, state });
        setMade(null);
      })
      .catch((problem: unknown) => {
        if (!stop.signal.aborted) setError(problem instanceof Error ? problem.message : 'failed');
      });
    return () => stop.abort();
  }, [run, step, wanted]);
  const state = known?.run === run ? known.state : null;
  return { state, made: wanted ? made : null, error };
}
