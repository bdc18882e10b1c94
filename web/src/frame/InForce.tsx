import { inWords } from '../figures/changes.ts';
import { clearEdits, intervene } from '../store/explorer.ts';
import { useExplorer } from '../store/use.ts';

/** Said at the head of every chapter as long as something is switched off, forced or edited. */
export function InForce() {
  const trace = useExplorer((s) => s.trace);
  const edits = useExplorer((s) => s.edits.size);
  if (!trace) return null;
  const words = inWords(trace.interventions, trace.config);
  if (edits > 0) words.push(edits === 1 ? 'one weight edited' : `${edits} weights edited`);
  if (words.length === 0) return null;
  return (
    <p
      role="status"
      className="mb-6 flex flex-wrap items-center gap-x-3 gap-y-2 border-4 border-red bg-panel px-3 py-2 text-sm"
    >
      <b className="bg-red px-2 py-0.5 text-on-accent">changed by hand</b>
      <span className="min-w-0 flex-1 font-medium">
        {words.slice(0, 4).join('; ')}
        {words.length > 4 ? `; ${words.length - 4} more` : ''}. All chapters show the changed model.
      </span>
      <button
        type="button"
        className="btn"
        onClick={() => {
          intervene({});
          clearEdits();
        }}
      >
        reset all
      </button>
    </p>
  );
}
