import { useEffect } from 'react';
import { useStore } from 'zustand';
import { log } from '../../engine/elementary.ts';
import { count, fixed } from '../../figures/format.ts';
import { Panel } from '../../figures/Panel.tsx';
import { Predict } from '../../figures/Quiz.tsx';
import { measureSizes, type Size, sizes, verdictOnFew } from '../../store/measurements.ts';
import { useLoaded, useSession } from '../../store/use.ts';

/** Shorter lists have no documents to set aside. */
const ENOUGH = 200;

/** Learned, or learned by heart: what the number of documents does. */
export function DataSize() {
  const { run, loaded } = useLoaded();
  const training = useSession((s) => s.training);
  const measured = useStore(sizes);
  const { rows, base } = measured;
  useEffect(() => {
    if (training !== null || run.documents.length < ENOUGH) return;
    // The rest of the chapter first.
    const timer = setTimeout(() => void measureSizes(run), 800);
    return () => clearTimeout(timer);
  }, [run, training]);
  const uniform = log(run.model.vocab_size);
  const known = base === run ? rows : [];
  const few = known[0];
  const many = known.at(-1);
  const verdict = base === run ? verdictOnFew(measured, uniform) : null;
  if (run.documents.length < ENOUGH) {
    return (
      <Panel title="learned by heart">
        <p className="text-sm">
          With only {run.documents.length} documents, none can be held out. Choose a longer list at
          the top to compare documents that a run has read with documents it has not.
        </p>
      </Panel>
    );
  }
  return (
    <>
      <Predict
        id={`training ten ${loaded.source.name}`}
        question={`Trained ${count(run.training.steps)} steps on ten documents only: how does it predict documents that it has never read?`}
        options={[
          { value: 'nearly as well', label: 'nearly as well' },
          { value: 'somewhat worse', label: 'somewhat worse' },
          { value: 'worse than guessing', label: 'worse than uniform guessing' },
        ]}
        truth={verdict}
      >
        {verdict && few?.heldOut && few.train && many?.heldOut ? (
          <>
            {fixed(few.heldOut, 2)} nats a character, where {count(many.documents)} documents give{' '}
            {fixed(many.heldOut, 2)} and a uniform guess {fixed(uniform, 2)}. On the {few.documents}{' '}
            that it has read it comes to {fixed(few.train, 2)}.
            {few.heldOut > uniform &&
              ' It knows those by heart, and is confident where it is wrong.'}
          </>
        ) : (
          'It is being measured below.'
        )}
      </Predict>
      <Panel
        title="learned by heart"
        caption={`${count(run.training.steps)} steps each, on the first documents only`}
      >
        <table className="w-full text-sm">
          <thead className="caption text-right">
            <tr>
              <th className="w-20 pb-1 font-medium">documents</th>
              <th className="pb-1 pl-4 text-left font-medium">nats a character</th>
              <th className="w-12 pb-1 font-medium">read</th>
              <th className="w-14 pb-1 font-medium">held out</th>
            </tr>
          </thead>
          <tbody>
            {known.map((row) => (
              <SizeRow key={row.documents} row={row} most={most(known)} uniform={uniform} />
            ))}
          </tbody>
        </table>
        <p className="caption mt-2">
          Blue: documents it has read. Red: documents it has not. The line between them is what does
          not generalise. The thin mark is a uniform guess, {fixed(uniform, 2)}.{' '}
          {few && many && few.heldOut !== null && few.train !== null && (
            <>
              With {count(few.documents)} documents the gap is {fixed(few.heldOut - few.train, 2)}{' '}
              nats, with {count(many.documents)} it is{' '}
              {fixed((many.heldOut ?? 0) - (many.train ?? 0), 2)}.
            </>
          )}
        </p>
      </Panel>
    </>
  );
}

function SizeRow({ row, most, uniform }: { row: Size; most: number; uniform: number }) {
  const place = (loss: number) => `${(100 * loss) / most}%`;
  const { train, heldOut } = row;
  return (
    <tr className="border-t-2 border-hair">
      <th scope="row" className="py-2 text-right font-mono font-medium">
        {count(row.documents)}
      </th>
      <td className="pl-4 pr-3">
        {train !== null && heldOut !== null && (
          <span className="relative block h-5" aria-hidden="true">
            <span className="absolute inset-y-0 w-0.5 bg-soft" style={{ left: place(uniform) }} />
            <span
              className="absolute top-2 h-1 bg-line"
              style={{
                left: place(Math.min(train, heldOut)),
                width: place(Math.abs(heldOut - train)),
              }}
            />
            <span
              className="absolute top-0.5 h-4 w-2 -translate-x-1 bg-blue"
              style={{ left: place(train) }}
            />
            <span
              className="absolute top-0.5 h-4 w-2 -translate-x-1 bg-red"
              style={{ left: place(heldOut) }}
            />
          </span>
        )}
      </td>
      <td className="text-right font-mono">{train === null ? '–' : fixed(train, 2)}</td>
      <td className="text-right font-mono font-semibold">
        {heldOut === null ? '–' : fixed(heldOut, 2)}
      </td>
    </tr>
  );
}

function most(rows: readonly Size[]): number {
  return (
    1.03 * Math.max(1, ...rows.map(({ train, heldOut }) => Math.max(train ?? 0, heldOut ?? 0)))
  );
}
