/**
 * The initial weights of runs that are asked for again and again, as when a slider is dragged.
 *
 * A run draws its weights one after the other, whatever its shape: those of a smaller model are the
 * first ones of a larger model's. So the numbers drawn for a seed are kept, and drawn on from there.
 */

import { numParams } from '../engine/config.ts';
import { freshState, type TrainState } from '../engine/model.ts';
import { Params } from '../engine/params.ts';
import { Random } from '../engine/random.ts';
import type { Run } from '../engine/train.ts';

const KEPT = 4;

interface Stream {
  readonly key: string;
  readonly rng: Random;
  /** Drawn from N(0, 1). */
  readonly drawn: number[];
}

const streams: Stream[] = [];

/** The same as `initial(run).state`. */
export function initialState(run: Run): TrainState {
  const { model, training, documents } = run;
  const { drawn, rng } = streamOf(training.seed, documents.length);
  const size = numParams(model);
  while (drawn.length < size) drawn.push(rng.gauss(0, 1));
  const data = new Float64Array(size);
  for (let i = 0; i < size; i++) data[i] = drawn[i]! * training.init_std;
  return freshState(new Params(model, data));
}

function streamOf(seed: number | bigint, documents: number): Stream {
  const key = `${seed} ${documents}`;
  const at = streams.findIndex((stream) => stream.key === key);
  if (at >= 0) streams.unshift(...streams.splice(at, 1));
  else {
    const rng = new Random(seed);
    rng.shuffle(new Array(documents).fill(0));
    streams.unshift({ key, rng, drawn: [] });
    streams.length = Math.min(streams.length, KEPT);
  }
  return streams[0]!;
}
