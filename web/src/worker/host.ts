/**
 * The worker's side: several jobs that take turns, a slice each, so that a message is never waited
 * for longer than a slice of each and the step it ends with.
 */

import { Params } from '../engine/params.ts';
import type { Run } from '../engine/train.ts';
import {
  type Compute,
  type FromWorker,
  type Port,
  type RunData,
  runFromData,
  type ToWorker,
} from './protocol.ts';
import { type Task, tasks } from './tasks.ts';
import { TrainingJob } from './trainingJob.ts';
import { type Post, SLICE_MS, type Surroundings, type Work } from './work.ts';

/** How far a computation is, is said this often at most. */
const NEWS_MS = 100;

export class Host {
  private readonly post: Post;
  private readonly around: Surroundings;
  private readonly jobs = new Map<number, Work>();
  /** Jobs that wait for their turn. */
  private readonly waiting = new Set<number>();
  private readonly documents = new Map<number, readonly string[]>();

  constructor(port: Port<FromWorker, ToWorker>, around: Surroundings) {
    this.post = (message, transfer = []) => port.postMessage(message, transfer);
    this.around = around;
    port.addEventListener('message', ({ data }) => this.receive(data));
  }

  private receive(message: ToWorker): void {
    switch (message.type) {
      case 'documents':
        this.documents.set(message.key, message.list);
        return;
      case 'forget':
        this.documents.delete(message.key);
        return;
      case 'stop':
        this.drop(message.id);
        this.post({ type: 'stopped', id: message.id });
        return;
      case 'start':
        this.attempt(message.id, () => {
          const job = new TrainingJob(message, this.run(message.run), this.post);
          this.jobs.set(message.id, job);
          job.begin(this.around).then(
            () => this.wake(message.id),
            (error) => this.jobs.has(message.id) && this.fail(message.id, error),
          );
        });
        return;
      case 'compute':
        this.attempt(message.id, () => {
          this.jobs.set(message.id, new Computation(message, this.given(message.args), this.post));
          this.wake(message.id);
        });
        return;
      default: {
        const job = this.jobs.get(message.id);
        if (!(job instanceof TrainingJob)) return;
        job.order(message);
        this.wake(message.id);
      }
    }
  }

  private run(data: RunData): Run {
    const documents = this.documents.get(data.documents);
    if (!documents) throw new RangeError('the documents of this run have not been sent');
    return runFromData(data, documents);
  }

  /** A run and parameters come as plain data. */
  private given(args: { run?: RunData; params?: Pick<Params, 'config' | 'data'> }): object {
    const { run, params } = args;
    return {
      ...args,
      ...(run ? { run: this.run(run) } : {}),
      ...(params ? { params: new Params(params.config, params.data) } : {}),
    };
  }

  private wake(id: number): void {
    if (this.waiting.has(id)) return;
    this.waiting.add(id);
    this.around.defer(() => {
      this.waiting.delete(id);
      const job = this.jobs.get(id);
      if (!job) return;
      this.attempt(id, () => {
        const end = this.around.now() + SLICE_MS;
        const then = job.slice(() => this.around.now() < end);
        if (then === 'more') this.wake(id);
        if (then === 'over') this.drop(id);
      });
    });
  }

  private attempt(id: number, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(id, error);
    }
  }

  private fail(id: number, error: unknown): void {
    this.drop(id);
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    this.post({ type: 'failed', id, error: message, kind: name });
  }

  private drop(id: number): void {
    this.jobs.get(id)?.drop();
    this.jobs.delete(id);
  }
}

/** A task of `tasks.ts` on its way; what it yields is shown, the newest of each slice. */
class Computation implements Work {
  private readonly id: number;
  private readonly work: Generator<unknown, unknown>;
  private readonly post: Post;
  /** When it was last said how far it is. */
  private said = 0;

  constructor({ id, task }: Compute, args: object, post: Post) {
    this.id = id;
    this.post = post;
    this.work = (tasks as Record<string, Task>)[task]!(args as never);
  }

  slice(mayGoOn: () => boolean) {
    let next = this.work.next();
    while (!next.done && mayGoOn()) next = this.work.next();
    const { value, done = false } = next;
    if (!done && performance.now() - this.said < NEWS_MS) return 'more';
    this.said = performance.now();
    // What it has come to in the end is not needed here any more: its arrays are handed over.
    this.post({ type: 'value', id: this.id, value, done }, done ? buffersOf(value) : []);
    return done ? 'over' : 'more';
  }

  drop(): void {}
}

/** The buffers of all arrays of numbers in a value of plain data. */
function buffersOf(value: unknown, found = new Set<ArrayBuffer>()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) found.add(value.buffer as ArrayBuffer);
  else if (value instanceof Map) for (const part of value.values()) buffersOf(part, found);
  else if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) buffersOf(part, found);
  }
  return [...found];
}
