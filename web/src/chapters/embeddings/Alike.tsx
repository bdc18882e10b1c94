import { useMemo, useState } from 'react';
import { cosineOf, dotOf } from '../../engine/derived.ts';
import { cosine, dot, extremes, rowsOf, table } from '../../engine/similarity.ts';
import { rowCells } from '../../figures/Cells.tsx';
import { largest } from '../../figures/format.ts';
import { HeatMap } from '../../figures/HeatMap.tsx';
import { Num } from '../../figures/Num.tsx';
import { Choice, Panel } from '../../figures/Panel.tsx';
import { useLoaded } from '../../store/use.ts';
import { useText } from './text.tsx';

/** Which rows of wpe, or of wte, point the same way. */
export function Alike() {
  const text = useText().alike;
  const { params, tokenizer } = useLoaded();
  const { n_embd, block_size, vocab_size } = params.config;
  const [what, setWhat] = useState<'positions' | 'tokens'>('positions');
  const [measure, setMeasure] = useState<'cosine' | 'dot'>('cosine');
  const rows = useMemo(
    () => rowsOf(what === 'positions' ? params.wpe : params.wte, n_embd),
    [what, params, n_embd],
  );
  const values = useMemo(() => table(rows, measure === 'cosine' ? cosine : dot), [rows, measure]);
  const labels = useMemo(
    () =>
      what === 'positions'
        ? Array.from({ length: block_size }, (_, i) => `${i}`)
        : Array.from({ length: vocab_size }, (_, i) =>
            i === tokenizer.bos ? '·' : tokenizer.token(i),
          ),
    [what, block_size, vocab_size, tokenizer],
  );
  const fullName = (i: number) => (what === 'positions' ? text.position(i) : tokenizer.token(i));
  const { most, least } = extremes(values, rows.length);
  const pair = ({ a, b }: { a: number; b: number }) => {
    const row = (at: number) => rowCells(what === 'positions' ? 'wpe' : 'wte', at, n_embd, 'param');
    const name = `${text.measures[measure]}: ${fullName(a)}, ${fullName(b)}`;
    const of = measure === 'cosine' ? cosineOf : dotOf;
    return <Num cell={of(name, row(a), row(b))} places={2} />;
  };
  return (
    <Panel title={text.title} caption={text.rows[what]}>
      <div className="mb-4 flex flex-wrap gap-x-6 gap-y-2">
        <Choice
          label={text.compared}
          options={[
            { value: 'positions', label: text.what.positions },
            { value: 'tokens', label: text.what.tokens },
          ]}
          value={what}
          onChange={setWhat}
        />
        <Choice
          label={text.how}
          options={[
            { value: 'cosine', label: text.measures.cosine },
            { value: 'dot', label: text.measures.dot },
          ]}
          value={measure}
          onChange={setMeasure}
        />
      </div>
      <HeatMap
        name={text.pairs[measure][what]}
        values={values}
        rows={labels}
        columns={labels}
        describe={(a, b, value) => text.pair(fullName(a), fullName(b), value)}
        largest={measure === 'cosine' ? 1 : largest(values)}
      />
      <p className="mt-2 text-sm">
        {text.most(fullName(most.a), fullName(most.b), pair(most))}{' '}
        {text.least(fullName(least.a), fullName(least.b), pair(least))}
      </p>
      <p className="caption mt-1">{text.meaning[measure]}</p>
    </Panel>
  );
}
