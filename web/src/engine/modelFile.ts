/**
 * `model.json`: a trained model in one self-contained file (docs/model-file.md). Reads and writes
 * what the Python package does, and refuses what it would refuse.
 */

import {
  isRecord,
  type ModelConfig,
  modelConfigFrom,
  type TrainConfig,
  trainConfigFrom,
} from './config.ts';
import { GlassError, RunError } from './errors.ts';
import { Params, shapes } from './params.ts';
import { Tokenizer } from './tokenizer.ts';

export const VERSION = 1;

/** What a `model.json` holds. */
export interface ModelFile {
  /** Program and version, for people. */
  readonly made_by: string;
  readonly model: ModelConfig;
  readonly tokenizer: Tokenizer;
  readonly training: TrainConfig;
  /** Updates made. */
  readonly step: number;
  /** The temperature that suits the data. */
  readonly temperature: number;
  readonly data: DataInfo;
  readonly params: Params;
  /** All documents in the order of training, the first `num_train` for training; null if not kept. */
  readonly documents: readonly string[] | null;
  /** The loss of each step, before its update; null if not kept. */
  readonly losses: readonly number[] | null;
}

export interface DataInfo {
  readonly name: string;
  /** Of the file read, in hexadecimal. */
  readonly sha256: string;
  readonly num_documents: number;
  readonly num_train: number;
}

const KEYS = [
  'format', 'version', 'made_by', 'model', 'tokenizer', 'training', 'step', 'temperature', 'data',
  'params',
]; // biome-ignore format: a list of words
const DATA_KEYS = ['name', 'sha256', 'num_documents', 'num_train'];

/** Read and check a `model.json`; throws RunError in one line that begins with `name`. */
export function readModelJson(text: string, name: string): ModelFile {
  const refuse = (why: string) => new RunError(`${name}: ${why}`);
  const data = parse(text, name);
  if (!isRecord(data) || data.format !== 'glassgpt-model') {
    throw new RunError(`${name} is not a glassgpt-model file`);
  }
  checkVersion(data.version, name);
  checkKeys(data, KEYS, ['documents', 'losses'], name);
  try {
    const model = modelConfigFrom(data.model);
    const tokenizer = Tokenizer.fromData(data.tokenizer);
    const training = trainConfigFrom(withExactSeed(data.training));
    if (tokenizer.vocab_size !== model.vocab_size) {
      throw refuse(
        `the tokenizer has ${tokenizer.vocab_size} tokens, the model ${model.vocab_size}`,
      );
    }
    if (!isNatural(data.step)) throw refuse('step must be a whole number of at least 0');
    const { temperature, made_by } = data;
    if (typeof temperature !== 'number' || !Number.isFinite(temperature) || temperature < 0) {
      throw refuse('temperature must be a number of at least 0');
    }
    if (typeof made_by !== 'string') throw refuse('made_by must be a text');
    const info = readDataInfo(data.data, name);
    const params = readParams(data.params, model, name);
    const documents = readDocumentList(data.documents, info, tokenizer, name);
    const losses = readLosses(data.losses, data.step, name);
    return {
      made_by,
      model,
      tokenizer,
      training,
      step: data.step,
      temperature,
      data: info,
      params,
      documents,
      losses,
    };
  } catch (error) {
    if (error instanceof GlassError && !(error instanceof RunError)) throw refuse(error.message);
    throw error;
  }
}

/** The text of a `model.json`. */
export function writeModelJson(file: ModelFile): string {
  if (!file.params.data.every(Number.isFinite)) {
    throw new RunError('the model holds numbers that are not finite');
  }
  const value = {
    format: 'glassgpt-model',
    version: VERSION,
    made_by: file.made_by,
    model: file.model,
    tokenizer: file.tokenizer.toData(),
    training: file.training,
    step: file.step,
    temperature: file.temperature,
    data: file.data,
    params: nested(file.params),
    ...(file.documents ? { documents: file.documents } : {}),
    ...(file.losses ? { losses: file.losses } : {}),
  };
  return `${JSON.stringify(value, (_, x) => (typeof x === 'bigint' ? rawSeed(x) : x)).replace(RAW_SEED, '$1')}\n`;
}

/** Tensor name -> list of rows. */
export function nested(params: Params): Record<string, number[][]> {
  return Object.fromEntries(
    [...params.tensors.values()].map(({ name, n_out, n_in, data }) => [
      name,
      Array.from({ length: n_out }, (_, o) => Array.from(data.subarray(o * n_in, (o + 1) * n_in))),
    ]),
  );
}

// --- parts ---

// JSON numbers beyond 2^53 lose their last digits in JavaScript. Only a seed can be so large: let
// it be read as a text, and written as a number.
const LARGE_SEED = /"seed"\s*:\s*(\d{16,19})(?=\s*[,}])/g;
const RAW_SEED = /"\\u0000(\d+)\\u0000"/g;

function rawSeed(seed: bigint): string {
  return `\0${seed}\0`;
}

export function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text.replace(LARGE_SEED, '"seed":"$1"'));
  } catch (error) {
    throw new RunError(`${name} is damaged: ${(error as Error).message}`);
  }
}

/** Settings whose seed `parse` has kept as text, with the seed as a number. */
export function withExactSeed(training: unknown): unknown {
  if (!isRecord(training) || typeof training.seed !== 'string') return training;
  const seed = BigInt(training.seed);
  return { ...training, seed: seed <= Number.MAX_SAFE_INTEGER ? Number(seed) : seed };
}

export function checkVersion(version: unknown, name: string): void {
  if (!Number.isInteger(version) || (version as number) < 1) {
    throw new RunError(`${name} has no valid version`);
  }
  if ((version as number) > VERSION) {
    throw new RunError(
      `${name} has version ${version}; this page reads up to ${VERSION}: update it`,
    );
  }
}

function checkKeys(
  data: Record<string, unknown>,
  needed: readonly string[],
  allowed: readonly string[],
  name: string,
): void {
  const wrong = [
    ...needed.filter((key) => !Object.hasOwn(data, key)),
    ...Object.keys(data).filter((key) => !needed.includes(key) && !allowed.includes(key)),
  ];
  if (wrong.length)
    throw new RunError(`${name}: missing or unknown keys: ${wrong.sort().join(', ')}`);
}

export function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function readDataInfo(data: unknown, name: string): DataInfo {
  if (!isRecord(data)) throw new RunError(`${name}: data must be an object`);
  checkKeys(data, DATA_KEYS, [], `${name}, data`);
  const { name: title, sha256, num_documents, num_train } = data;
  if (typeof title !== 'string' || typeof sha256 !== 'string') {
    throw new RunError(`${name}: data must have a name and a sha256`);
  }
  if (
    !isNatural(num_documents) ||
    !isNatural(num_train) ||
    num_train < 1 ||
    num_train > num_documents
  ) {
    throw new RunError(`${name}: num_train must be from 1 to num_documents`);
  }
  return { name: title, sha256, num_documents, num_train };
}

function readParams(data: unknown, config: ModelConfig, name: string): Params {
  const wanted = shapes(config).map(([tensor]) => tensor);
  if (!isRecord(data) || Object.keys(data).join() !== wanted.join()) {
    throw new RunError(`${name}: params must be the tensors ${wanted.join(', ')}, in this order`);
  }
  for (const [tensor, n_out, n_in] of shapes(config)) {
    const rows = data[tensor];
    const fits = Array.isArray(rows) && rows.length === n_out;
    if (!fits || !rows.every((row) => Array.isArray(row) && row.length === n_in)) {
      throw new RunError(`${name}: tensor '${tensor}' must have ${n_out} rows of ${n_in} numbers`);
    }
  }
  const params = new Params(config); // only now: a file must not make us allocate what it has not
  for (const { name: tensor, data: into } of params.tensors.values()) {
    (data[tensor] as unknown[][]).flat().forEach((x: unknown, i: number) => {
      if (typeof x !== 'number' || !Number.isFinite(x)) {
        throw new RunError(
          `${name}: tensor '${tensor}' holds something that is not a finite number`,
        );
      }
      into[i] = x;
    });
  }
  return params;
}

function readLosses(data: unknown, step: number, name: string): readonly number[] | null {
  if (data === undefined) return null;
  if (!Array.isArray(data) || data.length !== step || !data.every(Number.isFinite)) {
    throw new RunError(`${name}: losses must be a list of ${step} finite numbers`);
  }
  return data;
}

function readDocumentList(
  data: unknown,
  info: DataInfo,
  tokenizer: Tokenizer,
  name: string,
): readonly string[] | null {
  if (data === undefined) return null;
  if (!Array.isArray(data) || !data.every((text) => typeof text === 'string' && text)) {
    throw new RunError(`${name}: documents must be a list of texts`);
  }
  if (data.length !== info.num_documents) {
    throw new RunError(`${name} has ${data.length} documents, not ${info.num_documents}`);
  }
  const known = new Set(tokenizer.chars);
  for (const text of data) {
    for (const char of text) {
      if (!known.has(char)) throw new RunError(`${name}: documents has characters outside chars`);
    }
  }
  return data;
}
