import { useMemo, useState } from 'react';
import { measured, rmsOf } from '../../engine/derived.ts';
import { trace as read } from '../../engine/model.ts';
import { documentWith, length } from '../../engine/similarity.ts';
import { rowCells } from '../../figures/Cells.tsx';
import { largest } from '../../figures/format.ts';
import { Num } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { useExplorer, useLoaded } from '../../store/use.ts';
import { useText } from './text.tsx';
import { Vectors } from './Vectors.tsx';

/** The vector of a token and the one of a position, their sum, and the sum scaled. */
export function Sum(props: { token: number | null; onToken: (token: number | null) => void }) {
  const text = useText().sum;
  const { params, trace, tokenizer } = useLoaded();
  const cursor = useExplorer((s) => s.position);
  const running = useExplorer((s) => s.document);
  const [picked, setPicked] = useState<number | null>(null);
  const { config } = params;
  const { n_embd, vocab_size, block_size } = config;
  const position = Math.min(picked ?? cursor, block_size - 1);
  const here = trace.values.tokens[Math.min(position, trace.values.length - 1)]!;
  const token = Math.min(props.token ?? here, vocab_size - 1);
  const inDocument = position < trace.values.length && trace.values.tokens[position] === token;
  const shown = useMemo(
    () =>
      inDocument
        ? trace
        : read(params, documentWith(config, token, position, trace.document), trace.interventions),
    [inDocument, trace, params, config, token, position],
  );
  const row = (name: string) => shown.values.row(name, position);
  const [tok, pos, sum, norm] = [row('tok_emb'), row('pos_emb'), row('emb_sum'), row('emb_norm')];
  const widest = Math.max(largest(tok), largest(pos), largest(sum));
  const cells = (name: string) => (inDocument ? rowCells(name, position, n_embd) : null);
  const rms = (name: string, vector: ArrayLike<number>) => {
    const own = cells(name);
    const called = text.size(`${name}[${position}]`);
    const cell = own
      ? rmsOf(called, own)
      : measured(called, length(vector) / Math.sqrt(n_embd), text.elsewhereNote);
    return text.rms(<Num cell={cell} places={3} />);
  };
  const name = tokenizer.token(token);
  return (
    <Panel
      title={text.title}
      caption={
        inDocument ? text.followed(position, running) : text.elsewhere(name, position, running)
      }
    >
      <div className="mb-4 flex flex-wrap items-end gap-3">
        <label className="text-sm font-semibold">
          <span className="mb-1 block">{text.token}</span>
          <select
            className="field w-24"
            value={token}
            onChange={(event) => props.onToken(Number(event.target.value))}
          >
            {Array.from({ length: vocab_size }, (_, id) => (
              <option key={id} value={id}>
                {tokenizer.token(id)}
              </option>
            ))}
          </select>
        </label>
        <label className="text-sm font-semibold">
          <span className="mb-1 block">{text.position}</span>
          <input
            type="number"
            className="field w-20"
            min={0}
            max={block_size - 1}
            value={position}
            onChange={(event) => {
              const wanted = Math.round(event.target.valueAsNumber);
              if (wanted >= 0 && wanted < block_size) setPicked(wanted);
            }}
          />
        </label>
        <button
          type="button"
          className="btn"
          disabled={props.token === null && picked === null}
          onClick={() => {
            props.onToken(null);
            setPicked(null);
          }}
        >
          {text.follow}
        </button>
      </div>
      <Vectors
        name={text.name(name, position)}
        rows={[
          {
            label: 'wte',
            sign: '',
            note: text.tokenRow(token, name),
            values: tok,
            cells: cells('tok_emb') ?? rowCells('wte', token, n_embd, 'param'),
            largest: widest,
          },
          {
            label: 'wpe',
            sign: '+',
            note: text.positionRow(position),
            values: pos,
            cells: cells('pos_emb') ?? rowCells('wpe', position, n_embd, 'param'),
            largest: widest,
          },
          {
            label: 'emb_sum',
            sign: '=',
            note: rms('emb_sum', sum),
            values: sum,
            cells: cells('emb_sum'),
            largest: widest,
          },
          {
            label: 'emb_norm',
            sign: '→',
            note: rms('emb_norm', norm),
            values: norm,
            cells: cells('emb_norm'),
            largest: 3,
          },
        ]}
      />
      <p className="caption mt-2 max-w-[80ch]">
        {text.caption}
        {position === 0 && token !== tokenizer.bos && ` ${text.never}`}
      </p>
    </Panel>
  );
}
