import { useMemo, useState } from 'react';
import { Cloud } from '../../figures/Cloud.tsx';
import { CodePanel } from '../../figures/CodePanel.tsx';
import { Columns } from '../../figures/Columns.tsx';
import { DataChoices } from '../../figures/DataChoices.tsx';
import { count, percent } from '../../figures/format.ts';
import { NotAsked } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { Check, Predict } from '../../figures/Quiz.tsx';
import { definition } from '../../figures/source.ts';
import { setDocument } from '../../store/explorer.ts';
import { useExplorer, useLoaded } from '../../store/use.ts';

const CODE = [definition('def read_documents')];

const COUNTED = 'counted in the data, not computed by the model';

/** What the model learns from: a list, nothing else. */
export default function Dataset() {
  const { loaded, run, tokenizer } = useLoaded();
  const running = useExplorer((s) => s.document);
  const [found, setFound] = useState('');
  const facts = useMemo(
    () => factsOf(run.documents, tokenizer.chars, run.model.block_size),
    [run, tokenizer],
  );
  const matches = useMemo(
    () => facts.unique.filter((document) => found && document.includes(found)).slice(0, 40),
    [facts, found],
  );
  const endings = useMemo(() => mostFrequentEnding(run.documents), [run]);
  const guesses = useMemo(
    () => endingGuesses(endings.letter, tokenizer.chars),
    [endings, tokenizer],
  );

  return (
    <div className="mt-4 space-y-6">
      <p className="prose">
        A GPT learns from text and from nothing else. Here the text is a list:{' '}
        <b>{count(run.documents.length)} documents</b>, one per line. Nobody tells the model what a
        name is, where a vowel belongs or which letters go together. It has to learn all of that
        from this list. Point at a name to stop it; click it to make it the running document of all
        chapters.
      </p>

      <Panel
        title="all documents"
        caption={`${count(facts.unique.length)} different ones; now running: ${running}`}
      >
        <Cloud documents={facts.unique} running={running} onPick={setDocument} />
        <div className="mt-3 flex flex-wrap items-center gap-2">
          <label className="text-sm font-semibold" htmlFor="find">
            find
          </label>
          <input
            id="find"
            className="field w-40"
            value={found}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            onChange={(event) => setFound(event.target.value.trim())}
          />
          <div className="flex flex-wrap gap-1" aria-live="polite">
            {matches.map((document) => (
              <button
                key={document}
                type="button"
                className="tile tile-small !px-2"
                onClick={() => setDocument(document)}
              >
                {document}
              </button>
            ))}
            {found && matches.length === 0 && <span className="caption">none contains it</span>}
          </div>
        </div>
      </Panel>

      <Predict
        id={`ending ${loaded.source.name}`}
        question="Which character do most of these documents end with?"
        options={guesses.map((value) => ({ value, label: value }))}
        truth={endings.letter}
      >
        <NotAsked why={COUNTED}>{percent(endings.share)}</NotAsked> end with <b>{endings.letter}</b>
        . A model that has learned only this already beats a uniform guess among{' '}
        {tokenizer.chars.length} characters. It has to discover this by itself.
      </Predict>

      <div className="columns-of-two">
        <Panel title="document lengths" caption="characters per document">
          <Columns
            name="Number of documents of each length"
            columns={facts.lengths.map((n, i) => ({ label: `${i}`, value: n })).slice(1)}
          />
          <p className="caption mt-3">
            On average <NotAsked why={COUNTED}>{facts.meanLength.toFixed(2)}</NotAsked>, at most{' '}
            {facts.longest}.{' '}
            {facts.cut > 0
              ? `${count(facts.cut)} are cut: the model sees at most ${run.model.block_size} characters at once.`
              : `All fit into the model's context of ${run.model.block_size}.`}
          </p>
        </Panel>
        <Panel title="characters" caption={`${tokenizer.chars.length} different ones`}>
          <Columns
            name="Number of occurrences of each character"
            columns={facts.letters.map(({ char, n }) => ({
              label: tokenizer.token(tokenizer.chars.indexOf(char)),
              value: n,
            }))}
          />
          <p className="caption mt-3">
            Most frequent:{' '}
            {facts.letters.slice(0, 3).map(({ char, n }, i) => (
              <span key={char}>
                {i > 0 && ', '}
                <b>{tokenizer.token(tokenizer.chars.indexOf(char))}</b>{' '}
                <NotAsked why={COUNTED}>{percent(n / facts.total)}</NotAsked>
              </span>
            ))}
            .
          </p>
        </Panel>
        <Panel title="how training uses them">
          <ol className="list-decimal space-y-1 pl-5 text-sm">
            <li>
              They are shuffled once, with seed {String(run.training.seed)}; the first is now{' '}
              <b>{run.documents[0]}</b>.
            </li>
            <li>
              Each step reads {run.training.batch_size === 1 ? 'one' : run.training.batch_size}, in
              that order. {count(run.training.steps)} steps read{' '}
              {count(Math.min(run.numTrain, run.read(run.training.steps)))} of {count(run.numTrain)}
              {run.read(run.training.steps) < run.numTrain
                ? `: the other ${count(run.numTrain - run.read(run.training.steps))} are not read. That is why they can be used to evaluate the model.`
                : ', again and again.'}
            </li>
            <li>
              {facts.duplicates
                ? `${count(facts.duplicates)} duplicates are kept: frequent items stay frequent.`
                : 'None occurs twice.'}
            </li>
            {loaded.source.remarks.map((remark) => (
              <li key={remark}>{remark}</li>
            ))}
          </ol>
        </Panel>
        <Panel title="another list">
          <DataChoices />
        </Panel>
        <Panel title="check yourself">
          <Check
            id="dataset length"
            question="How many characters does the running document have? (Look at the tiles above.)"
            expect={{ number: [...running].length }}
            hints={[
              'Each tile above is one token, and BOS is not a character.',
              'Count all tiles without the BOS at the start and the BOS at the end.',
            ]}
            explain={`${running} has ${[...running].length}: that many tokens, and BOS before and after.`}
          />
          <Check
            id="dataset share"
            question={`What share of the ${count(run.numTrain)} documents do ${count(run.training.steps)} steps see, in percent?`}
            expect={{
              number: (100 * run.read(run.training.steps)) / run.numTrain,
              places: 0,
              percent: true,
            }}
            hints={[
              `Each step reads ${run.training.batch_size === 1 ? 'one document' : `${run.training.batch_size} documents`}.`,
              `Divide the documents read, ${count(run.read(run.training.steps))}, by ${count(run.numTrain)}, and multiply by 100.`,
            ]}
            explain={`${percent(run.read(run.training.steps) / run.numTrain)}.`}
          />
        </Panel>
        <CodePanel show={CODE} />
      </div>
    </div>
  );
}

function factsOf(documents: readonly string[], chars: readonly string[], blockSize: number) {
  const unique = [...new Set(documents)];
  const lengths: number[] = [];
  const counts = new Map<string, number>(chars.map((char) => [char, 0]));
  let total = 0;
  for (const document of documents) {
    let length = 0;
    for (const char of document) {
      counts.set(char, counts.get(char)! + 1);
      length++;
    }
    total += length;
    while (lengths.length <= length) lengths.push(0);
    lengths[length]!++;
  }
  const letters = [...counts].map(([char, n]) => ({ char, n })).sort((a, b) => b.n - a.n);
  return {
    unique,
    lengths,
    letters,
    total,
    meanLength: total / documents.length,
    longest: lengths.length - 1,
    duplicates: documents.length - unique.length,
    cut: lengths.slice(blockSize).reduce((sum, n) => sum + n, 0),
  };
}

function mostFrequentEnding(documents: readonly string[]): { letter: string; share: number } {
  const counts = new Map<string, number>();
  for (const document of documents) {
    const letter = [...document].at(-1)!;
    counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  const [letter, n] = [...counts].reduce((best, pair) => (pair[1] > best[1] ? pair : best));
  return { letter, share: n / documents.length };
}

/** The true ending among three other characters of the data, in code point order. */
function endingGuesses(letter: string, chars: readonly string[]): string[] {
  const others = ['e', 'n', 's', 'a', 'ा', 'ी', 'न', 'र', ...chars].filter(
    (char) => char !== letter && chars.includes(char),
  );
  return [letter, ...[...new Set(others)].slice(0, 3)].sort();
}
