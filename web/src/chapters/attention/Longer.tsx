import { useEffect, useMemo, useRef, useState } from 'react';
import { differenceOf } from '../../engine/derived.ts';
import type { Cell } from '../../engine/expression.ts';
import { type Judges, judges } from '../../engine/heldOut.ts';
import { type ModelFile, readModelJson } from '../../engine/modelFile.ts';
import type { Run } from '../../engine/train.ts';
import { Delta } from '../../figures/Delta.tsx';
import { count } from '../../figures/format.ts';
import { Num } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { useCompute, useExplorer, useLoaded } from '../../store/use.ts';
import { CASES, DOCUMENTS, lossesOf, lossOfOthers, worthOf } from './worth.ts';

const FILE = './models/english-long.json';

/** What the parts are worth to a model of 1,000 steps, and to one of 20,000. */
export function Longer() {
  const { loaded, run, params } = useLoaded();
  const step = useExplorer((s) => s.step);
  const [box, seen] = useSeen<HTMLDivElement>();
  const { file, error } = useLongModel(seen);
  const fits = loaded.source.name === 'english' && file !== null && sameTokens(file, run);
  const tested = judges(run, DOCUMENTS);
  const here = useCompute(
    'losses',
    useMemo(() => (seen ? lossesOf(CASES, params, tested) : null), [seen, params, tested]),
  );
  const long = useCompute(
    'losses',
    useMemo(() => (fits ? lossesOf(CASES, file.params, tested) : null), [fits, file, tested]),
  );
  const both: readonly Measured[] = [
    { title: `this model, ${count(step)} steps`, losses: here.done ? here.value : null },
    ...(fits
      ? [{ title: `${count(file.step)} steps`, losses: long.done ? long.value : null }]
      : []),
  ];
  const worth = both.flatMap(({ losses }) =>
    losses ? losses.slice(1).map((loss) => loss - losses[0]!) : [],
  );
  const most = Math.max(0.05, ...worth);
  const [short, longer] = both.map(({ losses }) => losses && losses[1]! - losses[0]!);
  return (
    <Panel
      title="does attention matter here?"
      caption={`mean loss of ${tested.title}, measured now`}
    >
      <div ref={box} className="grid grid-cols-[minmax(0,1fr)] gap-6 sm:grid-cols-2">
        {both.map(({ title, losses }) => (
          <table key={title} className="w-full table-fixed text-left text-sm">
            <caption className="pb-1 text-left font-bold">{title}</caption>
            <thead className="sr-only">
              <tr>
                <th scope="col">case</th>
                <th scope="col">loss</th>
                <th scope="col">difference</th>
              </tr>
            </thead>
            <tbody className="[&_td]:pl-2">
              {CASES.map(({ title: name }, i) => {
                const loss = losses?.[i];
                const more = loss === undefined ? 0 : loss - losses![0]!;
                const of = (at: number) =>
                  lossOfOthers(`of ${title}, ${CASES[at]!.title}`, losses![at]!);
                return (
                  <tr
                    key={name}
                    className="border-t border-hair first:border-t-2 first:border-line"
                  >
                    <th scope="row" className="relative py-2 font-medium">
                      {name}
                      {i > 0 && (
                        <span
                          className="absolute bottom-0.5 left-0 h-1 bg-red"
                          style={{ width: `${Math.max(0, (230 * more) / most)}%` }}
                          aria-hidden="true"
                        />
                      )}
                    </th>
                    <td className="text-right font-mono">
                      {loss === undefined ? '…' : <Num cell={of(i)} places={4} />}
                    </td>
                    <td className="text-right font-mono">
                      {i === 0 ? (
                        ''
                      ) : loss === undefined ? (
                        '…'
                      ) : (
                        <Delta cell={missed(title, of(i), of(0))} />
                      )}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        ))}
      </div>
      <div
        className="mt-3 min-h-[16rem] max-w-[80ch] space-y-2 text-sm sm:min-h-[9rem]"
        aria-live="polite"
      >
        {short !== undefined && short !== null && (
          <p>
            In the model that is shown, all of attention is worth{' '}
            <Num cell={worthOfAttention(both[0]!)} places={3} className="font-bold" /> nats a token
            {worthOf(short) === 'little' ? ': hardly anything' : ''}.
            {longer !== undefined && longer !== null && (
              <>
                {' '}
                After {count(file!.step)} steps it is worth{' '}
                <Num cell={worthOfAttention(both[1]!)} places={3} className="font-bold" />.{' '}
                {longer > 2 * Math.max(short, 0.005)
                  ? 'Here the longer training has made the model rely on attention more.'
                  : Math.abs(longer - short) < 0.02 && 'The two are close.'}
              </>
            )}
          </p>
        )}
        <p className="caption">
          {error}
          {fits
            ? `${whoHasRead(file, run, tested)} Do not compare the two losses; compare what each model loses when a part is taken away. A part that is missed had come to be relied on; a model trained without it might do better.`
            : `The model of 20,000 steps is one of the English names${loaded.source.name === 'english' ? '' : '. Choose those, and it stands beside this one'}.`}
        </p>
      </div>
    </Panel>
  );
}

interface Measured {
  readonly title: string;
  readonly losses: readonly number[] | null;
}

/** By how much a model without a part is worse. */
function missed(title: string, without: Cell, asIs: Cell): Cell {
  return differenceOf(`what ${without.name} costs ${title}`, without, asIs);
}

function worthOfAttention({ title, losses }: Measured): Cell {
  const of = (at: number) => lossOfOthers(`of ${title}, ${CASES[at]!.title}`, losses![at]!);
  return missed(title, of(1), of(0));
}

/** Which of the two runs have read the documents that both are tested on. */
function whoHasRead(file: ModelFile, run: Run, tested: Judges): string {
  const passes = (file.step * file.training.batch_size) / file.data.num_train;
  const long =
    passes >= 1
      ? `The run of ${count(file.step)} steps went through its ${count(file.data.num_train)} documents ${passes >= 1.5 ? `about ${count(Math.round(passes))} times` : 'once'} and may have read these ${tested.documents.length}`
      : `The run of ${count(file.step)} steps read ${count(file.step * file.training.batch_size)} of its ${count(file.data.num_train)} documents`;
  return `${long}; the one of ${count(run.training.steps)} steps ${tested.heldOut ? 'never reads them' : 'reads them too'}.`;
}

function sameTokens(file: ModelFile, run: { tokenizer: { chars: readonly string[] } }): boolean {
  return file.tokenizer.chars.join() === run.tokenizer.chars.join();
}

/** Whether an element has come into view, ever. */
function useSeen<T extends HTMLElement>() {
  const box = useRef<T>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (!box.current) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        setSeen(true);
        observer.disconnect();
      },
      { rootMargin: '200px' },
    );
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return [box, seen] as const;
}

let file: Promise<ModelFile> | null = null;

async function fetchLong(): Promise<ModelFile> {
  const response = await fetch(FILE);
  if (!response.ok) throw new Error(`${FILE}: ${response.status}`);
  return readModelJson(await response.text(), 'english-long');
}

/** The model of 20,000 steps, fetched once when it is first looked at. */
function useLongModel(wanted: boolean): { file: ModelFile | null; error: string } {
  const english = useLoaded().loaded.source.name === 'english';
  const [known, setKnown] = useState<ModelFile | null>(null);
  const [error, setError] = useState('');
  useEffect(() => {
    if (!wanted || !english) return;
    let current = true;
    file ??= fetchLong();
    file.then(
      (model) => current && setKnown(model),
      (problem: unknown) => {
        file = null;
        if (current) setError(`It could not be fetched (${String(problem)}). `);
      },
    );
    return () => {
      current = false;
    };
  }, [wanted, english]);
  return { file: known, error };
}
