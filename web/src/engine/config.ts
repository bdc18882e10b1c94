/**
 * What a model is and how it is trained: plain data, checked where it is made.
 *
 * Keys are those of `config.py` and of the files; limits and messages are the same.
 */

import { ConfigError } from './errors.ts';
import { repr, withCommas } from './python.ts';

/** Unicode normal form under which a text is taken apart into characters. */
export type Normalization = 'nfc' | 'nfd' | 'none';

/** The shape of a GPT. Sizes are counts. */
export interface ModelConfig {
  readonly vocab_size: number;
  readonly n_layer: number;
  readonly n_embd: number;
  readonly n_head: number;
  readonly block_size: number;
}

/** How a model is trained. The defaults are the microgpt recipe. */
export interface TrainConfig {
  /** Parameter updates; the learning rate falls linearly to 0 over them. */
  readonly steps: number;
  /** Documents a step; the loss of a batch is the mean over its documents. */
  readonly batch_size: number;
  /** At the first step. */
  readonly learning_rate: number;
  readonly beta1: number;
  readonly beta2: number;
  /** The term that keeps Adam's division finite. */
  readonly eps: number;
  /** Standard deviation of the initial weights. */
  readonly init_std: number;
  /** Of the one random stream: document order, initial weights, then samples. Up to 2^63 - 1. */
  readonly seed: number | bigint;
  /** Share of the distinct documents, the last of the shuffled list, kept out of training. */
  readonly val_fraction: number;
}

export const MODEL_DEFAULTS = { n_layer: 1, n_embd: 16, n_head: 4, block_size: 16 } as const;

export const TRAIN_DEFAULTS: TrainConfig = {
  steps: 1000,
  batch_size: 1,
  learning_rate: 0.01,
  beta1: 0.85,
  beta2: 0.99,
  eps: 1e-8,
  init_std: 0.08,
  seed: 42,
  val_fraction: 0,
};

/** More parameters than this are refused before anything is allocated. */
export const MAX_PARAMS = 2_000_000_000;

/** Check a shape; what is not given keeps its default. Throws ConfigError. */
export function modelConfig(given: { vocab_size: number } & Partial<ModelConfig>): ModelConfig {
  const { vocab_size, ...sizes } = given;
  const config: ModelConfig = Object.freeze({ vocab_size, ...MODEL_DEFAULTS, ...sizes });
  whole('vocab_size', config.vocab_size, 2, 2 ** 24);
  whole('n_layer', config.n_layer, 1, 1024);
  whole('n_embd', config.n_embd, 1, 2 ** 16);
  whole('n_head', config.n_head, 1, 2 ** 16);
  whole('block_size', config.block_size, 1, 2 ** 20);
  if (config.n_embd % config.n_head) {
    throw new ConfigError(
      `n_head is ${config.n_head}; it must divide n_embd, which is ${config.n_embd}`,
    );
  }
  const count = numParams(config);
  if (count > MAX_PARAMS) {
    throw new ConfigError(
      `this shape has ${withCommas(count)} parameters; at most ${withCommas(MAX_PARAMS)} are allowed`,
    );
  }
  return config;
}

/** Check training settings; what is not given keeps its default. Throws ConfigError. */
export function trainConfig(given: Partial<TrainConfig> = {}): TrainConfig {
  const c: TrainConfig = Object.freeze({ ...TRAIN_DEFAULTS, ...given });
  whole('steps', c.steps, 1, 1e9);
  whole('batch_size', c.batch_size, 1, 2 ** 20);
  seed(c.seed);
  real('learning_rate', c.learning_rate, 'above 0 and below 1e300', c.learning_rate > 0);
  real('beta1', c.beta1, 'from 0 to below 1', c.beta1 >= 0 && c.beta1 < 1);
  real('beta2', c.beta2, 'from 0 to below 1', c.beta2 >= 0 && c.beta2 < 1);
  real('eps', c.eps, 'above 0 and below 1e300', c.eps > 0);
  real('init_std', c.init_std, 'from 0 to below 1e300', c.init_std >= 0);
  real(
    'val_fraction',
    c.val_fraction,
    'from 0 to below 1',
    c.val_fraction >= 0 && c.val_fraction < 1,
  );
  return c;
}

/** A shape from a file: an object with exactly the known keys. */
export function modelConfigFrom(data: unknown): ModelConfig {
  return modelConfig(record('ModelConfig', data, ['vocab_size', ...Object.keys(MODEL_DEFAULTS)]));
}

/** Training settings from a file: an object with exactly the known keys. */
export function trainConfigFrom(data: unknown): TrainConfig {
  return trainConfig(record('TrainConfig', data, Object.keys(TRAIN_DEFAULTS)));
}

/**
 * How many of so many distinct documents are held out: the exact product, rounded down.
 *
 * The fraction is taken as the decimal it is written as: 0.29 of 100 is 29, though the float is a
 * little less.
 */
export function numHeldOut(count: number, val_fraction: number): number {
  const [digits, exponent = '0'] = String(val_fraction).split('e') as [string, string?];
  const [whole, decimals = ''] = digits.split('.') as [string, string?];
  const scale = 10n ** BigInt(decimals.length - Number(exponent));
  return Number((BigInt(count) * BigInt(whole + decimals)) / scale);
}

/** The width of one head. */
export function headDim(config: ModelConfig): number {
  return config.n_embd / config.n_head;
}

export function numParams(config: ModelConfig): number {
  const e = config.n_embd;
  return (2 * config.vocab_size + config.block_size) * e + config.n_layer * 12 * e * e;
}

/** The learning rate of a step counted from 0; never negative. */
export function learningRate(config: TrainConfig, step: number): number {
  return config.learning_rate * Math.max(0, 1 - step / config.steps);
}

/** The rate of each step from start to below stop. */
export function learningRates(config: TrainConfig, start: number, stop: number): number[] {
  return Array.from({ length: stop - start }, (_, i) => learningRate(config, start + i));
}

export function checkNormalization(value: unknown): Normalization {
  if (value !== 'nfc' && value !== 'nfd' && value !== 'none') {
    throw new ConfigError(`normalize is ${repr(value)}; it must be one of nfc, nfd, none`);
  }
  return value;
}

/** What Python calls the type of a JSON value. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'NoneType';
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'object') return 'dict';
  return Number.isInteger(value) ? 'int' : 'float';
}

export function isRecord(data: unknown): data is Record<string, unknown> {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}

// biome-ignore lint/suspicious/noExplicitAny: its values are checked by the caller, one by one
function record(name: string, data: unknown, keys: readonly string[]): any {
  if (!isRecord(data)) throw new ConfigError(`${name} must be an object, not ${typeName(data)}`);
  const wrong = [
    ...keys.filter((key) => !Object.hasOwn(data, key)),
    ...Object.keys(data).filter((key) => !keys.includes(key)),
  ];
  if (wrong.length) {
    throw new ConfigError(`${name} has missing or unknown keys: ${wrong.sort().join(', ')}`);
  }
  return data;
}

function whole(name: string, value: unknown, low: number, high: number): void {
  if (!Number.isInteger(value) || (value as number) < low || (value as number) > high) {
    throw new ConfigError(
      `${name} is ${repr(value)}; it must be a whole number from ${low} to ${high}`,
    );
  }
}

/** The largest seed that a field or a link of the page can hold exactly, as a plain number. */
export const MAX_TYPED_SEED = Number.MAX_SAFE_INTEGER;

const MAX_SEED = 2n ** 63n - 1n;

/** A seed as it was typed; throws ConfigError in one line. */
export function parseSeed(text: string): number {
  const value = /^\s*\d+\s*$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) {
    throw new ConfigError(
      `seed is ${repr(text)}; it must be a whole number from 0 to ${MAX_TYPED_SEED}`,
    );
  }
  return value;
}

function seed(value: unknown): void {
  const exact = typeof value === 'bigint' || Number.isSafeInteger(value);
  const big = exact ? BigInt(value as number | bigint) : -1n;
  if (big < 0n || big > MAX_SEED) {
    throw new ConfigError(
      `seed is ${repr(value)}; it must be a whole number from 0 to ${MAX_SEED}`,
    );
  }
}

function real(name: string, value: unknown, rule: string, ok: boolean): void {
  if (typeof value !== 'number' || !(Math.abs(value) < 1e300) || !ok) {
    throw new ConfigError(`${name} is ${repr(value)}; it must be a number ${rule}`);
  }
}
