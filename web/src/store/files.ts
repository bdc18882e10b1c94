/** What is shown, as files: a model.json, or those of a run directory. */

import { freshState, type TrainState } from '../engine/model.ts';
import { writeModelJson } from '../engine/modelFile.ts';
import { sampleConfig } from '../engine/sample.ts';
import { writeState, writeTokenizerJson } from '../engine/stateFile.ts';
import { type Explorer, edited, type Loaded, paramsAt } from './explorer.ts';
import { stateAt } from './session.ts';

/** The model as it is shown now, with its documents, as the Python package writes it. */
export async function modelJson(state: Explorer): Promise<string | null> {
  const { loaded, step, edits } = state;
  if (!loaded) return null;
  const { params } = await exactState(loaded, state);
  const { run, source, losses } = loaded;
  return writeModelJson({
    made_by: 'glassgpt explorer',
    model: run.model,
    tokenizer: run.tokenizer,
    training: run.training,
    step,
    temperature: loaded.temperature ?? sampleConfig().temperature,
    data: {
      name: source.name,
      sha256: source.sha256,
      num_documents: run.documents.length,
      num_train: run.numTrain,
    },
    params,
    documents: run.documents,
    losses: edits.size === 0 && losses.length >= step ? losses.slice(0, step) : null,
  });
}

export interface RunFiles {
  /** The state with Adam's moments. */
  readonly model: Uint8Array;
  readonly tokenizer: string;
  readonly documents: string;
}

/** As a run directory has it. */
export async function runFiles(state: Explorer): Promise<RunFiles | null> {
  const { loaded } = state;
  if (!loaded) return null;
  const { run } = loaded;
  return {
    model: writeState(await exactState(loaded, state)),
    tokenizer: writeTokenizerJson(run.tokenizer),
    documents: `${run.documents.join('\n')}\n`,
  };
}

/**
 * What is shown, in full precision where the history can give it. Moments are known where the run
 * was trained here; otherwise they start at zero.
 */
async function exactState(loaded: Loaded, { step, edits }: Explorer): Promise<TrainState> {
  const trained = await stateAt(loaded, step);
  const params = step === loaded.finalStep ? loaded.final : trained?.params;
  const exact = edited(params ?? paramsAt(loaded, step), edits);
  const { m, v } = trained ?? freshState(exact);
  return { params: exact, m, v, step };
}
