import { beforeEach, describe, expect, test } from 'vitest';
import { learningRate, trainConfig } from '../src/engine/config.ts';
import { Tokenizer } from '../src/engine/tokenizer.ts';
import { begin, prepare, Run } from '../src/engine/train.ts';
import { explorer, type Loaded, show } from '../src/store/explorer.ts';
import {
  dropRun,
  keepRun,
  Latest,
  lab,
  MAX_KEPT,
  noteDrawn,
  openLab,
  resetLab,
  stopLab,
  turn,
  whyNotAdopted,
} from '../src/store/lab.ts';
import {
  fileOrder,
  fitting,
  labelOf,
  lastMean,
  onlyRate,
  runFor,
  sameSettings,
  settingsOf,
  trainable,
} from '../src/store/labSettings.ts';
import {
  ablations,
  arrangeAblations,
  callOff,
  measureParts,
  measureSizes,
  runOf,
  seedsOf,
  sizes,
  verdictOnFew,
} from '../src/store/measurements.ts';
import { FULL, PARTS } from '../src/store/parts.ts';
import { isOpen, makeSteps, pause, session, startOver } from '../src/store/session.ts';
import { useWorkers } from '../src/store/workers.ts';
import { variantTrainer } from '../src/worker/variants.ts';
import { connect } from './inProcess.ts';

const LETTERS = 'abcdefgh';
/** 240 different documents, enough that some are set aside. */
const documents = Array.from({ length: 240 }, (_, i) =>
  [...i.toString(6).padStart(4, '0')].map((digit) => LETTERS[Number(digit)]).join(''),
);
const tokenizer = Tokenizer.fromDocuments(documents, 'none');
const tiny = { n_embd: 8, n_head: 2, block_size: 6 };

function loadedOf(training = trainConfig({ steps: 60 })): Loaded {
  const { run, state } = begin(documents, training, tokenizer, tiny);
  const source = { name: 'test', title: 'test', sha256: '', remarks: [] };
  return { source, run, final: state.params, finalStep: 2, losses: [3, 2.9], history: null };
}

const until = async (is: () => boolean) => {
  for (let i = 0; i < 5000 && !is(); i++) await new Promise((done) => setTimeout(done, 1));
  expect(is()).toBe(true);
};
const settled = () => until(() => lab.getState().current?.status !== 'training');

describe('settings', () => {
  const { run } = loadedOf();

  test('the order of the file is found again, so that another seed shuffles as in Python', () => {
    expect(fileOrder(run)).toEqual(documents);
    const other = runFor(run, { ...settingsOf(run), seed: 7, documents: 240 });
    const training = trainConfig({ steps: 60, seed: 7 });
    expect(other.documents).toEqual(prepare(documents, training, tokenizer).documents);
  });

  test('the first documents are trained on, the last are set aside, to the exact number', () => {
    for (let n = 10; n <= 240; n += 23) {
      const part = runFor(run, { ...settingsOf(run), documents: n });
      expect(part.numTrain).toBe(n);
      expect(part.documents).toEqual(run.documents);
    }
    expect(trainable(240)).toBe(180);
    expect(trainable(4383)).toBe(4283);
    expect(trainable(10)).toBe(10);
  });

  test('heads always divide the width; impossible settings are refused', () => {
    const settings = settingsOf(run);
    expect(fitting({ ...settings, n_embd: 12, n_head: 8 }).n_head).toBe(6);
    expect(fitting({ ...settings, n_embd: 64, n_head: 8 }).n_head).toBe(8);
    expect(fitting({ ...settings, n_embd: 4, n_head: 8 }).n_head).toBe(4);
    expect(() => runFor(run, { ...settings, learning_rate: -1 })).toThrow('learning_rate');
  });

  test('a label tells what is set otherwise', () => {
    const base = settingsOf(run);
    expect(labelOf(base, base)).toBe('same settings');
    const other = { ...base, learning_rate: 0.1, n_embd: 32, decay: false };
    expect(labelOf(other, base)).toBe('rate 0.1, width 32, no decay');
    expect(labelOf({ ...base, from: 30 }, base)).toBe('from step 30');
  });

  test('the learning rate ends at 0 and never falls below', () => {
    const { training } = run;
    expect(learningRate(training, 59)).toBeCloseTo(0.01 / 60, 12);
    for (const step of [60, 61, 1000]) expect(learningRate(training, step)).toBe(0);
  });

  test('means of the last losses, of as many as there are', () => {
    expect(lastMean([])).toBeNull();
    expect(lastMean([1, 2])).toBe(1.5);
    expect(lastMean([9, 1, 3], 2)).toBe(2);
  });
});

describe('many wishes', () => {
  test('the latest counts, and each that is begun is seen', () => {
    const begun: number[] = [];
    const latest = new Latest<number>((wish) => begun.push(wish));
    for (const wish of [1, 2, 3]) latest.ask(wish);
    expect(begun).toEqual([1]);
    latest.seen();
    expect(begun).toEqual([1, 3]);
    latest.seen();
    latest.seen();
    latest.ask(4);
    expect(begun).toEqual([1, 3, 4]);
  });
});

describe('the lab', () => {
  beforeEach(async () => {
    lab.setState({ base: null, settings: null, current: null, kept: [], times: null });
    useWorkers(connect());
    const loaded = loadedOf();
    show(loaded);
    openLab(loaded);
    await settled();
  });

  test('trains as the engine does, and measures what was set aside', async () => {
    const { current } = lab.getState();
    expect(current).toMatchObject({ status: 'done', made: 60, label: 'same settings' });
    const { run, state } = begin(documents, trainConfig({ steps: 60 }), tokenizer, tiny);
    const { trainer } = variantTrainer(state, run, {}, {});
    expect(current!.losses).toEqual(run.advance(trainer, 0, 60));
    expect(current!.measured!.heldOut).toMatchObject({ documents: 60 });
    expect(current!.measured!.train).toMatchObject({ documents: 60 });
  });

  test('a drag is trained on its way and at its end; nothing is left running', async () => {
    const rates = Array.from({ length: 30 }, (_, i) => 0.001 * (i + 1));
    const shown = new Set<number>();
    const stop = lab.subscribe(({ current }) => {
      if (current && current.made > 0) shown.add(current.settings.learning_rate);
    });
    for (const learning_rate of rates) {
      turn({ learning_rate });
      await new Promise((done) => setTimeout(done, 2));
    }
    await until(() => lab.getState().current?.settings.learning_rate === 0.03);
    await settled();
    stop();
    expect(lab.getState().current).toMatchObject({ status: 'done', made: 60 });
    expect(shown.size).toBeGreaterThan(1);
  });

  test('a diverging run stops with one line and the step, and the next one trains', async () => {
    turn({ learning_rate: 1e6 });
    await until(() => lab.getState().current?.status === 'failed');
    const { current } = lab.getState();
    expect(current!.error).toMatch(/^training diverged: the loss is .+ at step \d+; try/);
    expect(current!.losses.every(Number.isFinite)).toBe(true);
    resetLab();
    await until(() => lab.getState().current?.status === 'done');
  });

  test('a long run is stopped; what there is of it stays', async () => {
    turn({ steps: 20_000 });
    await until(() => (lab.getState().current?.made ?? 0) > 60);
    stopLab();
    await until(() => lab.getState().current?.status === 'stopped');
    expect(lab.getState().current!.made).toBeLessThan(20_000);
  });

  test('impossible settings are told in a line and do not stop the lab', async () => {
    turn({ learning_rate: -1 });
    expect(lab.getState().problem).toContain('learning_rate');
    turn({ learning_rate: 0.02 });
    await until(() => lab.getState().current?.settings.learning_rate === 0.02);
    await settled();
    expect(lab.getState().problem).toBe('');
  });

  test('up to five runs are kept, each once', async () => {
    for (let i = 0; i < MAX_KEPT + 2; i++) {
      turn({ seed: i });
      await until(() => lab.getState().current?.settings.seed === i);
      await settled();
      keepRun();
      keepRun();
    }
    const { kept } = lab.getState();
    expect(kept.map(({ settings }) => settings.seed)).toEqual([2, 3, 4, 5, 6]);
    dropRun(kept[0]!.id);
    expect(lab.getState().kept).toHaveLength(MAX_KEPT - 1);
  });

  test('only a run with a recipe can be made that of all chapters', async () => {
    expect(whyNotAdopted(lab.getState().current)).toBe('');
    turn({ decay: false });
    await until(() => lab.getState().current?.settings.decay === false);
    await settled();
    expect(whyNotAdopted(lab.getState().current)).toContain('decays');
    expect(whyNotAdopted(null)).toContain('trained');
  });

  test('times run from the asking to the drawing', () => {
    const { current } = lab.getState();
    noteDrawn(current!.id, 20, current!.asked + 30);
    expect(lab.getState().times).toEqual({ id: current!.id, first: 30, whole: null });
    noteDrawn(current!.id, 60, current!.asked + 50);
    expect(lab.getState().times).toEqual({ id: current!.id, first: 30, whole: 50 });
    noteDrawn(current!.id, 60, current!.asked + 90);
    expect(lab.getState().times!.whole).toBe(50);
  });
});

test('a guess about the learning rate is answered by that run, wherever the sliders stand', async () => {
  useWorkers(connect());
  const base = loadedOf();
  lab.setState({ base: null });
  openLab(base);
  await settled();
  turn({ seed: 7, n_embd: 16 });
  await settled();
  const wanted = onlyRate(base.run, 0.1);
  turn(wanted);
  await settled();
  const { current } = lab.getState();
  expect(sameSettings(current!.settings, wanted)).toBe(true);
  expect(current!.label).toBe('rate 0.1');
  turn({ seed: 7 });
  await settled();
  expect(sameSettings(lab.getState().current!.settings, wanted)).toBe(false);
});

test('a guess about few documents is judged only when all sizes are measured', async () => {
  const row = (documents: number, heldOut: number) => ({ documents, train: 1, heldOut });
  const { run } = loadedOf();
  const part = { base: run, rows: [row(10, 2)], done: false };
  expect(verdictOnFew(part, 3)).toBeNull();
  const rows = [row(10, 2), row(30, 1.8), row(140, 1.5)];
  expect(verdictOnFew({ ...part, rows }, 3)).toBeNull();
  expect(verdictOnFew({ ...part, rows, done: true }, 3)).toBe('somewhat worse');
  expect(verdictOnFew({ ...part, rows, done: true }, 1.9)).toBe('worse than guessing');
  useWorkers(connect());
  const measuring = measureSizes(run);
  expect(sizes.getState().done).toBe(false);
  await measuring;
  expect(sizes.getState().done).toBe(true);
});

describe('a run made by hand, and a branch of it', () => {
  beforeEach(() => {
    useWorkers(connect());
    show(loadedOf());
  });

  test('every chapter sees the steps made so far; a finished one begins anew', async () => {
    startOver();
    await until(() => explorer.getState().loaded?.history != null);
    expect(explorer.getState().step).toBe(0);
    makeSteps(1);
    await until(() => explorer.getState().step === 1 && session.getState().status === 'paused');
    makeSteps(10);
    await until(() => explorer.getState().step === 11 && session.getState().status === 'paused');
    const { loaded } = explorer.getState();
    expect(loaded!.losses).toHaveLength(11);
    expect(isOpen(loaded)).toBe(true);
    makeSteps(1000);
    await until(() => session.getState().status === 'done');
    expect(explorer.getState().loaded!.losses).toHaveLength(60);
    expect(isOpen(explorer.getState().loaded)).toBe(false);
    makeSteps(3);
    await until(() => explorer.getState().step === 3);
    pause();
  });

  test('a branch goes on from that step and no other', async () => {
    startOver();
    makeSteps(60);
    await until(() => session.getState().status === 'done');
    const { loaded } = explorer.getState();
    lab.setState({ base: null });
    openLab(loaded!);
    await settled();
    turn({ from: 30 });
    await until(() => lab.getState().current?.firstStep === 30);
    await settled();
    const { current } = lab.getState();
    expect(current!.losses).toEqual(loaded!.losses.slice(30));
    turn({ learning_rate: 0.05 });
    await until(() => lab.getState().current?.settings.learning_rate === 0.05);
    await settled();
    const branch = lab.getState().current!;
    expect(branch.losses[0]).toBe(loaded!.losses[30]);
    expect(branch.losses[5]).not.toBe(loaded!.losses[35]);
    expect(whyNotAdopted(branch)).toContain('branch');
  });
});

describe('what does each part contribute', () => {
  const part = (id: string) => PARTS.find((one) => one.id === id)!;

  test('only the seed and the length differ from the shared run', () => {
    const { run } = loadedOf();
    expect(seedsOf(run, 3)).toEqual([42, 43, 44]);
    const one = runOf(run, FULL, 43, 20);
    expect(one.model).toEqual(run.model);
    expect(one.training).toMatchObject({ seed: 43, steps: 20, init_std: 0.08 });
    expect(one.numTrain).toBe(180);
    expect(runOf(run, part('zeros'), 43, 20).training.init_std).toBe(0);
  });

  test('measures the whole model first, then each part with each seed, and keeps it', async () => {
    useWorkers(connect());
    const { run } = loadedOf();
    arrangeAblations({ base: run, seeds: 2, steps: 30 });
    await measureParts([part('attention'), part('zeros')]);
    const { results, running } = ablations.getState();
    expect(running).toBeNull();
    for (const id of ['full', 'attention', 'zeros']) {
      expect(results.get(id)!.map(({ seed }) => seed)).toEqual([42, 43]);
    }
    const uniform = Math.log(run.model.vocab_size);
    for (const { nats } of results.get('zeros')!) expect(nats).toBeCloseTo(uniform, 12);
    expect(results.get('full')![0]!.nats).not.toBe(results.get('attention')![0]!.nats);
    // More seeds keep what there is; another length does not.
    arrangeAblations({ seeds: 3 });
    expect(ablations.getState().results.size).toBe(3);
    arrangeAblations({ steps: 31 });
    expect(ablations.getState().results.size).toBe(0);
  });

  test('can be called off', async () => {
    useWorkers(connect());
    arrangeAblations({ base: loadedOf().run, seeds: 3, steps: 5000 });
    const measuring = measureParts(PARTS);
    await until(() => (ablations.getState().running?.step ?? 0) > 0);
    callOff();
    await measuring;
    expect(ablations.getState()).toMatchObject({ running: null, results: new Map() });
  });

  test('a breakdown is a result, with its step', async () => {
    useWorkers(connect());
    const { run } = loadedOf(trainConfig({ steps: 60, learning_rate: 1e6 }));
    arrangeAblations({ base: run, seeds: 1, steps: 60 });
    await measureParts([]);
    const [result] = ablations.getState().results.get('full')!;
    expect(result).toMatchObject({ seed: 42, nats: null });
    expect(result!.divergedAt).toBeGreaterThan(0);
    expect(result!.error).toContain(`step ${result!.divergedAt}`);
  });

  test('a run without a way to set documents aside is still a run', () => {
    const few = new Run(
      { ...loadedOf().run.model },
      trainConfig(),
      tokenizer,
      documents.slice(0, 10),
      10,
    );
    expect(runOf(few, FULL, 42, 100).numTrain).toBe(10);
  });
});
