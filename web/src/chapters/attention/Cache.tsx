import { headDim } from '../../engine/config.ts';
import type { Cell } from '../../engine/expression.ts';
import { count, percent } from '../../figures/format.ts';
import { largestOf, Num, tabStop } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { moveInGrid } from '../../figures/roving.ts';
import { setPosition } from '../../store/explorer.ts';
import { useScene } from '../../store/scene.ts';
import { useExplorer, useLoaded } from '../../store/use.ts';

const MOST_KEYS = 12; // rows of the cache; of more the earlier ones are summed up
const MOST_SHOWN = 8; // numbers of a head; wider ones are cut

/** One query against the keys so far: the cache grows by a row a position. */
export function Cache() {
  const { trace, tokenizer } = useLoaded();
  const position = useExplorer((s) => s.position);
  const layer = useExplorer((s) => s.layer);
  const head = useExplorer((s) => s.head);
  const selected = useExplorer((s) => s.selected);
  const scene = useScene();
  const { values, config } = trace;
  const dim = headDim(config);
  const shown = Math.min(dim, MOST_SHOWN);
  const l = (name: string) => `layer${layer}.${name}`;
  const token = (t: number) => tokenizer.token(values.tokens[t]!);
  const n = values.length;
  const earlier = Math.max(0, position + 1 - MOST_KEYS);
  const past = Array.from({ length: position + 1 - earlier }, (_, i) => earlier + i);

  const part = (name: string, row: number): Cell[] =>
    Array.from({ length: shown }, (_, j) => {
      return { kind: 'value', name: l(name), row, column: head * dim + j, head: 0 };
    });
  const link = (name: string, s: number): Cell => {
    return { kind: 'value', name: l(name), row: position, column: s, head };
  };
  const grid = [
    part('q', position),
    ...past.map((s) => [
      ...part('k', s),
      link('attn_scores', s),
      link('attn_weights', s),
      ...part('v', s),
    ]),
    part('attn_out', position),
  ];
  const scale = (cells: readonly Cell[]) => largestOf(scene, cells);
  const of = {
    q: scale(grid[0]!),
    k: scale(past.flatMap((s) => part('k', s))),
    v: scale(past.flatMap((s) => part('v', s))),
    scores: scale(past.map((s) => link('attn_scores', s))),
    out: scale(grid.at(-1)!),
  };
  const before = values
    .row(l('attn_weights'), position, head)
    .subarray(0, earlier)
    .reduce((sum, share) => sum + share, 0);
  const stop = tabStop(grid, selected);
  const cell = (r: number, c: number, most: number) => (
    <Num
      key={c}
      cell={grid[r]![c]!}
      largest={most}
      at={`${r},${c}`}
      stop={stop === `${r},${c}`}
      places={2}
    />
  );
  const group = (r: number, from: number, most: number) => (
    <div className="flex gap-[3px]">
      {Array.from({ length: shown }, (_, j) => cell(r, from + j, most))}
    </div>
  );
  const muted = trace.plan.mutedHeads[layer]![head];
  return (
    <Panel
      title={`position ${position} looks back, head ${head}`}
      caption={`the cache has ${position + 1} of ${n} rows`}
    >
      <div className="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2">
        <div role="group" aria-label="Reading" className="flex gap-1" onKeyDown={moveInGrid}>
          <button
            type="button"
            data-at="0,0"
            tabIndex={position === n - 1 ? 0 : -1}
            className="btn"
            disabled={position === 0}
            onClick={() => setPosition(position - 1)}
          >
            <span aria-hidden="true">←</span> back
          </button>
          <button
            type="button"
            data-at="0,1"
            tabIndex={position === n - 1 ? -1 : 0}
            className="btn btn-red"
            disabled={position === n - 1}
            onClick={() => setPosition(position + 1)}
          >
            next token <span aria-hidden="true">→</span>
          </button>
        </div>
        <p className="caption max-w-[62ch]" aria-live="polite">
          {token(position)} has been read: its k and v are a new row. Its q is used now and never
          again, so only k and v are kept.
          {dim > shown ? ` The first ${shown} of ${dim} numbers of the head are shown.` : ''}
        </p>
      </div>
      <div className="overflow-x-auto p-1">
        <div
          role="group"
          aria-label={`Query of position ${position} and the cache of head ${head}`}
          className="grid w-max grid-cols-[auto_auto_auto_auto_auto] items-center gap-x-2.5 gap-y-[3px] text-sm"
          onKeyDown={moveInGrid}
        >
          <span className="text-right font-bold">q</span>
          {group(0, 0, of.q)}
          <span className="caption col-span-3">
            what {token(position)} asks, in {dim} numbers
          </span>

          <span />
          <b className="border-b-2 border-line">k: what each offers</b>
          <b className="border-b-2 border-line">score</b>
          <b className="border-b-2 border-line">share</b>
          <b className="border-b-2 border-line">v: what each gives</b>
          {earlier > 0 && (
            <>
              <span className="caption text-right">0–{earlier - 1}</span>
              <span className="caption col-span-4 border border-hair px-2 leading-7">
                {earlier} earlier rows, together a share of {percent(before)}
              </span>
            </>
          )}
          {past.map((s, i) => (
            <CacheRow key={s} token={token(s)} fresh={s === position}>
              {group(i + 1, 0, of.k)}
              {cell(i + 1, shown, of.scores)}
              <div className="flex items-center gap-1">
                {cell(i + 1, shown + 1, 1)}
                <span
                  className="block h-3 w-9 border border-hair"
                  style={{
                    background: `linear-gradient(to right, var(--yellow) ${100 * values.get(l('attn_weights'), position, s, head)}%, transparent 0)`,
                  }}
                  aria-hidden="true"
                />
              </div>
              {group(i + 1, shown + 2, of.v)}
            </CacheRow>
          ))}
          {position < n - 1 && (
            <>
              <span className="caption text-right">
                {n - 1 - position === 1 ? token(n - 1) : `${n - 1 - position} more`}
              </span>
              <span className="caption hatched col-span-4 border border-hair px-2 leading-7">
                <span className="bg-panel px-1">not read yet: no k, no v, nothing to mask</span>
              </span>
            </>
          )}
          <span className="col-span-5 mt-1 border-t-2 border-line" />
          <span className="text-right font-bold">out</span>
          <span className="caption col-span-3 text-right">
            {muted ? 'this head is muted' : 'Σ share · v: what this head brings back'}
          </span>
          {group(past.length + 1, 0, of.out)}
        </div>
      </div>
      <p className="caption mt-3 max-w-[80ch]">
        With the cache, all {n} positions take {n} rows of k and v. Without it, each position would
        compute the rows of all earlier positions again: {count((n * (n + 1)) / 2)}. In training the
        whole document is known, so all rows are computed only once anyway; the cache saves work
        when text is generated token by token.
      </p>
    </Panel>
  );
}

function CacheRow(props: { token: string; fresh: boolean; children: React.ReactNode }) {
  return (
    <>
      <span
        className={`min-w-10 px-1 text-right font-bold leading-7 ${props.fresh ? 'bg-yellow text-[#121212]' : ''}`}
      >
        {props.token}
      </span>
      {props.children}
    </>
  );
}
