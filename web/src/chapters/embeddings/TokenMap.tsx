import { useMemo, useRef, useState } from 'react';
import { cosineOf, measured } from '../../engine/derived.ts';
import { nearest, rowsOf } from '../../engine/similarity.ts';
import { rowCells } from '../../figures/Cells.tsx';
import { CATEGORIES, type Category, categoryOf } from '../../figures/categories.ts';
import { percent } from '../../figures/format.ts';
import { Num } from '../../figures/Num.tsx';
import { Choice, Panel } from '../../figures/Panel.tsx';
import { extent, type Point } from '../../figures/plot.ts';
import { linear } from '../../figures/scale.ts';
import { useLoaded } from '../../store/use.ts';
import { principalPlane, turnedTowards } from './pca.ts';
import { useText } from './text.tsx';

const NEAR = 3;
const EDGE = 6; // percent of the side that stay free

/** The tokens as points in a plane: which ones has training moved together? */
export function TokenMap(props: { token: number; onPick: (token: number) => void }) {
  const text = useText().map;
  const { loaded, params, tokenizer } = useLoaded();
  const { vocab_size, n_embd } = params.config;
  const [fit, setFit] = useState<'end' | 'now'>('end');
  const [pointed, setPointed] = useState<number | null>(null);
  const group = useRef<HTMLDivElement>(null);
  const end = useMemo(
    () => principalPlane(loaded.final.wte, vocab_size, n_embd),
    [loaded, vocab_size, n_embd],
  );
  const plane = useMemo(() => {
    const now = principalPlane(params.wte, vocab_size, n_embd);
    return { ...now, points: turnedTowards(now.points, end.points) };
  }, [params, end, vocab_size, n_embd]);
  const frame = frameOf(fit === 'end' ? [...plane.points, ...end.points] : plane.points);
  const across = linear(frame.x, [EDGE, 100 - EDGE]);
  const up = linear(frame.y, [100 - EDGE, EDGE]);
  const place = ([x, y]: Point): Point => [across(x), up(y)];
  const places = plane.points.map(place);
  const middle = place([0, 0]);
  const shown = Math.min(pointed ?? props.token, vocab_size - 1);
  const rows = useMemo(() => rowsOf(params.wte, n_embd), [params, n_embd]);
  const near = useMemo(() => nearest(rows, shown).slice(0, NEAR), [rows, shown]);
  const kinds = [...new Set(tokenizer.chars.map(categoryOf))];
  const [first, second] = plane.explained;

  const move = (event: React.KeyboardEvent) => {
    const next = neighbourOf(places, shown, event.key);
    if (next === null) return;
    event.preventDefault();
    group.current?.querySelector<HTMLElement>(`[data-token="${next}"]`)?.focus();
  };
  const wte = (row: number) => rowCells('wte', row, n_embd, 'param');
  const cosineTo = (row: number) =>
    cosineOf(text.pair(tokenizer.token(shown), tokenizer.token(row)), wte(shown), wte(row));
  const variance = (axis: string, share: number) => (
    <Num cell={measured(text.variance(axis), share, text.how)} write={percent} />
  );
  return (
    <Panel title={text.title} caption={text.caption(n_embd, first + second)}>
      <div className="@container">
        <div className="grid grid-cols-[minmax(0,1fr)] gap-5 @3xl:grid-cols-[minmax(0,34rem)_minmax(0,1fr)]">
          <div className="mx-auto w-full max-w-[34rem] p-3">
            <div
              ref={group}
              role="group"
              aria-label={text.name}
              className="relative aspect-square border-2 border-hair"
              onKeyDown={move}
              onPointerLeave={() => setPointed(null)}
            >
              <svg
                viewBox="0 0 100 100"
                className="absolute inset-0 h-full w-full"
                aria-hidden="true"
                preserveAspectRatio="none"
              >
                <title>{text.lines}</title>
                <path
                  d={`M${middle[0]} 0V100M0 ${middle[1]}H100`}
                  stroke="var(--hair)"
                  strokeWidth="1"
                  vectorEffect="non-scaling-stroke"
                />
                {near.map(({ row }) => (
                  <path
                    key={row}
                    d={`M${places[shown]!.join(' ')}L${places[row]!.join(' ')}`}
                    stroke="var(--ink)"
                    strokeWidth="2"
                    vectorEffect="non-scaling-stroke"
                  />
                ))}
              </svg>
              {places.map(([left, top], token) => {
                const kind = kindOf(tokenizer.chars[token]);
                const on = token === shown;
                return (
                  <button
                    key={token}
                    type="button"
                    data-token={token}
                    tabIndex={on ? 0 : -1}
                    aria-pressed={token === props.token}
                    aria-label={text.token(
                      tokenizer.token(token),
                      kind ? CATEGORIES[kind].title : text.bothEnds,
                    )}
                    className={`absolute grid h-6 min-w-6 -translate-x-1/2 -translate-y-1/2 place-items-center border-[2.5px] px-0.5 text-[0.8125rem] font-bold leading-none ${on ? 'z-[2] bg-yellow text-[#121212]' : 'bg-panel text-ink'}`}
                    style={{
                      left: `${left.toFixed(2)}%`,
                      top: `${top.toFixed(2)}%`,
                      borderColor: kind ? CATEGORIES[kind].colour : 'var(--ink)',
                      borderRadius: isRound(kind) ? '50%' : 0,
                    }}
                    onPointerEnter={() => setPointed(token)}
                    onFocus={() => setPointed(token)}
                    onBlur={() => setPointed(null)}
                    onClick={() => props.onPick(token)}
                  >
                    {token === tokenizer.bos ? (
                      <span className="text-[0.625rem]">BOS</span>
                    ) : (
                      tokenizer.token(token)
                    )}
                  </button>
                );
              })}
            </div>
          </div>
          <div className="min-w-0 space-y-4">
            <div className="min-h-24 border-l-8 border-yellow pl-3" aria-live="polite">
              <p className="text-sm text-soft">{text.nearest(tokenizer.token(shown), n_embd)}</p>
              <ol className="mt-1 flex flex-wrap gap-x-5">
                {near.map(({ row }) => (
                  <li key={row}>
                    <b className="text-lg">{tokenizer.token(row)}</b>{' '}
                    <Num cell={cosineTo(row)} places={2} className="font-mono text-sm" />
                  </li>
                ))}
              </ol>
              <p className="caption">{text.cosine}</p>
            </div>
            <ul className="space-y-1 text-sm" aria-label={text.legend}>
              {kinds.map((kind) => (
                <li key={kind} className="flex items-center gap-2">
                  <span
                    className="inline-block h-4 w-4 border-[3px]"
                    style={{
                      borderColor: CATEGORIES[kind].colour,
                      borderRadius: isRound(kind) ? '50%' : 0,
                    }}
                  />
                  {CATEGORIES[kind].title}
                </li>
              ))}
            </ul>
            <Choice
              label={text.scale}
              options={[
                { value: 'end', label: text.end },
                { value: 'now', label: text.now },
              ]}
              value={fit}
              onChange={setFit}
            />
            <p className="caption max-w-[62ch]">
              {text.plane(
                vocab_size,
                variance('1', first),
                variance('2', second),
                variance('3…', Math.max(0, 1 - first - second)),
              )}
            </p>
            <p className="caption max-w-[62ch]">{text.colours}</p>
          </div>
        </div>
      </div>
    </Panel>
  );
}

function kindOf(char: string | undefined): Category | null {
  return char === undefined ? null : categoryOf(char);
}

function isRound(kind: Category | null): boolean {
  return kind === 'vowel' || kind === 'matra';
}

/** The square around points: what its sides span. */
function frameOf(points: readonly Point[]) {
  const [left, right] = extent(points.map(([x]) => x));
  const [low, high] = extent(points.map(([, y]) => y));
  const half = Math.max(right - left, high - low) / 2 || 1;
  const around = (middle: number) => [middle - half, middle + half] as const;
  return { x: around((left + right) / 2), y: around((low + high) / 2) };
}

/** The token that way: near, and more ahead than aside. */
function neighbourOf(places: readonly Point[], from: number, key: string): number | null {
  if (key === 'Home') return 0;
  if (key === 'End') return places.length - 1;
  const ways: Record<string, Point> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };
  const way = ways[key];
  if (!way) return null;
  const [x, y] = places[from]!;
  let best: number | null = null;
  let shortest = Number.POSITIVE_INFINITY;
  places.forEach(([px, py], token) => {
    const ahead = (px - x) * way[0] + (py - y) * way[1];
    const aside = Math.abs((px - x) * way[1]) + Math.abs((py - y) * way[0]);
    const distance = ahead + 2 * aside;
    if (token !== from && ahead > 0 && distance < shortest) {
      shortest = distance;
      best = token;
    }
  });
  return best;
}
