import { useMemo } from 'react';
import { differenceOf, measured } from '../../engine/derived.ts';
import { type Trace, trace } from '../../engine/model.ts';
import { label } from '../../engine/provenance.ts';
import { MEAN_LOSS, probability } from '../../figures/Cells.tsx';
import { percent, signed } from '../../figures/format.ts';
import { NotAsked, Num } from '../../figures/Num.tsx';
import { clearEdits, editWeight, paramsAt, select } from '../../store/explorer.ts';
import { useExplorer, useLoaded } from '../../store/use.ts';
import { steepest } from './statistics.ts';

const WITHOUT = 'a forward pass with the weights as they were trained';

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
  const unedited = before && measured('mean loss before the edit', before.loss, WITHOUT);
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
          <NotAsked why="the size of the edit">−0.5</NotAsked>
        </button>
        <button type="button" className="btn" disabled={!chosen} onClick={() => nudge(0.5)}>
          <NotAsked why="the size of the edit">+0.5</NotAsked>
        </button>
        <button type="button" className="btn" disabled={edits.size === 0} onClick={clearEdits}>
          undo
        </button>
      </div>
      <p className="caption mt-2 h-5 truncate font-mono">
        {chosen ? (
          <>
            {label(chosen)} = <Num cell={chosen} places={4} />
          </>
        ) : (
          'no weight is selected yet'
        )}
      </p>
      <dl className="mt-2 grid grid-cols-[auto_1fr] gap-x-3 text-sm" aria-live="polite">
        <dt className="text-soft">loss</dt>
        <dd className="text-right font-mono">
          {unedited && (
            <>
              <Num cell={unedited} places={4} /> →{' '}
            </>
          )}
          <Num cell={MEAN_LOSS} places={4} />
        </dd>
        <dt className="text-soft">change</dt>
        <dd className="text-right font-mono font-semibold">
          {unedited ? (
            <Num cell={differenceOf('change of the loss', MEAN_LOSS, unedited)} write={signed} />
          ) : (
            '–'
          )}
        </dd>
        <dt className="text-soft">
          p({moved ? tokenizer.token(moved.token) : 'next'}) at position {position}
        </dt>
        <dd className="text-right font-mono">
          {moved ? (
            <>
              <Num
                cell={measured(
                  `probability of token ${moved.token} before the edit`,
                  moved.before,
                  WITHOUT,
                )}
                write={percent}
              />{' '}
              → <Num cell={probability(position, moved.token)} write={percent} />
            </>
          ) : (
            '–'
          )}
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
