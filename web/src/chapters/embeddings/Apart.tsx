import { useMemo } from 'react';
import { fixed, percent } from '../../figures/format.ts';
import { Panel } from '../../figures/Panel.tsx';
import { useCompute, useLoaded } from '../../store/use.ts';

/** Adding loses nothing that matters if the two parts can be told apart again. */
export function Apart() {
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
    <Panel
      title="why add them?"
      caption={
        done ? 'can the sum be separated again?' : `measuring: ${percent(soFar ?? 0, 0)} done`
      }
    >
      <p className="text-sm">
        Adding keeps the vector at {n_embd} numbers, and the matrices that follow read both parts at
        once: a matrix times a sum is the sum of two products. Little is lost as long as tokens and
        positions point in different directions. In {n_embd} dimensions this is nearly automatic:
        random directions are close to right angles. Is this still true at this step?
      </p>
      <dl className="mt-3 grid grid-cols-[1fr_auto] gap-x-4 gap-y-2 text-sm">
        <dt>mean |cosine| between a token and a position (by chance about {fixed(byChance)})</dt>
        <dd className="text-right font-mono font-semibold">
          {tell((found) => fixed(found.meanCosine))}
        </dd>
        <dt>
          of all {vocab_size} · {block_size} sums, the token recovered correctly from the sum alone
        </dt>
        <dd className="text-right font-mono font-semibold">
          {tell((found) => percent(found.tokens, 0))}
        </dd>
        <dt>the position guessed right</dt>
        <dd className="text-right font-mono font-semibold">
          {tell((found) => percent(found.positions, 0))}
        </dd>
        <dt>with both guessed at random: token, position</dt>
        <dd className="text-right font-mono">
          {percent(1 / vocab_size, 0)}, {percent(1 / block_size, 0)}
        </dd>
      </dl>
      <p className="caption mt-3">
        The method is simple: subtract the mean of all positions (or of all tokens) from the sum,
        and find the nearest row. The layers can do better. Drag the curve back to see what it was
        before training.
      </p>
    </Panel>
  );
}
