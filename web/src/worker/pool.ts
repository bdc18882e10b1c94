/** The page's side: a few workers that are started when there is work, and end when there is none. */

import { Params } from '../engine/params.ts';
import { Run } from '../engine/train.ts';
import { Computation, Job, type JobOptions } from './client.ts';
import { type FromWorker, type Port, runToData, stateToData, type ToWorker } from './protocol.ts';
import type { ArgsOf, SoFar, TaskName, ValueOf } from './tasks.ts';

export type WorkerPort = Port<ToWorker, FromWorker> & { terminate?(): void };

/** A worker of the browser. */
export function createWorker(): WorkerPort {
  return new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
}

/** How many workers there are at most: one processor is left to the page. */
export function poolSize(processors: number): number {
  return Math.max(1, Math.min(4, processors - 1));
}

export interface PoolOptions {
  readonly size?: number;
  /** A worker ends when it has had nothing to do for so long. */
  readonly idleMs?: number;
  /** A worker that does not let go of its last job within this time is ended. */
  readonly patienceMs?: number;
}

export class Pool {
  private readonly make: () => WorkerPort;
  private readonly options: Required<PoolOptions>;
  private readonly members = new Set<Member>();
  private lastId = 0;

  constructor(make: () => WorkerPort, options: PoolOptions = {}) {
    this.make = make;
    this.options = { size: 2, idleMs: 20_000, patienceMs: 1000, ...options };
  }

  /** Workers that are alive. */
  get alive(): number {
    return this.members.size;
  }

  /** Train a run. */
  train(run: Run, options: JobOptions = {}): Job {
    const { state, interventions = {}, paused = false, variant, lean, measure } = options;
    const member = this.freest();
    const job = new Job(++this.lastId, run, options, (message) => member.send(message));
    member.take(job, {
      type: 'start',
      id: job.id,
      run: runToData(run, member.know(run.documents)),
      state: state ? stateToData(state) : null,
      interventions,
      wishes: {
        ...(variant ? { variant } : {}),
        ...(lean ? { lean } : {}),
        ...(measure ? { measure } : {}),
      },
    });
    if (!paused) job.train();
    return job;
  }

  /** Work something out; `onNews` is called when more of it is known. */
  compute<N extends TaskName>(
    task: N,
    args: ArgsOf<N>,
    onNews?: (work: Computation<SoFar<N>, ValueOf<N>>) => void,
  ): Computation<SoFar<N>, ValueOf<N>> {
    const member = this.freest();
    const work = new Computation<SoFar<N>, ValueOf<N>>(
      ++this.lastId,
      (message) => member.send(message),
      onNews,
    );
    const { run, params } = args as { run?: unknown; params?: unknown };
    const plain = {
      ...args,
      ...(run instanceof Run ? { run: runToData(run, member.know(run.documents)) } : {}),
      ...(params instanceof Params ? { params: { config: params.config, data: params.data } } : {}),
    };
    member.take(work, { type: 'compute', id: work.id, task, args: plain });
    return work;
  }

  /** The worker with the fewest jobs, or a new one. */
  private freest(): Member {
    let best: Member | null = null;
    for (const member of this.members) if (!best || member.load < best.load) best = member;
    if (best && (best.load === 0 || this.members.size >= this.options.size)) return best;
    const made = new Member(this.make(), this.options, () => this.members.delete(made));
    this.members.add(made);
    return made;
  }
}

/** Something that a worker does for the page. */
interface Errand {
  readonly id: number;
  readonly isOver: boolean;
  receive(message: FromWorker): void;
  fail(error: string): void;
}

/** Lists of documents have a number each, for all workers. */
const keys = new WeakMap<readonly string[], number>();
let lastKey = 0;
/** A worker keeps so many lists. */
const LISTS = 6;

class Member {
  private readonly port: WorkerPort;
  private readonly options: Required<PoolOptions>;
  private readonly gone: () => void;
  private readonly errands = new Map<number, Errand>();
  /** Jobs that it was told to drop, and has not dropped yet. */
  private readonly leaving = new Set<number>();
  /** Lists of documents that the worker has, the one used last at the end. */
  private known: number[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(port: WorkerPort, options: Required<PoolOptions>, gone: () => void) {
    this.port = port;
    this.options = options;
    this.gone = gone;
    port.addEventListener('message', ({ data }) => this.receive(data));
    // A worker whose script cannot be loaded says nothing; it only raises an error here.
    if (port instanceof EventTarget) {
      port.addEventListener('error', () => this.end('the training worker cannot run here'));
    }
  }

  get load(): number {
    return this.errands.size + this.leaving.size;
  }

  take(errand: Errand, message: ToWorker): void {
    clearTimeout(this.timer);
    this.errands.set(errand.id, errand);
    this.send(message);
  }

  send(message: ToWorker): void {
    this.port.postMessage(message, []);
    if (message.type !== 'stop') return;
    if (this.errands.delete(message.id)) this.leaving.add(message.id);
    if (this.errands.size === 0) this.endAfter(this.options.patienceMs);
  }

  /** Make sure that the worker has these documents; their number. */
  know(documents: readonly string[]): number {
    let key = keys.get(documents);
    if (key === undefined) keys.set(documents, (key = ++lastKey));
    if (!this.known.includes(key)) this.send({ type: 'documents', key, list: documents });
    this.known = [...this.known.filter((one) => one !== key), key];
    if (this.known.length > LISTS) this.send({ type: 'forget', key: this.known.shift()! });
    return key;
  }

  private receive(message: FromWorker): void {
    const errand = this.errands.get(message.id);
    errand?.receive(message);
    if (errand?.isOver) this.errands.delete(message.id);
    if (message.type === 'stopped') this.leaving.delete(message.id);
    if (this.load === 0) this.endAfter(this.options.idleMs);
  }

  private endAfter(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.end('the worker has ended'), ms);
  }

  private end(reason: string): void {
    clearTimeout(this.timer);
    this.gone();
    this.port.terminate?.();
    for (const errand of this.errands.values()) errand.fail(reason);
    this.errands.clear();
  }
}
