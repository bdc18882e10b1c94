import { useMemo } from 'react';
import { measured } from '../../engine/derived.ts';
import { fixed, percent } from '../../figures/format.ts';
import { NotAsked, Num } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { useCompute, useLoaded } from '../../store/use.ts';
import { useText } from './text.tsx';

/** Adding loses nothing that matters if the two parts can be told apart again. */
export function Apart() {
  const text = useText().apart;
  const { params } = useLoaded();
  const { n_embd, vocab_size, block_size } = params.config;
  const {
    value: facts,
    soFar,
    done,
  } = useCompute(
    'apart',
    useMemo(() => ({ params }), [params]),
  );
  const tell = (of: (found: NonNullable<typeof facts>) => string) => (facts ? of(facts) : '…');
  const byChance = Math.sqrt(2 / (Math.PI * n_embd));
  return (
    <Panel title={text.title} caption={done ? text.caption : text.measuring(soFar ?? 0)}>
      <p className="text-sm">{text.intro(n_embd)}</p>
      <dl className="mt-3 grid grid-cols-[1fr_auto] gap-x-4 gap-y-2 text-sm">
        <dt>{text.cosine(<NotAsked why={text.byChance}>{fixed(byChance)}</NotAsked>)}</dt>
        <dd className="text-right font-mono font-semibold">
          {facts ? (
            <Num cell={measured(text.meanCosine, facts.meanCosine, text.how)} places={2} />
          ) : (
            '…'
          )}
        </dd>
        <dt>{text.tokens(vocab_size, block_size)}</dt>
        <dd className="text-right font-mono font-semibold">
          {tell((found) => percent(found.tokens, 0))}
        </dd>
        <dt>{text.positions}</dt>
        <dd className="text-right font-mono font-semibold">
          {tell((found) => percent(found.positions, 0))}
        </dd>
        <dt>{text.random}</dt>
        <dd className="text-right font-mono">
          {percent(1 / vocab_size, 0)}, {percent(1 / block_size, 0)}
        </dd>
      </dl>
      <p className="caption mt-3">{text.method}</p>
    </Panel>
  );
}
