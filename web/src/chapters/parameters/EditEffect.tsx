import { useMemo } from 'react';
import { type Trace, trace } from '../../engine/model.ts';
import { label } from '../../engine/provenance.ts';
import { fixed, percent } from '../../figures/format.ts';
import { clearEdits, editWeight, paramsAt, select } from '../../store/explorer.ts';
import { useExplorer, useLoaded } from '../../store/use.ts';
import { steepest } from './statistics.ts';

/** What edited weights do to the running document: its loss, and the next token at the cursor. */
export function EditEffect() {
  const { loaded, params, trace: now, tokenizer } = useLoaded();
  const edits = useExplorer((s) => s.edits);
  const step = useExplorer((s) => s.step);
  const position = useExplorer((s) => s.position);
  const selected = useExplorer((s) => s.selected);
  const before = useMemo(() => {
    if (edits.size === 0) return null;
    return trace(paramsAt(loaded, step), now.document, now.interventions);
  }, [edits, loaded, step, now]);
  const chosen = selected?.kind === 'param' && params.tensors.has(selected.name) ? selected : null;
  const index = chosen ? params.index(chosen.name, chosen.row, chosen.column) : -1;
  const nudge = (by: number) => editWeight(index, params.data[index]! + by);
  const moved = before && largestMove(before, now, position);
  return (
    <section aria-label="What an edit moves">
      <h3 className="text-sm font-bold">the effect of an edit</h3>
      <p className="caption mt-1">
        Select a weight and change it, here or in the inspector, or start with the one that affects
        the loss of this document most.
      </p>
      <div className="mt-2 flex flex-wrap gap-1">
        <button
          type="button"
          className="btn"
          onClick={() =>
            select({ kind: 'param', ...params.locate(steepest(now.paramGrads.data)), head: 0 })
          }
        >
          steepest weight
        </button>
        <button type="button" className="btn" disabled={!chosen} onClick={() => nudge(-0.5)}>
          −0.5
        </button>
        <button type="button" className="btn" disabled={!chosen} onClick={() => nudge(0.5)}>
          +0.5
        </button>
        <button type="button" className="btn" disabled={edits.size === 0} onClick={clearEdits}>
          undo
        </button>
      </div>
      <p className="caption mt-2 h-5 truncate font-mono">
        {chosen
          ? `${label(chosen)} = ${fixed(params.data[index]!, 4)}`
          : 'no weight is selected yet'}
      </p>
      <dl className="mt-2 grid grid-cols-[auto_1fr] gap-x-3 text-sm" aria-live="polite">
        <dt className="text-soft">loss</dt>
        <dd className="text-right font-mono">
          {before ? `${fixed(before.loss, 4)} → ` : ''}
          {fixed(now.loss, 4)}
        </dd>
        <dt className="text-soft">change</dt>
        <dd className="text-right font-mono font-semibold">
          {before ? signed(now.loss - before.loss, 4) : '–'}
        </dd>
        <dt className="text-soft">
          p({moved ? tokenizer.token(moved.token) : 'next'}) at position {position}
        </dt>
        <dd className="text-right font-mono">
          {moved ? `${percent(moved.before)} → ${percent(moved.after)}` : '–'}
        </dd>
      </dl>
    </section>
  );
}

/** The token whose probability an edit has moved most, at one position. */
function largestMove(before: Trace, now: Trace, position: number) {
  const was = before.values.row('probs', position);
  const is = now.values.row('probs', position);
  const token = steepest(is.map((p, i) => p - was[i]!));
  return { token, before: was[token]!, after: is[token]! };
}

function signed(value: number, places: number): string {
  return (value > 0 ? '+' : '') + fixed(value, places);
}
