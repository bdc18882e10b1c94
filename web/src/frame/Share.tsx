import { useState } from 'react';
import { GlassError } from '../engine/errors.ts';
import { freshState } from '../engine/model.ts';
import { writeModelJson } from '../engine/modelFile.ts';
import { writeState, writeTokenizerJson } from '../engine/stateFile.ts';
import { download } from '../figures/download.ts';
import { explorer } from '../store/explorer.ts';
import { makeLink } from '../store/share.ts';
import { useSettings } from '../store/use.ts';
import { Dialog } from './Dialog.tsx';

/** Keep or pass on what is shown: a link, or the model as a file. */
export function Share() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        className="btn shrink-0 max-sm:!px-2"
        aria-haspopup="dialog"
        onClick={() => setOpen(true)}
      >
        share
      </button>
      {open && <ShareDialog onClose={() => setOpen(false)} />}
    </>
  );
}

function ShareDialog({ onClose }: { onClose: () => void }) {
  const chapter = useSettings((s) => s.chapter);
  const [status, setStatus] = useState('');
  const [link, setLink] = useState('');
  const copy = async () => {
    try {
      const made = await makeLink(chapter);
      setLink(made);
      await navigator.clipboard.writeText(made);
      setStatus('The link is in the clipboard.');
    } catch (error) {
      // Without a clipboard the link can still be copied from the field.
      setStatus(error instanceof GlassError ? error.message : 'Copy it from here:');
    }
  };
  return (
    <Dialog title="Share or keep" onClose={onClose}>
      <p className="text-sm">
        A link carries the recipe and this view, not the weights: whoever opens it trains the model
        again in their browser and sees the same numbers, checked by a fingerprint.
      </p>
      <div className="mt-4 flex flex-wrap gap-2">
        <button type="button" className="btn btn-red" onClick={() => void copy()}>
          copy the link
        </button>
        <button type="button" className="btn" onClick={save}>
          save model.json
        </button>
        <button type="button" className="btn" onClick={saveRun}>
          save model.safetensors
        </button>
      </div>
      <p className="mt-3 text-sm font-medium" aria-live="polite">
        {status}
      </p>
      {link && (
        <input
          className="field mt-2 w-full font-mono text-xs"
          aria-label="Link"
          readOnly
          value={link}
          onFocus={(event) => event.target.select()}
        />
      )}
    </Dialog>
  );
}

/** The model as it is shown now, with its documents, as the Python package writes it. */
function save(): void {
  const { loaded, params, step, edits } = explorer.getState();
  if (!loaded || !params) return;
  const { run, source, losses } = loaded;
  const text = writeModelJson({
    made_by: 'glassgpt explorer',
    model: run.model,
    tokenizer: run.tokenizer,
    training: run.training,
    step,
    temperature: 0.5,
    data: {
      name: source.name,
      sha256: source.sha256,
      num_documents: run.documents.length,
      num_train: run.numTrain,
    },
    params,
    documents: run.documents,
    losses: edits.size === 0 ? losses.slice(0, step) : null,
  });
  download('model.json', text, 'application/json');
}

/** As a run directory has it: the state with Adam's moments, the vocabulary, the documents. */
function saveRun(): void {
  const { loaded, params, step } = explorer.getState();
  if (!loaded || !params) return;
  const { run, history } = loaded;
  // Moments are known where the run was trained here; else they begin anew.
  const { m, v } = history?.stateAt(step) ?? freshState(params);
  download('model.safetensors', writeState({ params, m, v, step }), 'application/octet-stream');
  download('tokenizer.json', writeTokenizerJson(run.tokenizer), 'application/json');
  download('documents.txt', `${run.documents.join('\n')}\n`, 'text/plain');
}
