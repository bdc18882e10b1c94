import { type FormEvent, useState } from 'react';
import { openList, openModel, openPretrained, openRunFiles, PRETRAINED } from '../store/load.ts';
import { useExplorer } from '../store/use.ts';

/** A bundled list, a file, or pasted text. */
export function DataChoices({ onDone }: { onDone?: () => void }) {
  const current = useExplorer((s) => s.loaded?.source.name);
  const [text, setText] = useState('');
  const done = onDone ?? (() => {});
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void openList(new TextEncoder().encode(text), 'your list').then(done);
  };
  const file = async (list: FileList | null) => {
    const chosen = list?.[0];
    if (!chosen) return;
    if ([...list].some(({ name }) => name.endsWith('.safetensors'))) {
      const read = [...list].map(
        async (one) => [one.name, new Uint8Array(await one.arrayBuffer())] as const,
      );
      await openRunFiles(new Map(await Promise.all(read)));
      done();
      return;
    }
    if (chosen.name.endsWith('.json')) await openModel(await chosen.text(), chosen.name);
    else await openList(new Uint8Array(await chosen.arrayBuffer()), chosen.name);
    done();
  };
  return (
    <div
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        void file(event.dataTransfer.files);
      }}
    >
      <div className="flex flex-wrap gap-2">
        {PRETRAINED.map(({ name, title }) => (
          <button
            key={name}
            type="button"
            className="btn"
            aria-pressed={name === current}
            onClick={() => void openPretrained(name).then(done)}
          >
            {title}
          </button>
        ))}
      </div>
      <form onSubmit={submit} className="mt-5">
        <label className="block text-sm font-bold" htmlFor="own-list">
          or your own list, in any script, one item per line
        </label>
        <textarea
          id="own-list"
          className="field mt-2 h-32 w-full font-mono text-sm"
          value={text}
          placeholder={'paste it here, or drop a text file'}
          onChange={(event) => setText(event.target.value)}
        />
        <div className="mt-2 flex flex-wrap items-center gap-3">
          <button type="submit" className="btn btn-red" disabled={!text.trim()}>
            train on it
          </button>
          <label className="btn focus-within:outline-3 focus-within:outline-blue">
            open a file…
            <input
              type="file"
              accept=".txt,.csv,.json,.jsonl,.f64,.safetensors,text/plain,application/json"
              multiple
              className="sr-only"
              onChange={(event) => void file(event.target.files)}
            />
          </label>
          <span className="caption">
            A list, a model.json, or the files of a run directory together. Nothing leaves this
            device.
          </span>
        </div>
      </form>
    </div>
  );
}
