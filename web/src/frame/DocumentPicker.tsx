import { type FormEvent, useMemo, useState } from 'react';
import { GlassError } from '../engine/errors.ts';
import { normalized } from '../engine/tokenizer.ts';
import type { Run } from '../engine/train.ts';
import { setDocument } from '../store/explorer.ts';
import { useExplorer } from '../store/use.ts';
import { Dialog } from './Dialog.tsx';

const SHOWN = 60;

/** Another document to run: any line of the data, or any text in the model's characters. */
export function DocumentPicker({ onClose }: { onClose: () => void }) {
  const loaded = useExplorer((s) => s.loaded);
  const [text, setText] = useState('');
  const [error, setError] = useState('');
  const found = useMemo(() => {
    if (!loaded) return [];
    const unique = [...new Set(loaded.run.documents)];
    const wanted = normalized(text.trim(), loaded.run.tokenizer.normalize);
    return unique.filter((document) => document.startsWith(wanted)).sort();
  }, [loaded, text]);
  const run = (document: string) => {
    try {
      setDocument(document);
      onClose();
    } catch (problem) {
      if (!(problem instanceof GlassError)) throw problem;
      setError(problem.message);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim()) run(text.trim());
  };
  return (
    <Dialog title="The running document" onClose={onClose}>
      <form onSubmit={submit} className="flex flex-wrap gap-2">
        <input
          className="field min-w-0 flex-1"
          aria-label="Text to run"
          value={text}
          placeholder="type anything the model can spell"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          onChange={(event) => {
            setText(event.target.value);
            setError('');
          }}
        />
        <button type="submit" className="btn btn-red">
          run it
        </button>
      </form>
      {loaded && <Cut text={text.trim()} run={loaded.run} />}
      {error && (
        <p role="alert" className="mt-2 text-sm font-medium text-red">
          {error}
        </p>
      )}
      <p className="caption mt-4">
        {found.length.toLocaleString('en')} lines of the data begin like this
        {found.length > SHOWN ? `; the first ${SHOWN}:` : ':'}
      </p>
      <div className="mt-2 flex max-h-64 flex-wrap gap-1 overflow-y-auto">
        {found.slice(0, SHOWN).map((document) => (
          <button
            key={document}
            type="button"
            className="tile tile-small !px-2"
            onClick={() => run(document)}
          >
            {document}
          </button>
        ))}
      </div>
    </Dialog>
  );
}

/** The model reads BOS and then so many characters of its tokenizer's normal form; what is beyond them it does not see. */
export function Cut({ text, run }: { text: string; run: Run }) {
  const length = [...normalized(text, run.tokenizer.normalize)].length;
  if (length === 0) return null;
  const context = run.model.block_size;
  return (
    <p aria-live="polite" className="caption mt-2">
      {length} of {context - 1} characters
      {length >= context &&
        `. The model reads BOS and the first ${context - 1} characters; the other ${length - context + 1} are cut off.`}
    </p>
  );
}
