/** Whatever stops a training: a model on its way is known as such, and can be finished or put back. */

import { beforeEach, describe, expect, test } from 'vitest';
import { trainConfig } from '../src/engine/config.ts';
import { Model } from '../src/engine/model.ts';
import { Tokenizer } from '../src/engine/tokenizer.ts';
import { begin } from '../src/engine/train.ts';
import { explorer, type Loaded, show } from '../src/store/explorer.ts';
import {
  finish,
  isUnfinished,
  makePacedSteps,
  makeSteps,
  pause,
  putBack,
  session,
  setPacing,
  stepBefore,
} from '../src/store/session.ts';
import { useWorkers } from '../src/store/workers.ts';
import { connect } from './inProcess.ts';

const documents = ['abba', 'baba', 'cab', 'dada', 'bead', 'face', 'deaf', 'cafe'];
const tokenizer = Tokenizer.fromDocuments(documents, 'none');
const STEPS = 40;

/** A run as a file gives it, saved after so many steps. */
function saved(seed: number, step: number): Loaded {
  const shape = { n_embd: 8, n_head: 2, block_size: 6 };
  const { run, state } = begin(documents, trainConfig({ steps: STEPS, seed }), tokenizer, shape);
  const model = new Model(state, run.training);
  const losses = run.advance(model, 0, step);
  const source = { name: `${seed}`, title: 'test', sha256: '', remarks: [] };
  return { source, run, final: model.state().params, finalStep: step, losses, history: null };
}

const now = () => explorer.getState().loaded!;
const paused = () => session.getState().status === 'paused';
const until = async (is: () => boolean) => {
  for (let i = 0; i < 5000 && !is(); i++) await new Promise((done) => setTimeout(done, 1));
  expect(is()).toBe(true);
};
/** Time for every message that could still be under way. */
const quiet = () => new Promise((done) => setTimeout(done, 60));

beforeEach(() => {
  useWorkers(connect());
});

describe('a model on its way', () => {
  test('is known as such, and is finished to the same weights', async () => {
    const whole = saved(1, STEPS);
    show(whole);
    expect(isUnfinished(now())).toBe(false);
    makeSteps(7);
    await until(() => now().finalStep === 7 && paused());
    expect(isUnfinished(now())).toBe(true);
    await finish();
    await until(() => now().finalStep === STEPS);
    expect(isUnfinished(now())).toBe(false);
    expect(now().final.data).toEqual(whole.final.data);
  });

  test('is put back to what was there, though steps were begun anew in between', async () => {
    const whole = saved(1, STEPS);
    show(whole);
    makeSteps(7);
    await until(() => now().finalStep === 7 && paused());
    expect(stepBefore(now())).toBe(STEPS);
    setPacing(true);
    makePacedSteps(2);
    await until(() => now().finalStep === 9);
    putBack();
    await quiet();
    expect(now().final.data).toEqual(whole.final.data);
    expect(explorer.getState().step).toBe(STEPS);
    expect(isUnfinished(now())).toBe(false);
    expect(session.getState()).toMatchObject({ open: false, pacing: false });
  });

  test('may come from a file, too', async () => {
    show(saved(1, 30));
    expect(isUnfinished(now())).toBe(true);
    expect(stepBefore(now())).toBeNull();
    await finish();
    expect(now().final.data).toEqual(saved(1, STEPS).final.data);
    expect(explorer.getState().step).toBe(STEPS);
  });

  test('or be left by a training that failed: untrained, with one way on', async () => {
    show(saved(1, 0));
    expect(isUnfinished(now())).toBe(true);
    await finish();
    expect(isUnfinished(now())).toBe(false);
  });
});

describe('other data, chosen while steps are made', () => {
  test('are shown whole: nothing goes on with them', async () => {
    for (const made of [1, 5, 20]) {
      show(saved(1, STEPS));
      setPacing(true);
      makePacedSteps(made);
      await until(() => now().finalStep >= 1 && now().finalStep < STEPS);
      const other = saved(2, STEPS);
      show(other);
      makePacedSteps(made); // the pace's last tick
      await quiet();
      expect(now()).toBe(other);
      expect(session.getState()).toMatchObject({ pacing: false, status: 'none' });
    }
  });

  test('leave nothing of the one before to put back', async () => {
    show(saved(1, STEPS));
    makeSteps(3);
    await until(() => now().finalStep === 3 && paused());
    show(saved(2, 30));
    expect(stepBefore(now())).toBeNull();
    putBack();
    expect(now().finalStep).toBe(30);
  });

  test('leaving the chapter pauses, and the model is still known to be on its way', async () => {
    show(saved(1, STEPS));
    setPacing(true);
    makePacedSteps(5);
    pause();
    await until(paused);
    expect(isUnfinished(now())).toBe(now().finalStep < STEPS);
    expect(stepBefore(now())).toBe(STEPS);
  });
});
