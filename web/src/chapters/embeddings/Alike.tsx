import { useMemo, useState } from 'react';
import { cosine, dot, extremes, rowsOf, table } from '../../engine/similarity.ts';
import { fixed, largest } from '../../figures/format.ts';
import { HeatMap } from '../../figures/HeatMap.tsx';
import { Choice, Panel } from '../../figures/Panel.tsx';
import { useLoaded } from '../../store/use.ts';

/** Which rows of wpe, or of wte, point the same way. */
export function Alike() {
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
  const fullName = (i: number) => (what === 'positions' ? `position ${i}` : tokenizer.token(i));
  const { most, least } = extremes(values, rows.length);
  return (
    <Panel title="which are alike?" caption={what === 'positions' ? 'rows of wpe' : 'rows of wte'}>
      <div className="mb-4 flex flex-wrap gap-x-6 gap-y-2">
        <Choice
          label="What is compared"
          options={[
            { value: 'positions', label: 'positions' },
            { value: 'tokens', label: 'tokens' },
          ]}
          value={what}
          onChange={setWhat}
        />
        <Choice
          label="How it is compared"
          options={[
            { value: 'cosine', label: 'cosine' },
            { value: 'dot', label: 'dot product' },
          ]}
          value={measure}
          onChange={setMeasure}
        />
      </div>
      <HeatMap
        name={`${measure === 'cosine' ? 'Cosine' : 'Dot product'} of all pairs of ${what}`}
        values={values}
        rows={labels}
        columns={labels}
        describe={(a, b, value) => `${fullName(a)} and ${fullName(b)}: ${fixed(value, 3)}`}
        largest={measure === 'cosine' ? 1 : largest(values)}
      />
      <p className="mt-2 text-sm">
        Most alike: <b>{fullName(most.a)}</b> and <b>{fullName(most.b)}</b> ({fixed(most.value)}).
        Most opposed: <b>{fullName(least.a)}</b> and <b>{fullName(least.b)}</b> (
        {fixed(least.value)}).
      </p>
      <p className="caption mt-1">
        {measure === 'cosine'
          ? 'Blue: the same direction; red: opposite ones; the diagonal is each with itself, 1.'
          : 'The dot product counts their lengths, too; it is what attention works with.'}
      </p>
    </Panel>
  );
}
