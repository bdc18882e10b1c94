import type { Params } from '../../engine/params.ts';
import { count, percent } from '../../figures/format.ts';
import { NotAsked } from '../../figures/Num.tsx';
import { parts } from './statistics.ts';

const LOOK = {
  embeddings: { colour: 'var(--yellow)', what: 'wte, wpe: the input' },
  attention: { colour: 'var(--blue)', what: 'wq, wk, wv, wo: look at earlier positions' },
  MLP: { colour: 'var(--red)', what: 'fc1, fc2: widen fourfold and come back' },
  lm_head: { colour: 'var(--ink)', what: 'a score for each token' },
} as const;

/** Where the parameters are: one bar, its parts in proportion. */
export function Shares({ params }: { params: Params }) {
  const total = params.data.length;
  const list = parts(params);
  return (
    <>
      <div className="flex h-12 border-3 border-line" aria-hidden="true">
        {list.map(({ title, count: n }) => (
          <div
            key={title}
            className="border-r-3 border-line last:border-r-0"
            style={{ width: `${(100 * n) / total}%`, background: LOOK[title].colour }}
          />
        ))}
      </div>
      <ul className="mt-3 space-y-1.5 text-sm">
        {list.map(({ title, count: n }) => (
          <li key={title} className="grid grid-cols-[1rem_1fr_auto] items-center gap-2">
            <span
              className="h-4 w-4 border-2 border-line"
              style={{ background: LOOK[title].colour }}
            />
            <span>
              <b>{title}</b> <span className="text-soft">{LOOK[title].what}</span>
            </span>
            <span className="font-mono">
              {count(n)} ·{' '}
              <NotAsked why="a count, not a number of the model">{percent(n / total)}</NotAsked>
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
