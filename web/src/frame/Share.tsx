import { useState } from 'react';
import { GlassError } from '../engine/errors.ts';
import { download } from '../figures/download.ts';
import { count } from '../figures/format.ts';
import { explorer, whichStep } from '../store/explorer.ts';
import { modelJson, runFiles } from '../store/files.ts';
import { makeLink } from '../store/share.ts';
import { useExplorer, useSettings } from '../store/use.ts';
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
  const step = useExplorer((s) => s.step);
  const asked = useExplorer((s) => s.asked);
  const which = useExplorer(whichStep);
  const [status, setStatus] = useState('');
  const [link, setLink] = useState('');
  const copy = async () => {
    try {
      const made = await makeLink(chapter);
      setLink(made);
      await navigator.clipboard.writeText(made);
      setStatus('The link was copied to the clipboard.');
    } catch (error) {
      // Without a clipboard the link can still be copied from the field.
      setStatus(error instanceof GlassError ? error.message : 'Copy it from here:');
    }
  };
  return (
    <Dialog title="Share or save" onClose={onClose}>
      <p className="text-sm">
        A link contains the recipe, this view, and every weight and switch that you have changed,
        but not the trained weights. The recipient's browser trains the model again and shows the
        same numbers, checked by a fingerprint.
      </p>
      <p className="mt-2 text-sm">
        A file holds the model of the step that is shown, step {count(step)}
        {which === 'kept' && `, the nearest to step ${count(asked)} that is kept`}
        {which === 'unknown' && `; step ${count(asked)} is not known yet`}.
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

async function save(): Promise<void> {
  const text = await modelJson(explorer.getState());
  if (text) download('model.json', text, 'application/json');
}

async function saveRun(): Promise<void> {
  const files = await runFiles(explorer.getState());
  if (!files) return;
  download('model.safetensors', files.model, 'application/octet-stream');
  download('tokenizer.json', files.tokenizer, 'application/json');
  download('documents.txt', files.documents, 'text/plain');
}
