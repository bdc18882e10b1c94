import { beforeEach, describe, expect, test } from 'vitest';
import { trainConfig } from '../src/engine/config.ts';
import { History } from '../src/engine/history.ts';
import { Model, type TrainState } from '../src/engine/model.ts';
import { readModelJson } from '../src/engine/modelFile.ts';
import { readState } from '../src/engine/stateFile.ts';
import { Tokenizer } from '../src/engine/tokenizer.ts';
import { begin, initial, type Run } from '../src/engine/train.ts';
import { explorer, type Loaded, setStep, show, whichStep } from '../src/store/explorer.ts';
import { modelJson, runFiles } from '../src/store/files.ts';
import { makeSteps, session, trainHere } from '../src/store/session.ts';
import { useWorkers } from '../src/store/workers.ts';
import { connect } from './inProcess.ts';

const documents = ['abba', 'baba', 'cab', 'dada', 'bead', 'face', 'deaf', 'cafe'];
const tokenizer = Tokenizer.fromDocuments(documents, 'none');
const shape = { n_embd: 8, n_head: 2, block_size: 6 };
const source = { name: 'test', title: 'test', sha256: '', remarks: [] };
const now = () => explorer.getState();

function runOf(steps: number): Run {
  return begin(documents, trainConfig({ steps }), tokenizer, shape).run;
}

/** What training has come to after so many steps. */
function trained(run: Run, step: number): { state: TrainState; losses: number[] } {
  const model = new Model(initial(run).state, run.training);
  const losses = run.advance(model, 0, step);
  return { state: model.state(), losses };
}

/** A run as a file gives it: its last step only. */
function fromFile(steps: number, saved = steps): Loaded {
  const run = runOf(steps);
  const { state, losses } = trained(run, saved);
  return { source, run, final: state.params, finalStep: saved, losses, history: null };
}

/** The same with the steps that a coarse history keeps. */
function coarse(steps: number, kept: readonly number[]): Loaded {
  const loaded = fromFile(steps);
  const history = new History(loaded.run);
  for (const step of kept) {
    const { state } = trained(loaded.run, step);
    history.addSnapshot(step, Float32Array.from(state.params.data));
    if (step === 0) history.addKeyframe(state);
  }
  return { ...loaded, history };
}

/** The weights on the screen must be those of the step on the screen, whatever was asked for. */
function expectTrueStep(): void {
  const { loaded, step, params } = now();
  const own = trained(loaded!.run, step).state.params.data;
  const worst = Math.max(...params!.data.map((value, i) => Math.abs(value - own[i]!)));
  expect(worst).toBeLessThan(1e-7);
}

beforeEach(() => useWorkers(connect()));

describe('the step on the screen', () => {
  test('without a history only the last step is known, and it keeps its own number', () => {
    show(fromFile(40));
    expect([now().step, whichStep(now())]).toEqual([40, 'exact']);
    for (const asked of [0, 25]) {
      setStep(asked);
      expect([now().asked, now().step, whichStep(now())]).toEqual([asked, 40, 'unknown']);
      expectTrueStep();
    }
  });

  test('of a coarse history the nearest kept step is shown under its own number', () => {
    show(coarse(40, [0, 16, 32, 40]));
    const shown = [0, 5, 10, 16, 25, 37, 40].map((asked) => {
      setStep(asked);
      expectTrueStep();
      return [now().step, whichStep(now())];
    });
    expect(shown).toEqual([
      [0, 'exact'],
      [0, 'kept'],
      [16, 'kept'],
      [16, 'exact'],
      [32, 'kept'],
      [40, 'kept'],
      [40, 'exact'],
    ]);
  });

  test('what is saved is the step that it says, in full precision', async () => {
    show(coarse(40, [0, 16, 32, 40]));
    setStep(25);
    const file = readModelJson((await modelJson(now()))!, 'model.json');
    const state = readState((await runFiles(now()))!.model, 'model.safetensors');
    const truth = trained(now().loaded!.run, 32).state;
    expect([file.step, state.step]).toEqual([32, 32]);
    expect(file.params.data).toEqual(truth.params.data);
    expect(state).toEqual(truth);
    expect(file.losses).toEqual(trained(now().loaded!.run, 32).losses);
  });

  test('a file without its losses still says which step it holds', async () => {
    show({ ...fromFile(40), losses: [] });
    expect([now().step, whichStep(now())]).toEqual([40, 'exact']);
    const file = readModelJson((await modelJson(now()))!, 'model.json');
    expect([file.step, file.losses]).toEqual([40, null]);
  });
});

describe('training here', () => {
  test('a run saved on its way is compared at the step it was saved', async () => {
    show(fromFile(60, 30));
    expect(now().step).toBe(30);
    await trainHere();
    const { loaded } = now();
    expect([loaded!.finalStep, loaded!.losses.length, now().step]).toEqual([60, 60, 30]);
    expect(loaded!.source.remarks).toEqual([]);
    expectTrueStep();
  });

  test('weights that the recipe does not give are said to be other ones', async () => {
    const loaded = fromFile(60, 30);
    loaded.final.data[3]! += 1e-6;
    show(loaded);
    await trainHere();
    expect(now().loaded!.source.remarks).toEqual([
      'trained here, step 30 has other numbers than the file',
    ]);
  });

  test('a step asked for before the history was there is shown when it is', async () => {
    show(fromFile(60));
    const training = trainHere();
    setStep(25);
    expect([now().step, whichStep(now())]).toEqual([60, 'unknown']);
    await training;
    expect([now().step, whichStep(now())]).toEqual([25, 'exact']);
    expectTrueStep();
  });

  test('by hand, a run too large to keep every step shows the step it pauses at', async () => {
    const run = runOf(400_000); // keeps about every 60th
    const final = initial(run).state.params;
    show({ source, run, final, finalStep: 0, losses: [], history: null });
    makeSteps(25);
    for (let i = 0; i < 5000 && !(now().step === 25 && session.getState().status === 'paused'); i++)
      await new Promise((done) => setTimeout(done, 1));
    expect(now().step).toBe(25);
    expect(now().loaded!.losses).toHaveLength(25);
    expectTrueStep();
  });
});
