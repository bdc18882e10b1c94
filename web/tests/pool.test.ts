/** The pool of workers, and the one controller that orders from it. */

import { beforeEach, describe, expect, test } from 'vitest';
import { trainConfig } from '../src/engine/config.ts';
import { History } from '../src/engine/history.ts';
import { trace } from '../src/engine/model.ts';
import { points, valueOverRun } from '../src/engine/overRun.ts';
import { Params } from '../src/engine/params.ts';
import { Random } from '../src/engine/random.ts';
import { Tokenizer } from '../src/engine/tokenizer.ts';
import { begin, type Shape } from '../src/engine/train.ts';
import {
  explorer,
  intervene,
  type Loaded,
  setDocument,
  setStep,
  show,
  whichStep,
} from '../src/store/explorer.ts';
import { lab, openLab, turn } from '../src/store/lab.ts';
import { compute, train } from '../src/store/session.ts';
import { useWorkers } from '../src/store/workers.ts';
import { Pool, poolSize, type WorkerPort } from '../src/worker/pool.ts';
import type { FromWorker, ToWorker } from '../src/worker/protocol.ts';
import { distance, result } from './conformance.ts';
import { connect } from './inProcess.ts';

const documents = Array.from({ length: 240 }, (_, i) => i.toString(3).padStart(6, '0'));
const tokenizer = Tokenizer.fromDocuments(documents, 'none');
const tiny: Shape = { n_embd: 8, n_head: 2, block_size: 6 };

function loadedOf(shape = tiny, training = trainConfig({ steps: 40 })): Loaded {
  const { run, state } = begin(documents, training, tokenizer, shape);
  const source = { name: 'test', title: 'test', sha256: '', remarks: [] };
  return { source, run, final: state.params, finalStep: 0, losses: [], history: null };
}

const now = () => explorer.getState();
const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));
const until = async (is: () => boolean) => {
  for (let i = 0; i < 5000 && !is(); i++) await wait(1);
  expect(is()).toBe(true);
};

/** A worker that says what the test says, and remembers what it was told. */
function silent() {
  const sent: ToWorker[] = [];
  const listeners: ((event: { data: FromWorker }) => void)[] = [];
  let ended = 0;
  const port: WorkerPort = {
    postMessage: (message) => void sent.push(message),
    addEventListener: (_, listener) => void listeners.push(listener),
    terminate: () => void ended++,
  };
  const say = (data: FromWorker) => {
    for (const listener of listeners) listener({ data });
  };
  return { port, sent, say, ended: () => ended };
}

describe('the pool', () => {
  test('leaves a processor to the page, and has one worker at least', () => {
    expect([1, 2, 4, 64].map(poolSize)).toEqual([1, 1, 3, 4]);
  });

  test('starts workers when there is work, up to its size, and ends them when there is none', async () => {
    const workers = Array.from({ length: 2 }, silent);
    let made = 0;
    const pool = new Pool(() => workers[made++]!.port, { size: 2, idleMs: 20 });
    expect(pool.alive).toBe(0);
    const { run } = loadedOf();
    const jobs = [1, 2, 3].map(() => pool.train(run));
    expect([made, pool.alive]).toEqual([2, 2]);
    for (const worker of workers) {
      for (const { id } of jobs) {
        worker.say({ type: 'idle', id, step: 40, done: true, measured: null });
      }
    }
    expect(jobs.map(({ status }) => status)).toEqual(['done', 'done', 'done']);
    await wait(60);
    expect([pool.alive, ...workers.map(({ ended }) => ended())]).toEqual([0, 1, 1]);
  });

  test('a worker that does not let go of its last job is ended', async () => {
    const worker = silent();
    const pool = new Pool(() => worker.port, { patienceMs: 20 });
    pool.train(loadedOf().run).stop();
    expect([pool.alive, worker.ended()]).toEqual([1, 0]);
    await wait(60);
    expect([pool.alive, worker.ended()]).toEqual([0, 1]);
  });

  test('jobs of one worker take turns; a paused one holds up nobody', async () => {
    const pool = connect();
    const { run } = loadedOf(tiny, trainConfig({ steps: 3000 }));
    const paused = pool.train(run, { paused: true });
    const [one, two] = [pool.train(run, { lean: true }), pool.train(run, { lean: true })];
    await until(() => one.step > 0 && two.step > 0);
    expect(Math.max(one.step, two.step)).toBeLessThan(3000);
    const { finished } = pool.compute('apart', { params: loadedOf().final });
    expect(await finished).not.toBeNull();
    expect(paused.step).toBe(0);
    paused.makeSteps(2);
    await until(() => paused.step === 2);
    for (const job of [one, two, paused]) job.stop();
  });

  test('a computation gives what the function gives, says how far it is, and can be stopped', async () => {
    const pool = connect();
    const { run, final } = loadedOf();
    const history = new History(run);
    for (const step of [0, 10, 40]) {
      history.addSnapshot(
        step,
        Float32Array.from(final.data, (x) => x * (1 + step)),
      );
    }
    const cell = { kind: 'value', name: 'logits', row: 2, column: 1, head: 0 } as const;
    const args = { run, points: points(history), document: '000001', interventions: {}, cell };
    expect(await pool.compute('valueOverRun', args).finished).toEqual(result(valueOverRun(args)));

    const wide = Params.initial({ ...run.model, vocab_size: 500, n_embd: 64 }, new Random(1), 0.1);
    const news: (number | null)[] = [];
    const work = pool.compute('apart', { params: wide }, ({ soFar }) => news.push(soFar));
    await until(() => news.length > 0);
    expect(news[0]).toBeLessThan(1);
    work.stop();
    expect([await work.finished, work.status]).toEqual([null, 'stopped']);
  });

  test('what fails says so in one line', async () => {
    const { run } = loadedOf();
    const broken = { run, steps: 0, text: null as unknown as string, cutAt: null };
    await expect(connect().compute('nearest', broken).finished).rejects.toThrow(
      'text is not iterable',
    );
  });
});

describe('the session', () => {
  test('a list of documents goes to a worker once, not with every move of a slider', () => {
    const worker = silent();
    useWorkers(new Pool(() => worker.port, { size: 1 }));
    lab.setState({ base: null, settings: null, current: null, kept: [], times: null });
    const loaded = loadedOf();
    show(loaded);
    openLab(loaded);
    const finishLast = () => {
      const [start] = worker.sent.filter(({ type }) => type === 'start').slice(-1);
      const { id } = start as { id: number };
      worker.say({ type: 'idle', id, step: 40, done: true, measured: null });
    };
    for (let i = 1; i <= 6; i++) {
      const { current } = lab.getState();
      expect(current?.settings.n_embd).toBe(i === 1 ? 8 : 8 * (i - 1));
      finishLast();
      turn({ n_embd: 8 * i, documents: 100 + i });
    }
    expect(worker.sent.filter(({ type }) => type === 'start').length).toBeGreaterThan(5);
    expect(worker.sent.filter(({ type }) => type === 'documents')).toHaveLength(1);
    finishLast();
    turn({ seed: 7 }); // another order
    expect(worker.sent.filter(({ type }) => type === 'documents')).toHaveLength(2);
  });

  test('ends its jobs when another run is shown', async () => {
    useWorkers(connect());
    const loaded = loadedOf(tiny, trainConfig({ steps: 100_000 }));
    show(loaded);
    const job = train(loaded.run, { lean: true });
    const work = compute('apart', { params: loaded.final });
    show(loadedOf());
    expect([job.status, work.status]).toEqual(['stopped', 'stopped']);
  });
});

describe('a large model', () => {
  const large: Shape = { n_layer: 2, n_embd: 64, n_head: 4, block_size: 32 };
  const text = '012012'.repeat(6).slice(0, 31);

  function largeRun(): Loaded {
    const loaded = loadedOf(large);
    const history = new History(loaded.run);
    for (const step of [0, 10, 20, 40]) {
      const rng = new Random(step);
      const { data } = Params.initial(loaded.run.model, rng, 0.08);
      history.addSnapshot(step, Float32Array.from(data));
    }
    return { ...loaded, finalStep: 40, final: history.paramsAt(40), history };
  }

  /** The numbers on the screen must be those of the step, document and switches on the screen. */
  function expectTrue(): void {
    const { loaded, step, document, interventions, trace: shown, params } = now();
    const own = trace(
      loaded!.history!.paramsAt(step),
      loaded!.run.tokenizer.encode(document),
      interventions,
    );
    expect(shown!.loss).toBe(own.loss);
    expect(distance(params!.data, own.params.data)).toBe(0);
    expect(distance(shown!.values.array('logits'), own.values.array('logits'))).toBe(0);
    expect(distance(shown!.grads.array('emb_sum'), own.grads.array('emb_sum'))).toBe(0);
    expect(distance(shown!.paramGrads.data, own.paramGrads.data)).toBe(0);
    expect(shown!.plan.plain).toBe(own.plan.plain);
  }

  beforeEach(() => {
    useWorkers(connect());
    show(largeRun(), text);
  });

  test('is read in a worker: the step before stays, under its own number, until then', async () => {
    const before = now().trace;
    setStep(10);
    expect([now().asked, now().step, whichStep(now())]).toEqual([10, 40, 'unknown']);
    expect(now().trace).toBe(before);
    await until(() => !now().reading);
    expect([now().step, whichStep(now())]).toEqual([10, 'exact']);
    expectTrue();
  });

  test('of many wishes each is whole, and the newest is the last', async () => {
    const seen: number[] = [];
    const stop = explorer.subscribe(({ step, reading, asked }) => {
      if (!reading) expect(step).toBe(asked);
      seen.push(step);
    });
    for (const step of [0, 10, 20, 10, 20]) setStep(step);
    setDocument(text.slice(1));
    intervene({ mutedMlps: [1] });
    expect(now().interventions).toEqual({ mutedMlps: [1] }); // switches move at once
    await until(() => !now().reading);
    stop();
    expect([now().step, now().document]).toEqual([20, text.slice(1)]);
    expectTrue();
    setDocument('012'); // light enough for the page itself
    expect(now().reading).toBe(false);
    expectTrue();
  });

  test('another run, chosen meanwhile, is shown and stays', async () => {
    setStep(10);
    show(loadedOf());
    const { trace: shown } = now();
    await wait(300);
    expect(now().trace).toBe(shown);
    expect(now().reading).toBe(false);
  });
});
