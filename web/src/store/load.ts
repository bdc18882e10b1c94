/** Get models and lists into the page: pretrained ones, files, pasted text. */

import { isRecord, type TrainConfig, trainConfig, trainConfigFrom } from '../engine/config.ts';
import { DEFAULT_RECIPE, overLong, RECIPES, readDocuments } from '../engine/dataset.ts';
import { GlassError, RunError } from '../engine/errors.ts';
import { isNatural, parse, readModelJson, withExactSeed } from '../engine/modelFile.ts';
import { sha256 } from '../engine/sha256.ts';
import { readState, readTokenizerJson } from '../engine/stateFile.ts';
import { Tokenizer } from '../engine/tokenizer.ts';
import { begin, Run } from '../engine/train.ts';
import { fail, type Loaded, show } from './explorer.ts';
import { trainHere } from './session.ts';

/** The pretrained models that come with the page. */
export const PRETRAINED = [
  { name: 'english', title: 'English names', sample: 'emma' },
  { name: 'hindi', title: 'Hindi names', sample: 'अंशुमान' },
  { name: 'startups', title: 'Indian startups', sample: 'zomato' },
  { name: 'ten', title: 'Ten names', sample: 'emma' },
] as const;

export const MAX_LIST_BYTES = 5_000_000;

/**
 * Files of a run directory: model.safetensors, tokenizer.json and documents.txt; with config.json its
 * recipe is known, with losses.f64 (log.jsonl before version 0.2) its losses.
 */
export async function openRunFiles(files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await guarded(async () => {
    const take = (name: string): Uint8Array => {
      const found = files.get(name);
      if (!found) throw new RunError(`${name} is missing; choose it together with the others`);
      return found;
    };
    const text = (name: string) => new TextDecoder().decode(take(name));
    const state = readState(take('model.safetensors'), 'model.safetensors');
    const tokenizer = readTokenizerJson(text('tokenizer.json'), 'tokenizer.json');
    const model = state.params.config;
    if (tokenizer.vocab_size !== model.vocab_size) {
      throw new RunError('model.safetensors and tokenizer.json are not of the same run');
    }
    const list = take('documents.txt');
    const { documents } = readDocuments(list, 'documents.txt', tokenizer.normalize);
    const { training, numTrain } = recipeOf(files, state.step, documents.length);
    const run = new Run(model, training, tokenizer, documents, numTrain);
    const source = { name: 'a run', title: 'a run', sha256: sha256(list), remarks: [] };
    const losses = lossesOf(files, state.step);
    show({ source, run, final: state.params, finalStep: state.step, losses, history: null });
  });
}

/** From losses.f64 or log.jsonl, if one is there: the losses of the steps that were saved. */
function lossesOf(files: ReadonlyMap<string, Uint8Array>, step: number): number[] {
  const raw = files.get('losses.f64');
  if (raw) {
    if (raw.length < 8 * step) throw new RunError(`losses.f64 ends before step ${step}`);
    const view = new DataView(raw.buffer, raw.byteOffset);
    return Array.from({ length: step }, (_, i) => view.getFloat64(8 * i, true));
  }
  const log = files.get('log.jsonl');
  if (!log) return [];
  const lines = new TextDecoder().decode(log).split('\n').slice(0, step);
  return lines.map((line, i) => {
    try {
      const { loss } = JSON.parse(line) as { loss: unknown };
      if (typeof loss === 'number') return loss;
    } catch {
      // said below
    }
    throw new RunError(`log.jsonl, line ${i + 1} is damaged`);
  });
}

/** From config.json, if it is there: how the run was trained, and on how many of its documents. */
function recipeOf(
  files: ReadonlyMap<string, Uint8Array>,
  step: number,
  documents: number,
): { training: TrainConfig; numTrain: number } {
  const config = files.get('config.json');
  if (!config) return { training: trainConfig({ steps: Math.max(1, step) }), numTrain: documents };
  const value = parse(new TextDecoder().decode(config), 'config.json');
  if (!isRecord(value)) throw new RunError('config.json is not a run’s config.json');
  const { training, num_train: numTrain } = value;
  if (!isNatural(numTrain) || numTrain < 1 || numTrain > documents) {
    throw new RunError(`config.json: num_train must be from 1 to ${documents}`);
  }
  try {
    return { training: trainConfigFrom(withExactSeed(training)), numTrain };
  } catch (error) {
    throw error instanceof GlassError ? new RunError(`config.json: ${error.message}`) : error;
  }
}

/** Show a pretrained model; a failure is shown in one line. */
export async function openPretrained(name: string): Promise<void> {
  const known = PRETRAINED.find((model) => model.name === name) ?? PRETRAINED[0];
  await guarded(async () => show(await fetchPretrained(name), known.sample));
}

/** A pretrained model of this name, or the first of them. */
export async function fetchPretrained(name: string): Promise<Loaded> {
  const known = PRETRAINED.find((model) => model.name === name) ?? PRETRAINED[0];
  return fetchModel(`./models/${known.name}.json`, known.title);
}

/** Where the page was served with a run of its own, its address; otherwise ''. */
export function ownRun(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="glassgpt-run"]')?.content ?? '';
}

/** Show the run that the page was served with. */
export async function openOwnRun(): Promise<void> {
  await guarded(async () => show(await fetchModel(ownRun(), '')));
}

/** What the page shows where nothing else is asked for: its own run, or the first that comes along. */
export async function openUsual(): Promise<void> {
  if (ownRun()) await openOwnRun();
  else await openPretrained(PRETRAINED[0].name);
}

/** Read a model.json that the reader has chosen. */
export async function openModel(text: string, name: string): Promise<void> {
  await guarded(async () => show(fromModelJson(text, name, name)));
}

async function fetchModel(url: string, title: string): Promise<Loaded> {
  const response = await fetch(url);
  if (!response.ok) throw new RunError(`${url}: ${response.status}`);
  const loaded = fromModelJson(await response.text(), title, url);
  return title ? loaded : { ...loaded, source: { ...loaded.source, title: loaded.source.name } };
}

/** A model.json with its documents as a run to look into. */
export function fromModelJson(text: string, title: string, name: string): Loaded {
  const file = readModelJson(text, name);
  if (!file.documents)
    throw new RunError(
      `${name} has no documents: export it with --with-documents (a run on a corpus has none)`,
    );
  const { model, training, tokenizer, documents, data } = file;
  const run = new Run(model, training, tokenizer, documents, data.num_train);
  const source = { name: data.name, title, sha256: data.sha256, remarks: [] };
  const { params: final, step: finalStep, temperature } = file;
  return { source, run, final, finalStep, temperature, losses: file.losses ?? [], history: null };
}

/** Read somebody's own list and train on it in this page. */
export async function openList(bytes: Uint8Array, name: string): Promise<void> {
  await guarded(async () => {
    if (bytes.length > MAX_LIST_BYTES) {
      throw new RunError(
        `${name} is larger than ${MAX_LIST_BYTES / 1e6} MB, the most this page takes`,
      );
    }
    const recipe = RECIPES[name.replace(/\.txt$/i, '')] ?? DEFAULT_RECIPE;
    const { documents, report } = readDocuments(bytes, name, recipe.normalize);
    const tokenizer = Tokenizer.fromDocuments(documents, recipe.normalize);
    const training = trainConfig({ learning_rate: recipe.learning_rate });
    const { run, state } = begin(documents, training, tokenizer, { block_size: recipe.block_size });
    const cut = overLong(documents, report, run.model.block_size);
    const remarks = [
      report.duplicates ? `${report.duplicates} duplicates kept` : '',
      report.empty ? `${report.empty} empty lines skipped` : '',
      cut ? `${cut} cut at block_size ${run.model.block_size}` : '',
      report.bom ? 'byte order mark removed' : '',
    ].filter(Boolean);
    show({
      source: { name, title: name, sha256: sha256(bytes), remarks },
      run,
      final: state.params,
      finalStep: 0,
      losses: [],
      history: null,
    });
    await trainHere();
  });
}

async function guarded(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof GlassError || error instanceof TypeError)) throw error;
    fail(error.message);
  }
}
