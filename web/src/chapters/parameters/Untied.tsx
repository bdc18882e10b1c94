import { useMemo, useState } from 'react';
import { measured } from '../../engine/derived.ts';
import { lossOf } from '../../engine/model.ts';
import { Bars } from '../../figures/Bars.tsx';
import { MEAN_LOSS } from '../../figures/Cells.tsx';
import { count, percent } from '../../figures/format.ts';
import { NotAsked, Num } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { useExplorer, useLoaded } from '../../store/use.ts';
import { correlation } from './statistics.ts';

/** wte and lm_head have the same shape. Are they the same? Lay one over the other. */
export function Untied() {
  const { params, trace } = useLoaded();
  const running = useExplorer((s) => s.document);
  const [laid, setLaid] = useState(false);
  const { vocab_size, n_embd } = params.config;
  const alike = useMemo(
    () =>
      measured(
        'correlation of wte and lm_head',
        correlation(params.wte, params.lm_head),
        'Pearson’s correlation of all their numbers, pair by pair',
      ),
    [params],
  );
  const rows = useMemo(
    () =>
      Array.from({ length: vocab_size }, (_, token) => {
        const part = (tensor: Float64Array) =>
          tensor.subarray(token * n_embd, (token + 1) * n_embd);
        return correlation(part(params.wte), part(params.lm_head));
      }),
    [params, vocab_size, n_embd],
  );
  const tied = useMemo(() => {
    const copy = params.copy();
    copy.lm_head.set(copy.wte);
    return measured(
      'mean loss with wte as lm_head',
      lossOf(copy, trace.document, trace.interventions),
      'a forward pass with the rows of wte in the place of those of lm_head',
    );
  }, [params, trace]);
  const saved = vocab_size * n_embd;
  return (
    <Panel title="lm_head is not tied to wte" caption={`both ${vocab_size} × ${n_embd}`}>
      <p className="text-sm">
        <b className="font-mono">wte</b> turns a token into a vector, on the way in.{' '}
        <b className="font-mono">lm_head</b> turns a vector into a score for each token, on the way
        out. Some models use one matrix for both; it would save {count(saved)} parameters here,{' '}
        <NotAsked why="a count, not a number of the model">
          {percent(saved / params.data.length)}
        </NotAsked>
        . This one learns two.
      </p>
      <p className="mt-3 text-sm">
        Correlation of their {count(saved)} pairs of numbers:{' '}
        <Num cell={alike} places={2} className="font-bold" />. Row by row, a bar for each token, 1
        at the top:
      </p>
      <div className="mt-2">
        <Bars values={rows} largest={1} name="Correlation of wte and lm_head, token by token" />
      </div>
      <div className="mt-3 flex flex-wrap items-center gap-3">
        <button
          type="button"
          className="btn"
          aria-pressed={laid}
          onClick={() => setLaid((before) => !before)}
        >
          use wte as lm_head
        </button>
        <p className="text-sm" aria-live="polite">
          loss of <b>{running}</b>:{' '}
          {laid ? (
            <>
              <Num cell={tied} places={4} className="font-mono font-bold" /> instead of{' '}
              <Num cell={MEAN_LOSS} places={4} />
            </>
          ) : (
            <Num cell={MEAN_LOSS} places={4} className="font-mono font-bold" />
          )}
        </p>
      </div>
      <p className="caption mt-2">Only this line of the page uses it; the model does not change.</p>
    </Panel>
  );
}
