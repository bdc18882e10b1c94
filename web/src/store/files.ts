/** What is shown, as files: a model.json, or those of a run directory. */

import { freshState } from '../engine/model.ts';
import { writeModelJson } from '../engine/modelFile.ts';
import { sampleConfig } from '../engine/sample.ts';
import { writeState, writeTokenizerJson } from '../engine/stateFile.ts';
import { type Explorer, exactParams } from './explorer.ts';

/** The model as it is shown now, with its documents, as the Python package writes it. */
export function modelJson(state: Explorer): string | null {
  const { loaded, step, edits } = state;
  const params = exactParams(state);
  if (!loaded || !params) return null;
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
export function runFiles(state: Explorer): RunFiles | null {
  const { loaded, step } = state;
  const params = exactParams(state);
  if (!loaded || !params) return null;
  const { run, history } = loaded;
  // Moments are known where the run was trained here; otherwise they start at zero.
  const { m, v } = history?.stateAt(step) ?? freshState(params);
  return {
    model: writeState({ params, m, v, step }),
    tokenizer: writeTokenizerJson(run.tokenizer),
    documents: `${run.documents.join('\n')}\n`,
  };
}
