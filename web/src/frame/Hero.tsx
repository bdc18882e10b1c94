import { useEffect, useRef, useState } from 'react';
import { CHAPTERS } from '../chapters/index.ts';
import { numParams } from '../engine/config.ts';
import { Random } from '../engine/random.ts';
import { generate, Known, sampleConfig } from '../engine/sample.ts';
import { count } from '../figures/format.ts';
import { useExplorer } from '../store/use.ts';

const LETTER_MS = 280;
const PAUSE_MS = 1600;

/** What this is, in one screen, with the figures of the loaded run. */
export function Hero() {
  const loaded = useExplorer((s) => s.loaded);
  const figures = loaded && [
    [count(loaded.run.documents.length), 'documents'],
    [count(loaded.run.model.vocab_size), 'tokens'],
    [count(numParams(loaded.run.model)), 'parameters'],
    [meanOfLast(loaded.losses).toFixed(3), 'loss, mean of the last 100 steps'],
  ];
  return (
    <article className="mx-auto grid max-w-6xl gap-8 lg:grid-cols-[minmax(0,1.15fr)_minmax(0,1fr)] lg:gap-12">
      <div>
        <h1 className="text-[2.75rem] font-black leading-[0.95] tracking-tight md:text-[3.9rem]">
          A whole GPT,
          <br />
          with glass walls.
        </h1>
        <p className="prose mt-6">
          It reads a list of names, letter by letter, and learns to invent new ones. It is small
          enough that <b>nothing is hidden</b>: these pages show every number of it. Click a number
          to see how it was computed. Change one to see what else changes.
        </p>
        <div className="mt-6 flex flex-wrap gap-3">
          <a href="#/dataset" className="btn btn-red !px-6 !py-3 !text-lg">
            start reading
          </a>
          <a href="#/generate" className="btn !px-6 !py-3 !text-lg">
            start generating
          </a>
        </div>
      </div>
      <div>
        <Invention />
      </div>
      <dl className="col-span-full grid min-h-48 grid-cols-2 md:min-h-24 border-4 border-line bg-panel md:grid-cols-4">
        {(figures || []).map(([value, what], i) => (
          <div
            key={what}
            className={`flex flex-col-reverse justify-end border-line p-4 md:border-l-4 md:first:border-l-0 ${i % 2 ? 'border-l-4' : ''} ${i > 1 ? 'border-t-4 md:border-t-0' : ''}`}
          >
            <dt className="caption">{what}</dt>
            <dd className="font-mono text-2xl font-bold md:text-3xl">{value}</dd>
          </div>
        ))}
      </dl>
      <ol className="col-span-full grid grid-cols-[repeat(auto-fill,minmax(15rem,1fr))] gap-3 pb-4">
        {CHAPTERS.map((chapter) => (
          <li key={chapter.address}>
            <a
              href={`#/${chapter.address}`}
              className="flex h-full gap-3 border-3 border-line bg-panel p-3 text-ink no-underline hover:bg-yellow hover:text-[#121212]"
            >
              <span className="grid h-8 min-w-8 place-items-center bg-ink px-1 font-bold text-bg">
                {chapter.number}
              </span>
              <span>
                <span className="block font-bold leading-tight">{chapter.title}</span>
                <span className="block text-sm leading-snug">{chapter.about}</span>
              </span>
            </a>
          </li>
        ))}
      </ol>
    </article>
  );
}

function meanOfLast(losses: readonly number[]): number {
  const last = losses.slice(-100);
  return last.reduce((sum, loss) => sum + loss, 0) / Math.max(1, last.length);
}

/** The loaded model writes a name, a letter at a time, then the next. */
function Invention() {
  const loaded = useExplorer((s) => s.loaded);
  const params = useExplorer((s) => s.params);
  const [shown, setShown] = useState<{ letters: string[]; p: number[]; bin: string }>({
    letters: [],
    p: [],
    bin: '',
  });
  const [paused, setPaused] = useState(false);
  const rng = useRef(new Random(42));

  useEffect(() => {
    if (!loaded || !params || paused) return;
    const { tokenizer } = loaded.run;
    const seen = loaded.run.seen(loaded.finalStep);
    const known = new Known(seen, new Set(loaded.run.documents), tokenizer);
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    let timer = 0;
    const write = () => {
      const sample = generate(params, tokenizer, rng.current, sampleConfig());
      const letters = sample.token_ids.map((id) => tokenizer.token(id));
      const p = sample.steps.map((step) => step.probs[step.choice]!);
      const bin = sample.finished ? known.novelty(sample) : 'cut';
      const grow = (n: number) => {
        const done = n >= letters.length;
        setShown({ letters: letters.slice(0, n), p: p.slice(0, n), bin: done ? bin : '' });
        timer = window.setTimeout(done ? write : () => grow(n + 1), done ? PAUSE_MS : LETTER_MS);
      };
      grow(still ? letters.length : 1);
    };
    if (still) {
      const sample = generate(params, tokenizer, rng.current, sampleConfig());
      setShown({
        letters: sample.token_ids.map((id) => tokenizer.token(id)),
        p: sample.steps.map((step) => step.probs[step.choice]!),
        bin: sample.finished ? known.novelty(sample) : 'cut',
      });
    } else write();
    return () => clearTimeout(timer);
  }, [loaded, params, paused]);

  const words = {
    seen: 'it was trained on this one',
    'in file': 'in the file, but never seen in training',
    new: 'new: not in the file',
    empty: 'it wrote nothing',
    cut: 'cut: the context was full',
    '': ' ',
  };
  return (
    <section className="panel flex h-full min-h-64 flex-col p-5" aria-label="A name being invented">
      <header className="flex items-baseline justify-between">
        <h2 className="text-sm font-bold">being invented now</h2>
        <button type="button" className="btn" onClick={() => setPaused(!paused)}>
          {paused ? 'go on' : 'pause'}
        </button>
      </header>
      <div className="flex flex-1 flex-wrap content-center items-center gap-2 py-4">
        {shown.letters.map((letter, i) => (
          <span key={i} className="text-center">
            <span className="tile !h-14 !min-w-14 text-2xl">{letter}</span>
            <span className="caption mt-1 block font-mono">{Math.round(100 * shown.p[i]!)} %</span>
          </span>
        ))}
        <span
          className={`inline-block h-14 w-3 bg-yellow ${shown.bin ? 'opacity-0' : ''}`}
          aria-hidden="true"
        />
      </div>
      <p className="caption min-h-14">
        {words[shown.bin as keyof typeof words] ?? ' '}
        <span className="block">Below each letter: how likely it was, at temperature 0.5.</span>
      </p>
    </section>
  );
}
