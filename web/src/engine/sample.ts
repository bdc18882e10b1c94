/** Let a model write: temperature, top-k, a prompt, and a record of every choice; as `sampling.py`. */

import type { ModelConfig } from './config.ts';
import { exp, log } from './elementary.ts';
import { ConfigError, DataError } from './errors.ts';
import type { Interventions } from './interventions.ts';
import { makePlan } from './interventions.ts';
import { softmax } from './linear.ts';
import { Session } from './model.ts';
import type { Params } from './params.ts';
import { repr } from './python.ts';
import { choose, type Random } from './random.ts';
import type { Tokenizer } from './tokenizer.ts';

/** Whether a text was trained on, stands in the file but was not trained on, is new, or is empty. */
export type Novelty = 'seen' | 'in file' | 'new' | 'empty';

/** How tokens are chosen. */
export interface SampleConfig {
  /**
   * Divides the logits. 1 is the model's own distribution, below 1 likely tokens become likelier
   * still; 0 is greedy: always the most likely token token, no randomness at all.
   */
  readonly temperature: number;
  /** Choose among the k likeliest tokens only; null for all. */
  readonly top_k: number | null;
}

/** How one token was chosen. */
export interface SampleStep {
  readonly position: number;
  /** The token read at this position. */
  readonly token_id: number;
  /** The model's own probabilities, `[vocab_size]`. */
  readonly model_probs: Float64Array;
  /** What was drawn from: after temperature and top-k, `[vocab_size]`. */
  readonly probs: Float64Array;
  /** The random number in [0, 1) that decided; null where nothing was random. */
  readonly uniform: number | null;
  /** The token written. */
  readonly choice: number;
}

/** One text the model has written. */
export interface Sample {
  /** As people write it, prompt included. */
  readonly text: string;
  /** Without BOS. */
  readonly token_ids: number[];
  /** Log-probability (nats) of what was written after the prompt, at temperature 1. */
  readonly log_prob: number;
  /** Whether the model ended it with BOS; if not, the context was full. */
  readonly finished: boolean;
  readonly steps: SampleStep[];
}

/** Check the settings; throws ConfigError. */
export function sampleConfig(given: Partial<SampleConfig> = {}): SampleConfig {
  const { temperature = 0.5, top_k = null } = given;
  if (!(typeof temperature === 'number' && temperature >= 0 && temperature <= 1e6)) {
    throw new ConfigError(
      `temperature is ${repr(temperature)}; it must be from 0 (always the most likely token) to 1,000,000`,
    );
  }
  if (top_k !== null && !(Number.isInteger(top_k) && top_k >= 1)) {
    throw new ConfigError(`top_k is ${repr(top_k)}; it must be at least 1`);
  }
  return { temperature, top_k };
}

/** BOS and the prompt's tokens. Throws DataError where no room is left to continue. */
export function encodePrompt(prompt: string, tokenizer: Tokenizer, model: ModelConfig): number[] {
  const ids = tokenizer.encode(prompt).slice(0, -1);
  if (ids.length > model.block_size) {
    throw new DataError(
      `the prompt has ${ids.length - 1} tokens; it may have at most ` +
        `${model.block_size - 1}, for block_size is ${model.block_size} and BOS takes one`,
    );
  }
  return ids;
}

/**
 * Write one text a token at a time: read BOS and the prompt, then draw until BOS or a full context.
 * Takes one `rng.random()` a token, used as CPython's `random.choices` uses it.
 *
 * Yields how each token was chosen; returns the text with all of it. `session.values` holds every
 * intermediate of the positions read so far.
 */
export function* generateSteps(
  session: Session,
  tokenizer: Tokenizer,
  rng: Random,
  config: SampleConfig,
  prompt = '',
): Generator<SampleStep, Sample> {
  const ids = encodePrompt(prompt, tokenizer, session.params.config);
  let token_id = ids.pop()!;
  for (const known of ids) session.feed(known);
  const written = [...ids, token_id].slice(1);
  const steps: SampleStep[] = [];
  let log_prob = 0;
  let finished = false;
  for (let position = ids.length; position < session.params.config.block_size; position++) {
    const logits = session.feed(token_id);
    const probs = distribution(logits, config);
    const uniform = config.temperature > 0 ? rng.random() : null;
    const choice = uniform === null ? argmax(probs) : choose(probs, uniform);
    const model_probs = probabilities(logits);
    log_prob += logSoftmax(logits, choice);
    const step = { position, token_id, model_probs, probs, uniform, choice };
    steps.push(step);
    yield step;
    finished = choice === tokenizer.bos;
    if (finished) break;
    written.push(choice);
    token_id = choice;
  }
  return { text: tokenizer.decode(written), token_ids: written, log_prob, finished, steps };
}

/** Write one text to its end. */
export function generate(
  params: Params,
  tokenizer: Tokenizer,
  rng: Random,
  config: SampleConfig,
  prompt = '',
  interventions: Interventions = {},
): Sample {
  const session = new Session(params, makePlan(params.config, interventions));
  const steps = generateSteps(session, tokenizer, rng, config, prompt);
  for (;;) {
    const next = steps.next();
    if (next.done) return next.value;
  }
}

/** What the next token is drawn from: probabilities `[vocab_size]` that sum to 1. */
export function distribution(logits: ArrayLike<number>, config: SampleConfig): Float64Array {
  const { temperature, top_k } = config;
  if (temperature === 0) {
    const certain = new Float64Array(logits.length);
    certain[argmax(logits)] = 1;
    return certain;
  }
  const probs = probabilities(logits, 1 / temperature);
  if (top_k !== null && top_k < probs.length) {
    for (const [id] of likeliest(probs, probs.length).slice(top_k)) probs[id] = 0;
    let total = 0;
    for (const p of probs) total += p;
    for (let i = 0; i < probs.length; i++) probs[i]! /= total;
  }
  return probs;
}

/** The k likeliest tokens with their probabilities, likeliest first; of equals the first. */
export function likeliest(probs: ArrayLike<number>, k = 5): [token_id: number, prob: number][] {
  const pairs = Array.from(probs, (p, id): [number, number] => [id, p]);
  return pairs.sort((a, b) => b[1] - a[1]).slice(0, k);
}

/**
 * What a written text is compared with: the documents read in training, and all of the file, as
 * characters in the tokenizer's normal form. A text that the model ended is compared with whole
 * documents. A cut one, for which no BOS was drawn because the context was full, is compared with
 * their beginnings, as many characters as it has.
 */
export class Known {
  private readonly seen: ReadonlySet<string>;
  private readonly inFile: ReadonlySet<string>;
  private readonly tokenizer: Tokenizer;
  private readonly beginnings = new Map<number, readonly ReadonlySet<string>[]>();

  constructor(seen: ReadonlySet<string>, inFile: ReadonlySet<string>, tokenizer: Tokenizer) {
    this.seen = seen;
    this.inFile = inFile;
    this.tokenizer = tokenizer;
  }

  novelty({ token_ids, finished }: Pick<Sample, 'token_ids' | 'finished'>): Novelty {
    const text = this.tokenizer.raw(token_ids);
    if (!text) return 'empty';
    const groups = finished ? [this.seen, this.inFile] : this.beginning([...text].length);
    return groups[0]!.has(text) ? 'seen' : groups[1]!.has(text) ? 'in file' : 'new';
  }

  /** What the documents begin with; nearly all cut texts have the same length. */
  private beginning(length: number): readonly ReadonlySet<string>[] {
    let found = this.beginnings.get(length);
    if (!found) {
      const cut = (document: string) => [...document].slice(0, length).join('');
      found = [this.seen, this.inFile].map((group) => new Set([...group].map(cut)));
      this.beginnings.set(length, found);
    }
    return found;
  }
}

/** The probabilities of all tokens, their logits times a factor. */
function probabilities(logits: ArrayLike<number>, factor = 1): Float64Array {
  const probs = Float64Array.from(logits, (x) => x * factor);
  softmax(probs, probs, 0, probs.length);
  return probs;
}

/** log p of one token; unlike log(softmax), finite where p is too small for a float. */
function logSoftmax(logits: ArrayLike<number>, choice: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) largest = Math.max(largest, logits[i]!);
  let total = 0;
  for (let i = 0; i < logits.length; i++) total += exp(logits[i]! - largest);
  return logits[choice]! - largest - log(total);
}

function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
