/** Get models and lists into the page: pretrained ones, files, pasted text. */

import { trainConfig } from '../engine/config.ts';
import { DEFAULT_RECIPE, overLong, RECIPES, readDocuments } from '../engine/dataset.ts';
import { GlassError, RunError } from '../engine/errors.ts';
import { readModelJson } from '../engine/modelFile.ts';
import { Tokenizer } from '../engine/tokenizer.ts';
import { begin, Run } from '../engine/train.ts';
import { fail, type Loaded, show } from './explorer.ts';
import { trainHere } from './training.ts';

/** The pretrained models that come with the page. */
export const PRETRAINED = [
  { name: 'english', title: 'English names', sample: 'emma' },
  { name: 'hindi', title: 'Hindi names', sample: 'अंशुमान' },
  { name: 'startups', title: 'Indian startups', sample: 'zomato' },
  { name: 'ten', title: 'Ten names', sample: 'emma' },
] as const;

export const MAX_LIST_BYTES = 5_000_000;

/** Show a pretrained model; a failure is shown in one line. */
export async function openPretrained(name: string): Promise<void> {
  const known = PRETRAINED.find((model) => model.name === name) ?? PRETRAINED[0];
  await guarded(async () => {
    const response = await fetch(`./models/${known.name}.json`);
    if (!response.ok) throw new RunError(`models/${known.name}.json: ${response.status}`);
    show(fromModelJson(await response.text(), known.title, known.name), known.sample);
  });
}

/** A model.json with its documents as a run to look into. */
export function fromModelJson(text: string, title: string, name: string): Loaded {
  const file = readModelJson(text, name);
  if (!file.documents)
    throw new RunError(`${name} has no documents: export it with --with-documents`);
  const { model, training, tokenizer, documents, data } = file;
  const run = new Run(model, training, tokenizer, documents, data.num_train);
  const source = { name: data.name, title, remarks: [] };
  return { source, run, final: file.params, losses: file.losses ?? [], history: null };
}

/** Read somebody's own list and train on it in this page. */
export async function openList(bytes: Uint8Array, name: string): Promise<void> {
  await guarded(async () => {
    if (bytes.length > MAX_LIST_BYTES) {
      throw new RunError(
        `${name} is larger than ${MAX_LIST_BYTES / 1e6} MB, the most this page takes`,
      );
    }
    const recipe = RECIPES[name] ?? DEFAULT_RECIPE;
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
      source: { name, title: name, remarks },
      run,
      final: state.params,
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
