import { useMemo, useState } from 'react';
import { nearest, rowsOf, swappedPair } from '../../engine/similarity.ts';
import type { Tokenizer } from '../../engine/tokenizer.ts';
import { CodePanel } from '../../figures/CodePanel.tsx';
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
import { useText } from './text.tsx';

const FORWARD = definition('def forward');
const CODE = [definition('def rmsnorm'), definition('def add'), FORWARD];
const LIT = [
  line('def forward', 'tok_emb = '),
  line('def forward', 'pos_emb = '),
  line('def forward', 'emb_norm'),
];

/** From an id to a vector that knows its token and its place. */
export default function Embeddings() {
  const text = useText();
  const { params, trace, tokenizer, run } = useLoaded();
  const running = useExplorer((s) => s.document);
  const position = useExplorer((s) => s.position);
  const [token, setToken] = useState<number | null>(null);
  const { n_embd, block_size } = run.model;
  const pair = useMemo(
    () => (block_size > 3 ? swappedPair(tokenizer.chars, running) : null),
    [block_size, tokenizer, running],
  );
  const letter = trace.values.tokens[1] ?? 0;
  const name = tokenizer.token(letter);
  const closest = useMemo(
    () => nearest(rowsOf(params.wte, n_embd), letter)[0]!,
    [params, n_embd, letter],
  );
  const first = (row: string) => trace.values.row(row, position)[0]!;
  const sum = first('emb_sum');
  const follow = token ?? trace.values.tokens[position]!;

  return (
    <div className="mt-4 space-y-6">
      <p className="prose">{text.intro(tokenizer.token(0), tokenizer.token(1), n_embd)}</p>

      <Sum token={token} onToken={setToken} />

      <TokenMap token={follow} onPick={setToken} />

      {pair && <Order pair={pair} />}

      <div className="columns-of-two">
        <Alike />
        <div className="min-w-0 space-y-6">
          <Apart />
          <Panel title={text.checks}>
            <Check
              id="embeddings sum"
              question={text.sumCheck.question(position, running)}
              expect={{ number: sum, places: 2 }}
              hints={text.sumCheck.hints}
              explain={text.sumCheck.explain(first('tok_emb'), first('pos_emb'), sum)}
            />
            <Check
              id={`embeddings nearest ${name}`}
              question={text.nearestCheck.question(name, n_embd)}
              expect={tokenNamed(tokenizer, closest.row)}
              hints={text.nearestCheck.hints(name)}
              explain={text.nearestCheck.explain(tokenizer.token(closest.row), closest.cosine)}
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
