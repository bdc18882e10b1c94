import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { modelConfigFrom, trainConfig, trainConfigFrom } from '../src/engine/config.ts';
import { fingerprint } from '../src/engine/fingerprint.ts';
import { History, isKeyframe, isSnapshot, keeping } from '../src/engine/history.ts';
import { lossOf, Model } from '../src/engine/model.ts';
import { Tokenizer } from '../src/engine/tokenizer.ts';
import { begin, initial, prepare, Run } from '../src/engine/train.ts';
import type { Job } from '../src/worker/client.ts';
import { fetchKernel, KernelTrainer } from '../src/worker/kernel.ts';
import { Pool, type WorkerPort } from '../src/worker/pool.ts';
import { stateToData } from '../src/worker/protocol.ts';
import { updateOf } from '../src/worker/replay.ts';
import { distance, result, vectors } from './conformance.ts';
import { connect } from './inProcess.ts';

const recipe = vectors('recipe_ten');
const tokenizer = new Tokenizer(recipe.data.chars);
const documents = 'emma olivia ava sophia isabella mia charlotte amelia harper evelyn'.split(' ');

function runOf(training = trainConfig(), shape = {}): Run {
  return prepare(documents, training, tokenizer, shape);
}

const until = async (job: Job, is: (job: Job) => boolean) => {
  for (let i = 0; i < 2000 && !is(job); i++) await new Promise((done) => setTimeout(done, 1));
  expect(is(job), `${job.status} at ${job.step}`).toBe(true);
};

describe('a run in the worker', () => {
  test('gives the losses and weights of a run beside it, and keeps every step', async () => {
    const job = connect().train(runOf());
    expect(job.status).toBe('training');
    await job.finished;
    expect([job.status, job.step, job.trainer]).toEqual(['done', 1000, 'model']);
    expect(distance(job.losses, recipe.losses)).toBeLessThan(1e-9);
    expect(job.history.steps).toEqual(Array.from({ length: 1001 }, (_, i) => i));

    const { run, state } = begin(documents, trainConfig(), tokenizer);
    const model = new Model(state, run.training);
    expect(job.history.snapshot(0)).toEqual(Float32Array.from(model.params.data));
    run.advance(model, 0, 637);
    expect(job.history.snapshot(637)).toEqual(Float32Array.from(model.params.data));
    expect(job.history.stateAt(637)).toEqual(model.state());
    expect(job.history.series(5)[637]).toBe(Math.fround(model.params.data[5]!));
    const from = stateToData(job.history.keyframeBefore(637)!);
    const update = result(updateOf({ run, step: 638, from, texts: [['emma']] }));
    expect([...update.state.params]).toEqual([...model.params.data]);
    const before = lossOf(model.params, run.encode('emma'));
    run.advance(model, 637, 638);
    const after = lossOf(model.params, run.encode('emma'));
    expect(update.losses).toEqual([{ texts: ['emma'], before, after }]);
    expect([...update.grads]).toEqual([...model.grads.data]);
    expect(job.history.stateAt(1000)!.step).toBe(1000);
    expect(job.history.stateAt(1001)).toBeNull();
  });

  test('waits, makes single steps, pauses and goes on', async () => {
    const statuses: string[] = [];
    const job = connect().train(runOf(), {
      paused: true,
      onStatus: (j) => statuses.push(j.status),
    });
    await until(job, (j) => j.history.steps.length === 1);
    expect(job.step).toBe(0);
    job.makeSteps();
    await until(job, (j) => j.status === 'paused' && j.step === 1);
    job.makeSteps(5);
    await until(job, (j) => j.status === 'paused' && j.step === 6);
    job.train();
    await until(job, (j) => j.step > 6);
    job.pause();
    await until(job, (j) => j.status === 'paused');
    const { step } = job;
    expect(step).toBeLessThan(1000);
    expect(job.losses).toHaveLength(step);
    await new Promise((done) => setTimeout(done, 50));
    expect(job.step).toBe(step);
    job.train();
    await job.finished;
    expect(job.losses).toHaveLength(1000);
    expect(statuses.at(-1)).toBe('done');
  });

  test('is told to go on before it has said that it paused', async () => {
    const job = connect().train(runOf());
    await until(job, (j) => j.step > 0);
    job.pause();
    job.train();
    await until(job, (j) => j.step === 1000);
    await job.finished;
    expect(job.losses).toHaveLength(1000);
  });

  test('fails where the worker itself cannot run', async () => {
    const port = Object.assign(new EventTarget(), { postMessage: () => {} });
    const job = new Pool(() => port as unknown as WorkerPort).train(runOf());
    port.dispatchEvent(new Event('error'));
    await expect(job.finished).rejects.toThrow('the training worker cannot run here');
    expect(job.status).toBe('failed');
  });

  test('is paused and stopped within 100 ms', async () => {
    const job = connect().train(runOf(trainConfig({ steps: 100_000 })));
    await until(job, (j) => j.step > 0);
    let asked = performance.now();
    job.pause();
    await until(job, (j) => j.status === 'paused');
    expect(performance.now() - asked).toBeLessThan(100);
    job.train();
    const { step } = job;
    await until(job, (j) => j.step > step);
    asked = performance.now();
    job.stop();
    await job.finished;
    expect(performance.now() - asked).toBeLessThan(100);
    expect(job.status).toBe('stopped');
    const stopped = job.step;
    await new Promise((done) => setTimeout(done, 50));
    expect(job.step).toBe(stopped);
    job.train();
    expect(job.status).toBe('stopped');
  });

  test('is dropped also while it is in the making, its memory given back', async () => {
    const freed: number[] = [];
    let made = 0;
    const client = connect({
      makeTrainer: async (state, run, interventions) => {
        const number = made++;
        const trainer = new Model(state, run.training, interventions);
        return {
          trainer: Object.assign(trainer, { free: () => freed.push(number) }),
          name: 'model',
        };
      },
    });
    const first = client.train(runOf(trainConfig({ steps: 100_000 })));
    await until(first, (j) => j.step > 0);
    first.stop();
    const second = client.train(runOf(trainConfig({ steps: 30, seed: 1 })));
    second.stop();
    const third = client.train(runOf(trainConfig({ steps: 40, seed: 2 })));
    await third.finished;
    expect([first.status, second.status, third.status]).toEqual(['stopped', 'stopped', 'done']);
    expect(second.losses).toHaveLength(0);
    expect(third.losses).toHaveLength(40);
    expect(freed).toEqual([0, 1, 2]);
  });

  test('goes on from a step of another run, also with parts left out', async () => {
    const whole = connect().train(runOf(trainConfig({ steps: 120 })));
    await whole.finished;
    const state = whole.history.stateAt(60)!;
    const same = connect().train(whole.run, { state });
    await same.finished;
    expect(same.firstStep).toBe(60);
    expect(same.losses).toEqual(whole.losses.slice(60));
    expect(same.history.stateAt(100)).toEqual(whole.history.stateAt(100));
    expect(same.history.stateAt(10)).toBeNull();
    const muted = connect().train(whole.run, { state, interventions: { mutedMlps: [0] } });
    await muted.finished;
    expect(muted.losses[0]).not.toBe(whole.losses[60]);
    expect(muted.history.stateAt(120)!.params.data).toEqual(
      muted.history.stateAt(120)!.params.data,
    );
  });

  test('that diverges keeps the good steps and says why', async () => {
    const job = connect().train(runOf(trainConfig({ learning_rate: 1e6 })));
    await expect(job.finished).rejects.toThrow(
      /^training diverged: the loss is .+ at step \d+; try/,
    );
    expect(job.status).toBe('failed');
    expect(job.losses).toHaveLength(job.step);
    expect(job.losses.every(Number.isFinite)).toBe(true);
    expect(job.error).toContain('try a smaller learning rate than 1e+06');
  });

  test('that cannot be built fails in one line', async () => {
    const job = connect({
      makeTrainer: () => Promise.reject(new RangeError('not enough memory')),
    }).train(runOf());
    await expect(job.finished).rejects.toThrow('not enough memory');
  });
});

describe('what is kept', () => {
  const config = modelConfigFrom(recipe.model);

  test('every step while it fits, then fewer; the first and the last always', () => {
    const short = keeping(config, trainConfig());
    expect(short).toEqual({ every: 1, keyframeEvery: 50, last: 1000 });
    const long = keeping(config, trainConfig({ steps: 12_345 }));
    const kept = Array.from({ length: 12_346 }, (_, s) => s).filter((s) => isSnapshot(long, s));
    expect(kept.length * 3872 * 4).toBeLessThan(25_000_000);
    expect([kept[0], kept.at(-1)]).toEqual([0, 12_345]);
    expect(isKeyframe(long, 12_345)).toBe(true);
  });

  test('between kept steps the nearest is known, and no other step’s numbers are given', () => {
    const history = new History(runOf());
    history.addSnapshot(0, new Float32Array(3872));
    history.addSnapshot(10, new Float32Array(3872).fill(1));
    expect([0, 5, 6, 10, 99].map((step) => history.nearestKept(step))).toEqual([0, 0, 10, 10, 10]);
    expect(history.paramsAt(10).data[7]).toBe(1);
    expect(() => history.paramsAt(50)).toThrow('step 50 has not been kept');
    expect(() => new History(runOf()).nearestKept(0)).toThrow('nothing has been kept yet');
  });

  test('a fingerprint changes with a loss, not with the last bits', () => {
    const { losses } = recipe;
    expect(fingerprint(losses)).toMatch(/^[0-9a-f]{8}$/);
    expect(fingerprint(losses.map((x: number) => x + 1e-12))).toBe(fingerprint(losses));
    expect(fingerprint([...losses.slice(1), 1])).not.toBe(fingerprint(losses));
  });
});

const wasm = new URL('../wasm/dist/kernel-float64.wasm', import.meta.url);

describe.skipIf(!existsSync(wasm))('the kernel as trainer', () => {
  for (const name of ['recipe_names', 'recipe_ten']) {
    test(`${name}: the losses, weights and snapshots of the engine's own model`, async () => {
      const { data, model: shape, training, documents: list, losses } = vectors(name);
      const config = modelConfigFrom(shape);
      const settings = trainConfigFrom(training);
      const run = new Run(config, settings, new Tokenizer(data.chars), list, list.length);
      const all = new Run(
        config,
        settings,
        run.tokenizer,
        new Array(data.num_documents).fill(''),
        1,
      );
      const { state } = initial(all);
      const kernel = await fetchKernel(readFileSync(wasm));
      const ours = new KernelTrainer(kernel, state, settings);
      const judge = new Model(state, settings);
      const made = run.advance(ours, 0, 500);
      expect(distance(made, run.advance(judge, 0, 500))).toBeLessThan(1e-9);
      const [snapshot, twin] = [new Float64Array(judge.params.data.length), judge.params.data];
      ours.copyParams(snapshot);
      expect(distance(snapshot, twin)).toBeLessThan(1e-9);
      expect(distance(ours.state().v.data, judge.v.data)).toBeLessThan(1e-9);
      expect(ours.step).toBe(500);
      made.push(...run.advance(ours, 500, 1000));
      expect(distance(made, losses)).toBeLessThan(1e-9);
      ours.free();
    });
  }
});
