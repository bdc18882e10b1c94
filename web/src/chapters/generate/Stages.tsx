import { useEffect, useState } from 'react';
import { likeliest } from '../../engine/sample.ts';
import type { Tokenizer } from '../../engine/tokenizer.ts';
import type { Written } from '../../engine/write.ts';
import { Bars } from '../../figures/Bars.tsx';
import { fixed, largest, percent } from '../../figures/format.ts';

const STAGES = [
  'tokenize',
  'embed',
  'attention',
  'probabilities',
  'sampling',
  'loop',
  'result',
] as const;
const STAGE_MS = 1400;

/** One text in the making: seven stages, a token at a time; stepped or played. */
export function Stages(props: { written: Written; tokenizer: Tokenizer; temperature: number }) {
  const { written } = props;
  const last = written.moments.length - 1;
  const [at, setAt] = useState({ moment: 0, stage: 0 });
  const [playing, setPlaying] = useState(false);
  const moment = Math.min(at.moment, last);
  const stage = STAGES[at.stage]!;
  const atEnd = moment === last && at.stage === STAGES.length - 1;

  const forth = () =>
    setAt(({ moment: m, stage: s }) => {
      const now = Math.min(m, last);
      if (STAGES[s] === 'loop' && now < last) return { moment: now + 1, stage: 0 };
      return { moment: now, stage: Math.min(s + 1, STAGES.length - 1) };
    });
  const back = () =>
    setAt(({ moment: m, stage: s }) =>
      s > 0
        ? { moment: Math.min(m, last), stage: s - 1 }
        : { moment: Math.max(0, m - 1), stage: STAGES.indexOf('loop') },
    );

  useEffect(() => {
    if (!playing) return;
    if (atEnd) {
      setPlaying(false);
      return;
    }
    const timer = setTimeout(forth, STAGE_MS);
    return () => clearTimeout(timer);
  });

  return (
    <div>
      <ol className="mb-3 grid grid-cols-4 border-2 border-line text-center @3xl:grid-cols-7">
        {STAGES.map((name, i) => (
          <li
            key={name}
            aria-current={i === at.stage ? 'step' : undefined}
            className={`-mb-px -mr-px border border-line px-1 py-1 text-xs font-semibold ${i === at.stage ? 'bg-yellow text-[#121212]' : i < at.stage ? 'bg-ink text-bg' : ''}`}
          >
            {i + 1} {name}
          </li>
        ))}
      </ol>
      <div className="mb-4 flex flex-wrap items-center gap-2">
        <button
          type="button"
          className="btn"
          onClick={back}
          disabled={moment === 0 && at.stage === 0}
        >
          <span aria-hidden="true">←</span> back
        </button>
        <button
          type="button"
          className="btn btn-red"
          aria-pressed={playing}
          onClick={() => {
            if (atEnd) setAt({ moment: 0, stage: 0 });
            setPlaying(!playing);
          }}
        >
          {playing ? 'pause' : 'play'}
        </button>
        <button type="button" className="btn" onClick={forth} disabled={atEnd}>
          step <span aria-hidden="true">→</span>
        </button>
        <span className="caption" aria-live={playing ? 'off' : 'polite'}>
          <span className="sr-only">{stage}, </span>
          token {moment + 1} of {last + 1}
        </span>
      </div>
      <div className="min-h-64">
        <Stage {...props} moment={moment} stage={stage} />
      </div>
    </div>
  );
}

function Stage(props: {
  written: Written;
  tokenizer: Tokenizer;
  temperature: number;
  moment: number;
  stage: (typeof STAGES)[number];
}) {
  const { written, tokenizer, temperature, stage } = props;
  const { step, embedding, attention } = written.moments[props.moment]!;
  const ids = [tokenizer.bos, ...written.sample.token_ids];
  const read = ids.slice(0, step.position + 1).map((id) => tokenizer.token(id));
  const choice = tokenizer.token(step.choice);
  switch (stage) {
    case 'tokenize':
      return (
        <Explained
          text={`The text so far, as tokens. The last one, ${read.at(-1)}, is read now; the others are in the cache.`}
        >
          <TokenRow tokens={read} last />
        </Explained>
      );
    case 'embed':
      return (
        <Explained
          text={`wte[${step.token_id}] + wpe[${step.position}], scaled to a mean square of 1: ${read.at(-1)} at position ${step.position} as ${embedding.length} numbers.`}
        >
          <Bars
            values={embedding}
            largest={largest(embedding)}
            name={`Embedding: ${Array.from(embedding, (x) => fixed(x)).join(', ')}`}
          />
        </Explained>
      );
    case 'attention':
      return (
        <Explained text="Each head divides its attention among the positions so far.">
          <table className="text-sm">
            <thead>
              <tr>
                <th className="pr-3 text-left font-semibold">head</th>
                {read.map((token, i) => (
                  <th key={i} className="px-1 font-semibold">
                    {token}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {attention.map(({ layer, head, shares }) => (
                <tr key={`${layer} ${head}`}>
                  <th className="pr-3 text-left font-mono font-normal">
                    {attention.some((one) => one.layer > 0) ? `${layer}.` : ''}
                    {head}
                  </th>
                  {Array.from(shares, (share, i) => (
                    <td
                      key={i}
                      className="cell cell-pos"
                      style={{ '--a': share } as React.CSSProperties}
                    >
                      {Math.round(100 * share)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Explained>
      );
    case 'probabilities':
      return (
        <Explained
          text={`The next-token probabilities. Thin: the model’s own distribution. Thick: after dividing the logits by ${temperature || '0 (greedy)'}.`}
        >
          <Distribution step={step} tokenizer={tokenizer} />
        </Explained>
      );
    case 'sampling':
      return (
        <Explained
          text={
            step.uniform === null
              ? `Temperature 0: nothing is drawn, the likeliest token is taken: ${choice}.`
              : `The probabilities lie end to end from 0 to 1. The random number ${step.uniform.toFixed(4)} falls on ${choice}, which has ${percent(step.probs[step.choice]!)}.`
          }
        >
          <Line step={step} tokenizer={tokenizer} />
        </Explained>
      );
    case 'loop':
      return (
        <Explained
          text={
            step.choice === tokenizer.bos
              ? 'BOS was drawn: the text is finished.'
              : props.moment === written.moments.length - 1
                ? 'The context is full: the text is cut off here.'
                : `${choice} is appended and read next. The cache has grown by one row; the earlier rows are not computed again.`
          }
        >
          <TokenRow tokens={[...read, choice]} last />
        </Explained>
      );
    case 'result':
      return (
        <Explained
          text={`Log-probability ${written.sample.log_prob.toFixed(3)} at temperature 1: once in ${Math.round(Math.exp(-written.sample.log_prob)).toLocaleString('en')} texts.`}
        >
          <p className="text-5xl font-black">{written.sample.text || '(nothing)'}</p>
        </Explained>
      );
  }
}

function Explained({ text, children }: { text: string; children: React.ReactNode }) {
  return (
    <>
      <p className="mb-3 max-w-prose text-sm">{text}</p>
      <div className="min-w-0 overflow-x-auto" role="group" aria-label={text} tabIndex={0}>
        {children}
      </div>
    </>
  );
}

function TokenRow({ tokens, last }: { tokens: readonly string[]; last?: boolean }) {
  return (
    <div className="flex flex-wrap gap-1 p-0.5">
      {tokens.map((token, i) => (
        <span
          key={i}
          className={`tile ${token === 'BOS' ? '!text-[0.625rem]' : ''} ${last && i === tokens.length - 1 ? 'bg-yellow !text-[#121212]' : ''}`}
        >
          {token}
        </span>
      ))}
    </div>
  );
}

type Step = Written['moments'][number]['step'];

/** The likeliest tokens, before and after temperature and top-k. */
function Distribution({ step, tokenizer }: { step: Step; tokenizer: Tokenizer }) {
  const rows = likeliest(step.model_probs, 10);
  const most = Math.max(...step.probs, ...step.model_probs);
  return (
    <table className="w-full max-w-xl text-sm">
      <thead className="sr-only">
        <tr>
          <th>token</th>
          <th>bars</th>
          <th>model’s own</th>
          <th>drawn from</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([id, p]) => (
          <tr key={id}>
            <th className="w-10 py-0.5">
              <span className={`tile tile-small ${id === tokenizer.bos ? '!text-[0.625rem]' : ''}`}>
                {tokenizer.token(id)}
              </span>
            </th>
            <td className="px-2">
              <span className="block h-1.5 bg-ink" style={{ width: `${(100 * p) / most}%` }} />
              <span
                className="mt-0.5 block h-3 bg-blue"
                style={{ width: `${(100 * step.probs[id]!) / most}%` }}
              />
            </td>
            <td className="caption w-16 text-right font-mono">{percent(p)}</td>
            <td className="w-16 text-right font-mono">{percent(step.probs[id]!)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** All probabilities end to end, and where the random number falls. */
function Line({ step, tokenizer }: { step: Step; tokenizer: Tokenizer }) {
  let start = 0;
  const parts = Array.from(step.probs, (p, id) => {
    const part = { id, p, start };
    start += p;
    return part;
  }).filter(({ p }) => p > 0.001);
  return (
    <div className="relative mt-6 h-14 min-w-[20rem] border-3 border-line">
      {parts.map(({ id, p, start: from }, i) => (
        <span
          key={id}
          className={`absolute inset-y-0 grid place-items-center overflow-hidden border-r border-line text-sm font-bold ${id === step.choice ? 'bg-yellow text-[#121212]' : i % 2 ? 'bg-bg' : ''}`}
          style={{ left: `${100 * from}%`, width: `${100 * p}%` }}
        >
          {p > 0.03 ? tokenizer.token(id) : ''}
        </span>
      ))}
      {step.uniform !== null && (
        <span
          className="absolute -top-5 h-[4.75rem] w-1 -translate-x-1/2 bg-red"
          style={{ left: `${100 * step.uniform}%` }}
        />
      )}
    </div>
  );
}
