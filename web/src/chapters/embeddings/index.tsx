import { useMemo, useState } from 'react';
import { nearest, rowsOf, swappedPair } from '../../engine/similarity.ts';
import type { Tokenizer } from '../../engine/tokenizer.ts';
import { CodePanel } from '../../figures/CodePanel.tsx';
import { fixed } from '../../figures/format.ts';
import type { Expected } from '../../figures/judge.ts';
import { Panel } from '../../figures/Panel.tsx';
import { Check } from '../../figures/Quiz.tsx';
import { definition, line } from '../../figures/source.ts';
import { useExplorer, useLoaded } from '../../store/use.ts';
import { Alike } from './Alike.tsx';
import { Apart } from './Apart.tsx';
import { Order } from './Order.tsx';
import { Sum } from './Sum.tsx';
import { TokenMap } from './TokenMap.tsx';

const FORWARD = definition('def forward');
const CODE = [definition('def rmsnorm'), definition('def add'), FORWARD];
const LIT = [
  line('def forward', 'tok_emb = '),
  line('def forward', 'pos_emb = '),
  line('def forward', 'emb_norm'),
];

/** From an id to a vector that knows its token and its place. */
export default function Embeddings() {
  const { params, trace, tokenizer, run } = useLoaded();
  const running = useExplorer((s) => s.document);
  const position = useExplorer((s) => s.position);
  const [token, setToken] = useState<number | null>(null);
  const { n_embd, block_size } = run.model;
  const pair = useMemo(
    () => (block_size > 3 ? swappedPair(tokenizer.chars, running) : null),
    [block_size, tokenizer, running],
  );
  const first = trace.values.tokens[1] ?? 0;
  const closest = useMemo(
    () => nearest(rowsOf(params.wte, n_embd), first)[0]!,
    [params, n_embd, first],
  );
  const sum = trace.values.row('emb_sum', position)[0]!;
  const follow = token ?? trace.values.tokens[position]!;

  return (
    <div className="mt-4 space-y-6">
      <p className="prose">
        An id is only a position in a list: that <b>{tokenizer.token(0)}</b> is 0 and{' '}
        <b>{tokenizer.token(1)}</b> is 1 says nothing about them. So each token has a row of{' '}
        {n_embd} numbers in wte, and each position has one in wpe. The model looks up both and{' '}
        <b>adds</b> them. From here on the model works only with vectors, not with characters.
      </p>

      <Sum token={token} onToken={setToken} />

      <TokenMap token={follow} onPick={setToken} />

      {pair && <Order pair={pair} />}

      <div className="columns-of-two">
        <Alike />
        <div className="min-w-0 space-y-6">
          <Apart />
          <Panel title="check yourself">
            <Check
              id="embeddings sum"
              question={`emb_sum[${position}][0] of ${running}: add the first number of wte and of wpe. Round to two decimals.`}
              expect={{ number: sum, places: 2 }}
              hints={[
                'Both numbers stand above, where the running document is followed.',
                'Add the first number of the token’s row in wte to the first number of the position’s row in wpe, and check the signs.',
              ]}
              explain={`${fixed(trace.values.row('tok_emb', position)[0]!, 4)} and ${fixed(trace.values.row('pos_emb', position)[0]!, 4)} make ${fixed(sum, 4)}.`}
            />
            <Check
              id={`embeddings nearest ${tokenizer.token(first)}`}
              question={`Which token lies nearest to ${tokenizer.token(first)} in all ${n_embd} dimensions?`}
              expect={tokenNamed(tokenizer, closest.row)}
              hints={[
                'The map shows only two dimensions; the list next to it uses all of them.',
                `Point at ${tokenizer.token(first)} on the map and read the first neighbour in the list.`,
              ]}
              explain={`${tokenizer.token(closest.row)}, with a cosine of ${fixed(closest.cosine)}.`}
            />
          </Panel>
        </div>
      </div>

      <CodePanel show={CODE} lit={LIT} />
    </div>
  );
}

/** One token of the vocabulary, as the page shows it or as the character itself. */
function tokenNamed(tokenizer: Tokenizer, id: number): Expected {
  const spellings = (of: number) =>
    [tokenizer.token(of), tokenizer.chars[of] ?? ''].filter(Boolean);
  const others = [...tokenizer.chars.keys(), tokenizer.bos].filter((other) => other !== id);
  return { names: spellings(id), others: others.flatMap(spellings) };
}
