import { useEffect, useState } from 'react';
import type { Params } from '../../engine/params.ts';
import type { Run } from '../../engine/train.ts';
import { offer } from '../../store/scene.ts';
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
      .then((params) => {
        offer(run, { initial: params });
        if (current) setKnown({ run, params });
      });
    return () => {
      current = false;
    };
  }, [run]);
  return known?.run === run ? known.params : null;
}

export interface Replayed {
  /** Steps made of those to make; null when there is nothing to wait for. */
  readonly made: number | null;
  readonly error: string;
}

/** The update that led to a step, put into the scene; worked out while the page stays at hand. */
export function useAdam(run: Run, step: number, wanted: boolean): Replayed {
  const [made, setMade] = useState<number | null>(null);
  const [error, setError] = useState('');
  useEffect(() => {
    if (!wanted) return;
    const stop = new AbortController();
    const number = Math.max(1, step);
    setError('');
    replayOf(run)
      .updateAt(number, stop.signal, (done) => !stop.signal.aborted && setMade(done))
      .then((update) => {
        if (!update) return;
        offer(run, { update });
        setMade(null);
      })
      .catch((problem: unknown) => {
        if (!stop.signal.aborted) setError(problem instanceof Error ? problem.message : 'failed');
      });
    return () => stop.abort();
  }, [run, step, wanted]);
  return { made: wanted ? made : null, error };
}
