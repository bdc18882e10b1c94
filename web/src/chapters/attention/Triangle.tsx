import { scoreOf, type Ways } from '../../engine/bothWays.ts';
import type { Cell } from '../../engine/expression.ts';
import { excerpt, excerptNote } from '../../figures/excerpt.ts';
import { fixed, largest } from '../../figures/format.ts';
import { Num, tabStop } from '../../figures/Num.tsx';
import { moveInGrid } from '../../figures/roving.ts';
import { setPosition } from '../../store/explorer.ts';
import { useExplorer, useLoaded } from '../../store/use.ts';

/**
 * One head's rows, a query each. What lies above the diagonal does not exist: hatched. Beside the
 * textbook's matrix, it is what was computed there and thrown away.
 */
export function Triangle(props: {
  layer: number;
  head: number;
  of: 'attn_weights' | 'attn_scores';
  masked: Ways | null;
}) {
  const { trace, tokenizer } = useLoaded();
  const position = useExplorer((s) => s.position);
  const selected = useExplorer((s) => s.selected);
  const { values } = trace;
  const { layer, head, of, masked } = props;
  const n = values.length;
  const name = `layer${layer}.${of}`;
  const [from, to] = excerpt(n, position);
  const shown = Array.from({ length: to - from }, (_, i) => from + i);
  const token = (t: number) => tokenizer.token(values.tokens[t]!);
  const cells = shown.map((row) =>
    Array.from({ length: row - from + 1 }, (_, i): Cell => {
      return { kind: 'value', name, row, column: from + i, head };
    }),
  );
  const most =
    of === 'attn_weights'
      ? 1
      : Math.max(...shown.map((row) => largest(values.row(name, row, head))));
  const stop = tabStop(cells, selected, `${position - from},0`);
  const what = of === 'attn_weights' ? 'share' : 'score';
  return (
    <div className="overflow-x-auto p-1">
      <div
        role="group"
        aria-label={`${what}s of head ${head}`}
        className="grid w-max gap-[3px]"
        style={{ gridTemplateColumns: `auto repeat(${to - from}, 2.6rem)` }}
        onKeyDown={moveInGrid}
      >
        <span className="caption self-end pr-2 text-right !text-[0.7rem]">query ↓ key →</span>
        {shown.map((s) => (
          <span
            key={s}
            className={`text-center text-sm font-bold leading-6 ${token(s) === 'BOS' ? '!text-[0.7rem]' : ''}`}
          >
            {token(s)}
          </span>
        ))}
        {shown.map((t, r) => (
          <Row
            key={t}
            token={token(t)}
            position={t}
            current={t === position}
            future={masked ? 0 : to - t - 1}
          >
            {cells[r]!.map((cell, c) => (
              <Num
                key={c}
                cell={cell}
                largest={most}
                at={`${r},${c}`}
                stop={stop === `${r},${c}`}
                places={2}
                className="!w-full"
              />
            ))}
            {masked &&
              shown
                .slice(r + 1)
                .map((s) => (
                  <Masked
                    key={`masked ${s}`}
                    score={
                      of === 'attn_scores'
                        ? scoreOf(masked, masked.scores[layer], head, t, s)
                        : null
                    }
                  />
                ))}
          </Row>
        ))}
      </div>
      <p className="caption">{excerptNote(n, position)}</p>
    </div>
  );
}

function Row(props: {
  token: string;
  position: number;
  current: boolean;
  future: number;
  children: React.ReactNode;
}) {
  const { token, position, current, future } = props;
  return (
    <>
      <button
        type="button"
        tabIndex={-1}
        className={`min-w-14 px-2 text-right text-sm font-bold ${current ? 'bg-yellow text-[#121212]' : 'hover:bg-bg'}`}
        aria-label={`go to position ${position}, ${token}`}
        aria-current={current}
        onClick={() => setPosition(position)}
      >
        {token}
      </button>
      {props.children}
      {future > 0 && (
        <span
          className="hatched border border-hair"
          style={{ gridColumn: `span ${future}` }}
          aria-hidden="true"
        />
      )}
    </>
  );
}

/** Above the diagonal of the textbook's matrix. */
function Masked({ score }: { score: number | null }) {
  return score === null ? (
    <span className="cell hatched !w-full leading-7 text-soft">0</span>
  ) : (
    <del className="cell hatched !w-full leading-7 text-soft">{fixed(score, 2)}</del>
  );
}
