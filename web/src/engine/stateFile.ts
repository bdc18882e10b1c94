/** The files of a run directory that make a model: `model.safetensors` and `tokenizer.json`. */

import { isRecord, type ModelConfig, modelConfigFrom } from './config.ts';
import { GlassError, RunError } from './errors.ts';
import type { TrainState } from './model.ts';
import { checkVersion, parse, VERSION } from './modelFile.ts';
import { Params, shapes } from './params.ts';
import { numbersOf, READERS, readSafetensors, writeSafetensors } from './safetensors.ts';
import { Tokenizer } from './tokenizer.ts';

const MOMENTS = ['adam.m.', 'adam.v.'] as const;

/** The `model.safetensors` of a run directory: parameters, Adam's moments, the step. */
export function writeState(state: TrainState): Uint8Array {
  const groups = [
    ['', state.params],
    [MOMENTS[0], state.m],
    [MOMENTS[1], state.v],
  ] as const;
  const tensors = groups.flatMap(([prefix, params]) =>
    [...params.tensors.values()].map(
      ({ name, n_out, n_in, data }) => [prefix + name, [n_out, n_in], data] as const,
    ),
  );
  return writeSafetensors(tensors, {
    format: 'glassgpt-model',
    version: String(VERSION),
    step: String(state.step),
    model: JSON.stringify(state.params.config),
  });
}

/** Read and check a `model.safetensors`; throws RunError. The vocabulary comes beside it. */
export function readState(file: Uint8Array, name: string): TrainState {
  const { metadata, tensors } = readSafetensors(file, name);
  if (metadata.format !== 'glassgpt-model') {
    throw new RunError(`${name} is a safetensors file, but not one of glassgpt's`);
  }
  const digits = (text = '') => (/^\d{1,15}$/.test(text) ? Number(text) : null);
  checkVersion(digits(metadata.version), name);
  const step = digits(metadata.step);
  if (step === null) {
    throw new RunError(`${name}: the step in its metadata is not a number`);
  }
  const config = readShape(metadata.model, name);
  for (const prefix of ['', ...MOMENTS]) {
    for (const [tensor, n_out, n_in] of shapes(config)) {
      const stored = tensors.get(prefix + tensor);
      if (!stored) throw new RunError(`${name}: tensor '${prefix + tensor}' is missing`);
      if (!Object.hasOwn(READERS, stored.dtype) || stored.shape.join() !== `${n_out},${n_in}`) {
        throw new RunError(
          `${name}: tensor '${prefix + tensor}' is ${stored.dtype} [${stored.shape.join(', ')}]; ` +
            `its shape wants F64 or F32 [${n_out}, ${n_in}]`,
        );
      }
    }
  }
  const wanted = new Set(shapes(config).map(([tensor]) => tensor));
  for (const tensor of tensors.keys()) {
    if (!wanted.has(tensor.replace(/^adam\.[mv]\./, ''))) {
      throw new RunError(`${name}: tensor '${tensor}' is not known`);
    }
  }
  // Only now: a file must not make us allocate what it does not hold.
  const groups = ['', ...MOMENTS].map((prefix) => {
    const params = new Params(config);
    for (const { name: tensor, data } of params.tensors.values()) {
      data.set(numbersOf(tensors.get(prefix + tensor)!));
    }
    if (!params.data.every(Number.isFinite)) {
      throw new RunError(`${name} holds numbers that are not finite`);
    }
    return params;
  });
  const [params, m, v] = groups as [Params, Params, Params];
  return { params, m, v, step };
}

/** Read the `tokenizer.json` of a run directory; throws RunError. */
export function readTokenizerJson(text: string, name: string): Tokenizer {
  const data = parse(text, name);
  if (!isRecord(data) || data.format !== 'glassgpt-tokenizer') {
    throw new RunError(`${name} is not a glassgpt-tokenizer file`);
  }
  const { format: _, version, ...body } = data;
  checkVersion(version, name);
  try {
    return Tokenizer.fromData(body);
  } catch (error) {
    throw error instanceof GlassError ? new RunError(`${name}: ${error.message}`) : error;
  }
}

/** The text of a run directory's `tokenizer.json`. */
export function writeTokenizerJson(tokenizer: Tokenizer): string {
  const head = { format: 'glassgpt-tokenizer', version: VERSION };
  return `${JSON.stringify({ ...head, ...tokenizer.toData() }, null, 1)}\n`;
}

function readShape(text: string | undefined, name: string): ModelConfig {
  try {
    return modelConfigFrom(JSON.parse(text ?? 'null'));
  } catch (error) {
    throw new RunError(
      `${name}: the model in its metadata is damaged (${(error as Error).message})`,
    );
  }
}
