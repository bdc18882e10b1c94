import { useMemo, useState } from 'react';
import { MAX_TYPED_SEED, parseSeed } from '../../engine/config.ts';
import { measured } from '../../engine/derived.ts';
import { GlassError } from '../../engine/errors.ts';
import { encodePrompt, type Novelty, sampleConfig } from '../../engine/sample.ts';
import { bandOf, type Row } from '../../engine/write.ts';
import { CodePanel } from '../../figures/CodePanel.tsx';
import { download } from '../../figures/download.ts';
import { percent } from '../../figures/format.ts';
import { NotAsked, Num } from '../../figures/Num.tsx';
import { readWhole } from '../../figures/number.ts';
import { Panel } from '../../figures/Panel.tsx';
import { Check, Predict } from '../../figures/Quiz.tsx';
import { moveInGrid } from '../../figures/roving.ts';
import { definition } from '../../figures/source.ts';
import { ownRun } from '../../store/load.ts';
import { useCompute, useExplorer, useLoaded, useSettings } from '../../store/use.ts';
import { AskServer } from './AskServer.tsx';
import { Stages } from './Stages.tsx';

const CODE = [definition('def sample'), definition('def softmax')];
const MANY = 60;
const PREDICTION = 'temperature low';
/** Of a cut text only a beginning is known, so it is compared with the beginnings of documents. */
const CUT: Readonly<Record<Novelty, string>> = {
  new: 'new, cut by the context',
  'in file': 'cut; a document in the file, not seen, begins so',
  seen: 'cut; a document seen in training begins so',
  empty: 'empty',
};
const BINS: Readonly<Record<Novelty, { words: string; style: string }>> = {
  new: { words: 'new', style: 'bg-panel' },
  'in file': { words: 'in the file, not seen', style: 'bg-yellow text-[#121212]' },
  seen: { words: 'seen in training', style: 'bg-red text-on-accent' },
  empty: { words: 'empty', style: 'bg-panel' },
};

const SETTING = 'a setting, not a number of the model';

/** Let the model write. */
export default function Generate() {
  const { loaded, run, params, tokenizer } = useLoaded();
  const step = useExplorer((s) => s.step);
  const interventions = useExplorer((s) => s.interventions);
  const [prompt, setPrompt] = useState('');
  const [temperature, setTemperature] = useState(0.5);
  const [topK, setTopK] = useState(0);
  const [seed, setSeed] = useState(42);
  const [typedSeed, setTypedSeed] = useState('42');
  const [chosen, setChosen] = useState(0);

  const problem = problemOf(() => encodePrompt(prompt, tokenizer, run.model));
  const usable = problem ? '' : prompt;
  const seedProblem = problemOf(() => parseSeed(typedSeed));
  const config = useMemo(
    () => sampleConfig({ temperature, top_k: topK || null }),
    [temperature, topK],
  );
  const wanted = useMemo(
    () => ({ params, run, config, seed, prompt: usable, interventions }),
    [params, run, config, seed, usable, interventions],
  );
  const { value: written, done: isWritten } = useCompute('text', wanted);
  const many = useCompute(
    'texts',
    useMemo(() => ({ ...wanted, steps: step, n: MANY }), [wanted, step]),
  );
  const rows = many.value ?? [];
  const cold = useDistinct(0.1);
  const warm = useDistinct(1);
  const shown = rows[Math.min(chosen, rows.length - 1)];

  return (
    <div className="mt-4 space-y-6">
      <p className="prose">
        To generate text, the model reads the text so far, draws the next token from its
        probabilities, appends it and reads on, until it draws BOS. The weights do not change; the
        same seed gives the same texts.
      </p>
      <Predict
        id={PREDICTION}
        question={`How many of ${MANY} texts at temperature 0.1 are different?`}
        options={['few', 'about half', 'nearly all'].map((value) => ({ value, label: value }))}
        truth={cold === null ? null : share(cold)}
      >
        {cold === null || warm === null ? (
          'They are being written now.'
        ) : (
          <>
            {cold} of {MANY} with this model. A low temperature makes likely tokens even more
            likely, so the same few texts come again and again. At temperature 1 the model samples
            from its own distribution: {warm} different texts.
          </>
        )}
      </Predict>

      <Panel title="how it draws" caption={bandOf(temperature)}>
        <div className="grid gap-4 @3xl:grid-cols-2">
          <label className="block text-sm font-semibold">
            temperature <NotAsked why={SETTING}>{temperature.toFixed(2)}</NotAsked>
            <input
              type="range"
              className="w-full accent-[var(--red)]"
              min={0}
              max={2}
              step={0.05}
              value={temperature}
              aria-valuetext={`${temperature.toFixed(2)}, ${bandOf(temperature)}`}
              onChange={(event) => setTemperature(Number(event.target.value))}
            />
            <span
              className="caption grid grid-cols-[30fr_40fr_50fr_80fr] font-normal"
              aria-hidden="true"
              data-not-asked={SETTING}
            >
              <span className="border-t-4 border-blue">0.1–0.3</span>
              <span className="border-t-4 border-yellow">to 0.7 balanced</span>
              <span className="border-t-4 border-ink">to 1.2 creative</span>
              <span className="border-t-4 border-red">beyond: wild</span>
            </span>
          </label>
          <div className="flex flex-wrap gap-3">
            <label className="text-sm font-semibold">
              begins with
              <input
                className="field mt-1 block w-36"
                value={prompt}
                autoComplete="off"
                autoCapitalize="off"
                spellCheck={false}
                onChange={(event) => setPrompt(event.target.value)}
              />
            </label>
            <label className="text-sm font-semibold">
              top-k (0: all)
              <input
                type="number"
                className="field mt-1 block w-24"
                min={0}
                max={run.model.vocab_size}
                value={topK}
                onChange={(event) =>
                  setTopK(readWhole(event.target.value, 0, run.model.vocab_size))
                }
              />
            </label>
            <label className="text-sm font-semibold">
              seed
              <input
                type="number"
                className="field mt-1 block w-28"
                min={0}
                max={MAX_TYPED_SEED}
                step={1}
                value={typedSeed}
                aria-invalid={seedProblem !== ''}
                onChange={(event) => {
                  const { value } = event.target;
                  setTypedSeed(value);
                  if (!problemOf(() => parseSeed(value))) setSeed(parseSeed(value));
                }}
              />
            </label>
          </div>
        </div>
        {(problem || seedProblem) && (
          <p role="alert" className="mt-2 text-sm font-medium text-red">
            {problem || seedProblem}
          </p>
        )}
      </Panel>

      <Panel
        title="one text in seven stages"
        caption={isWritten ? `it will be ${written?.sample.text || '(nothing)'}` : 'being written'}
      >
        <div className="min-h-96">
          {written && (
            <Stages
              key={`${seed} ${usable} ${temperature} ${topK}`}
              written={written}
              tokenizer={tokenizer}
              temperature={temperature}
            />
          )}
        </div>
      </Panel>

      {ownRun() && step === loaded.finalStep && written && isWritten && (
        <AskServer written={written} config={config} seed={seed} prompt={usable} />
      )}

      <div className="columns-of-two">
        <Panel
          title={`${MANY} texts`}
          caption={
            many.done ? 'click one for its details' : `${many.soFar ?? 0} of ${MANY} written`
          }
        >
          <div
            role="group"
            aria-label="Texts"
            className="flex flex-wrap gap-1"
            onKeyDown={moveInGrid}
          >
            {rows.map((row, i) => (
              <button
                key={i}
                type="button"
                data-at={`0,${i}`}
                tabIndex={i === chosen ? 0 : -1}
                className={`border-2 border-line px-1.5 py-0.5 text-sm font-semibold ${BINS[row.bin].style} ${i === chosen ? 'outline-3 outline-offset-1 outline-blue' : ''}`}
                aria-pressed={i === chosen}
                aria-label={`${row.text || '(nothing)'}: ${wordsOf(row)}`}
                onClick={() => setChosen(i)}
              >
                {row.text || '·'}
                {!row.finished && '…'}
              </button>
            ))}
          </div>
          <Statistics rows={rows} />
          <button
            type="button"
            className="btn mt-3"
            onClick={() =>
              download('texts.txt', `${rows.map(({ text }) => text).join('\n')}\n`, 'text/plain')
            }
          >
            download them
          </button>
        </Panel>
        {shown && <RecordOf row={shown} />}
        <CodePanel show={CODE} />
        <Panel title="check yourself">
          <Check
            id="generate greedy"
            question="At temperature 0, how many different texts can one prompt give?"
            expect={{ number: 1 }}
            hints={[
              'Try it: set the temperature to 0 and look at the texts.',
              'Every text comes out the same. How many different ones is that?',
            ]}
            explain="The most likely token is always chosen: there is no randomness, so every text is the same."
          />
          {shown && (
            <Check
              id="generate tokens"
              question={`How many random numbers did ${shown.text || 'the chosen text'} take?`}
              expect={{
                number: shown.choices.filter(({ random }) => random).length,
              }}
              hints={[
                'Each token that is drawn takes one random number.',
                'Count the characters after the prompt, and the closing BOS if the text ended by itself.',
              ]}
              explain="One per token; there is no other randomness."
            />
          )}
        </Panel>
      </div>
    </div>
  );
}

/**
 * Different texts among MANY at a temperature, whatever the settings: what the question asks. Worked
 * out only once the question has been answered.
 */
function useDistinct(temperature: number): number | null {
  const { run, params } = useLoaded();
  const steps = useExplorer((s) => s.step);
  const answered = useSettings((s) => s.answers[PREDICTION] !== undefined);
  const { value, done } = useCompute(
    'texts',
    useMemo(() => {
      if (!answered) return null;
      const config = sampleConfig({ temperature });
      return { params, run, steps, config, seed: 42, prompt: '', interventions: {}, n: MANY };
    }, [answered, params, run, steps, temperature]),
  );
  return done && value ? new Set(value.map(({ text }) => text)).size : null;
}

function share(distinct: number): string {
  return distinct < MANY / 3 ? 'few' : distinct < (2 * MANY) / 3 ? 'about half' : 'nearly all';
}

const BIN_ORDER = ['new', 'in file', 'seen', 'empty'] as const;

function wordsOf({ finished, bin }: Row): string {
  return finished ? BINS[bin].words : CUT[bin];
}

function Statistics({ rows }: { rows: readonly Row[] }) {
  const n = rows.length;
  const mean = (of: (row: Row) => number) => rows.reduce((sum, row) => sum + of(row), 0) / n;
  const told = (what: string, of: (row: Row) => number) => (
    <Num
      cell={measured(`mean ${what} of the texts`, mean(of), `the mean over ${n} texts`)}
      places={2}
    />
  );
  return (
    <dl className="mt-4 grid grid-cols-2 gap-x-6 gap-y-1 text-sm">
      {BIN_ORDER.filter((bin) => bin !== 'empty' || rows.some((row) => row.bin === bin)).map(
        (bin) => (
          <div key={bin} className="flex justify-between gap-2">
            <dt className="flex items-center gap-2">
              <span
                className={`inline-block h-3.5 w-3.5 border-2 border-line ${BINS[bin].style}`}
              />
              {BINS[bin].words}
            </dt>
            <dd className="font-mono">{rows.filter((row) => row.bin === bin).length}</dd>
          </div>
        ),
      )}
      <div className="flex justify-between gap-2">
        <dt>cut by the context</dt>
        <dd className="font-mono">{rows.filter(({ finished }) => !finished).length}</dd>
      </div>
      <div className="flex justify-between gap-2">
        <dt>different</dt>
        <dd className="font-mono">{new Set(rows.map(({ text }) => text)).size}</dd>
      </div>
      <div className="flex justify-between gap-2">
        <dt>mean length</dt>
        <dd className="font-mono">{told('length', (row) => row.token_ids.length)}</dd>
      </div>
      <div className="flex justify-between gap-2">
        <dt>mean log p</dt>
        <dd className="font-mono">{told('log p', (row) => row.log_prob)}</dd>
      </div>
    </dl>
  );
}

/** Token by token: what was likely, what was drawn; and what in the data is closest. */
function RecordOf({ row }: { row: Row }) {
  const { run, tokenizer } = useLoaded();
  const step = useExplorer((s) => s.step);
  const { text, token_ids, finished } = row;
  const { value: close } = useCompute(
    'nearest',
    useMemo(() => {
      const raw = tokenizer.raw(token_ids);
      return { run, steps: step, text: raw, cutAt: finished ? null : [...raw].length };
    }, [run, token_ids, finished, step, tokenizer]),
  );
  return (
    <Panel title={text || '(nothing)'} caption={wordsOf(row)}>
      <div className="overflow-x-auto" role="group" aria-label="Record of the text" tabIndex={0}>
        <table className="w-full text-sm">
          <thead>
            <tr className="border-b-2 border-line text-left">
              <th scope="col">after</th>
              <th scope="col">top 5</th>
              <th scope="col" className="text-right">
                drew
              </th>
            </tr>
          </thead>
          <tbody>
            {row.choices.map(({ position, token_id, likeliest, choice, p: chosen }) => (
              <tr key={position} className="border-b border-hair">
                <th scope="row" className="pr-2 text-left">
                  {tokenizer.token(token_id)}
                </th>
                <td>
                  {likeliest.map(([id, p]) => (
                    <span
                      key={id}
                      className={`mr-2 inline-block whitespace-nowrap px-1 ${id === choice ? 'bg-yellow text-[#121212]' : ''}`}
                    >
                      <b>{tokenizer.token(id)}</b>{' '}
                      <span className="font-mono text-xs">{Math.round(100 * p)}</span>
                    </span>
                  ))}
                </td>
                <td className="text-right font-mono text-xs">
                  {tokenizer.token(choice)} {percent(chosen, 0)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="caption mt-3">
        {!close
          ? 'Looking for the closest of the texts it was trained on…'
          : close.edits === 0
            ? finished
              ? 'It was trained on this very text.'
              : 'It was trained on a document that has exactly this text as its beginning.'
            : Number.isFinite(close.edits)
              ? `Closest among the texts it was trained on: ${close.document}, ${close.edits} ${close.edits === 1 ? 'edit' : 'edits'} away.`
              : 'It has not been trained yet.'}{' '}
        {!finished && 'The context was full before it drew BOS, so the text is cut.'}
      </p>
    </Panel>
  );
}

function problemOf(work: () => unknown): string {
  try {
    work();
    return '';
  } catch (error) {
    if (error instanceof GlassError) return error.message;
    throw error;
  }
}
