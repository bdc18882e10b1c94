import { useEffect, useMemo, useState } from 'react';
import type { History } from '../../engine/history.ts';
import { Random } from '../../engine/random.ts';
import { generate, sampleConfig } from '../../engine/sample.ts';
import { count } from '../../figures/format.ts';
import { Panel } from '../../figures/Panel.tsx';
import { useExplorer, useLoaded } from '../../store/use.ts';

const TEXTS = 8;
const SEED = 42;
const STEPS = [0, 10, 100, 300];

/** The same random numbers, drawn from ever better models. */
export function Samples() {
  const { run, loaded } = useLoaded();
  const step = useExplorer((s) => s.step);
  const { history, losses } = loaded;
  const { steps } = run.training;
  const wanted = useMemo(() => [...STEPS.filter((s) => s < steps), steps], [steps]);
  const written = useWritten(history, wanted, losses.length);
  const [now, setNow] = useState<readonly string[]>([]);
  useEffect(() => {
    // After the frame that the scrubber asks for; of a fast drag only the last one counts.
    const timer = setTimeout(() => history && setNow(write(history, step)), 30);
    return () => clearTimeout(timer);
  }, [history, step]);
  const rows = [
    ...wanted.map((s) => ({
      ...{ s, name: count(written.get(s)?.step ?? s), texts: written.get(s)?.texts },
    })),
    { s: -1, name: `${count(step)} (cursor)`, texts: now.length ? now : undefined },
  ];
  return (
    <Panel title="samples" caption={`${TEXTS} texts, temperature 0.5, seed ${SEED} each time`}>
      <table className="w-full text-sm">
        <thead className="sr-only">
          <tr>
            <th>after step</th>
            <th>texts</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ s, name, texts }) => (
            <tr
              key={s}
              className={`border-t-2 border-hair align-baseline ${s === -1 ? 'font-semibold' : ''}`}
            >
              <th scope="row" className="w-20 py-1.5 pr-3 text-right font-mono font-medium">
                {name}
              </th>
              <td className="py-1.5 [overflow-wrap:anywhere]">
                {texts?.map((text) => text || '(empty)').join('  ·  ') ?? (
                  <span className="text-soft">not reached yet</span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="caption mt-2">
        The random numbers are the same in every row. Where two rows are alike, the model has
        changed little in between.
      </p>
    </Panel>
  );
}

function write(history: History, step: number): string[] {
  const params = history.paramsAt(step);
  const rng = new Random(SEED);
  const config = sampleConfig();
  const { tokenizer } = history.run;
  return Array.from(
    { length: TEXTS },
    () => generate(params, tokenizer, rng, config, '', history.interventions).text,
  );
}

/** What the model writes after a step: the one asked for or, of a large model, the nearest kept. */
interface Written {
  readonly step: number;
  readonly texts: readonly string[];
}

/** The rows that are known, one more after the other, each in a task of its own. */
function useWritten(history: History | null, wanted: readonly number[], made: number) {
  const [known, setKnown] = useState<{
    history: History | null;
    texts: ReadonlyMap<number, Written>;
  }>({ history: null, texts: new Map() });
  const texts = known.history === history ? known.texts : new Map<number, Written>();
  const next = wanted.find((s) => s <= made && !texts.has(s));
  // biome-ignore lint/correctness/useExhaustiveDependencies: one row after the other
  useEffect(() => {
    if (!history || next === undefined) return;
    const timer = setTimeout(() => {
      const step = history.nearestKept(next);
      setKnown({ history, texts: new Map(texts).set(next, { step, texts: write(history, step) }) });
    });
    return () => clearTimeout(timer);
  }, [history, next, texts.size]);
  return texts;
}
