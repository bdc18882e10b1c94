import { useEffect, useMemo, useRef, useState } from 'react';
import { likeliest } from '../../engine/sample.ts';
import { TokenBars } from '../../figures/Bars.tsx';
import { Cells, lossCell, MEAN_LOSS, probability } from '../../figures/Cells.tsx';
import { CodePanel } from '../../figures/CodePanel.tsx';
import { percent } from '../../figures/format.ts';
import { useGrowing } from '../../figures/growing.ts';
import { Num } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { Check, Predict } from '../../figures/Quiz.tsx';
import { definition } from '../../figures/source.ts';
import { explorer, setPosition } from '../../store/explorer.ts';
import { useScene } from '../../store/scene.ts';
import { useExplorer, useLoaded } from '../../store/use.ts';
import { type Operation, operations, scaleOf } from './operations.ts';

const CODE = [
  definition('def forward'),
  definition('def attention'),
  definition('def mlp'),
  definition('def loss'),
];
const STEP_MS = 900;

/** One token on its way through the model, an operation at a time. */
export default function Forward() {
  const { trace, tokenizer, loaded } = useLoaded();
  const position = useExplorer((s) => s.position);
  const [at, setAt] = useState(0);
  const [playing, setPlaying] = useState(false);
  const list = useMemo(() => operations(trace.config.n_layer), [trace.config.n_layer]);
  const drawn = useGrowing(list.length, 2, 1);
  const operation = list[Math.min(at, list.length - 1)]!;
  const token = tokenizer.token(trace.values.tokens[position]!);
  const target = trace.values.targets[position]!;
  const probs = trace.values.row('probs', position);
  const best = likeliest(probs, 5);
  const guess = tokenizer.token(best[0]![0]);
  const unlikelier = (best[3] ?? best.at(-1)!)[0]; // a vocabulary may have only two tokens
  const read = Array.from(trace.values.tokens.subarray(0, position + 1), (id) =>
    tokenizer.token(id),
  );

  /** One operation on; after the last one the next position begins. */
  const forth = () => {
    if (at + 1 < list.length) return setAt(at + 1);
    const { position: now, trace: current } = explorer.getState();
    if (current && now + 1 < current.values.length) {
      setPosition(now + 1);
      setAt(0);
    } else setPlaying(false);
  };
  const back = () => {
    if (at > 0) return setAt(at - 1);
    if (position > 0) {
      setPosition(position - 1);
      setAt(list.length - 1);
    }
  };
  const latest = useRef(forth);
  latest.current = forth;
  useEffect(() => {
    if (!playing) return;
    const timer = setInterval(() => latest.current(), STEP_MS);
    return () => clearInterval(timer);
  }, [playing]);

  return (
    <div className="@container mt-4 space-y-6">
      <p className="prose">
        The model reads one token at a time. Here it reads <b>{token}</b> at position {position} and
        predicts what comes next. Everything in between is arithmetic, and all of it is shown below.
        Click a number to see how it was computed; the numbers it was computed from light up.
      </p>
      <Predict
        id={`forward ${loaded.source.name} ${read.join('')}`}
        question={`After ${read.join(' ')}, which token does the model find most likely?`}
        options={[...new Set([guess, tokenizer.token(target), tokenizer.token(unlikelier)])]
          .sort()
          .map((value) => ({ value, label: value }))}
        truth={guess}
      >
        It gives <b>{guess}</b> <Num cell={probability(position, best[0]![0])} write={percent} />.{' '}
        {best[0]![0] === target ? (
          'That is what the document has, too.'
        ) : (
          <>
            In the document {tokenizer.token(target)} comes, which it gave{' '}
            <Num cell={probability(position, target)} write={percent} />.
          </>
        )}
      </Predict>

      <div className="grid grid-cols-[minmax(0,1fr)] gap-6 @5xl:grid-cols-[minmax(0,1.7fr)_minmax(0,1fr)] @7xl:grid-cols-[minmax(0,1fr)_24rem]">
        <div className="min-w-0">
          <div className="sticky -top-6 z-10 -mx-1 mb-3 flex flex-wrap items-center gap-2 border-b-4 border-line bg-bg px-1 py-2">
            <button
              type="button"
              className="btn"
              onClick={back}
              disabled={at === 0 && position === 0}
            >
              <span aria-hidden="true">←</span> back
            </button>
            <button
              type="button"
              className="btn btn-red"
              aria-pressed={playing}
              onClick={() => setPlaying(!playing)}
            >
              {playing ? 'pause' : 'play'}
            </button>
            <button
              type="button"
              className="btn"
              onClick={forth}
              disabled={at === list.length - 1 && position === trace.values.length - 1}
            >
              step <span aria-hidden="true">→</span>
            </button>
            <p className="caption" aria-live={playing ? 'off' : 'polite'}>
              {Math.min(at, list.length - 1) + 1} of {list.length}: {operation.title}, {token} at
              position {position}
            </p>
          </div>
          <ol>
            {list.slice(0, drawn).map((one, i) => (
              <Block
                key={one.id}
                operation={one}
                current={one === operation}
                moved={i === at}
                onPick={() => setAt(i)}
              />
            ))}
          </ol>
        </div>
        <div className="min-w-0 space-y-6 @5xl:sticky @5xl:top-0 @5xl:self-start">
          <Panel title={`after ${read.join(' ')}`} caption="what comes next">
            <TokenBars
              rows={best.map(([id]) => ({
                token: tokenizer.token(id),
                cell: probability(position, id),
                mark: id === target ? 'target' : undefined,
              }))}
            />
            <p className="caption mt-3">
              {tokenizer.token(target)} comes in this document, with{' '}
              <Num cell={probability(position, target)} write={percent} />: loss{' '}
              <Num cell={lossCell(position)} places={4} />. Mean of all positions{' '}
              <Num cell={MEAN_LOSS} places={4} />.
            </p>
          </Panel>
          <CodePanel show={CODE} lit={operation.lines} />
          <Panel title="check yourself">
            <Check
              id="forward sum"
              question={`What is the first number of emb_sum at position ${position}? (two decimals)`}
              expect={{ number: trace.values.get('emb_sum', position, 0), places: 2 }}
              hints={[
                'emb_sum is the sum of tok_emb and pos_emb, shown above.',
                'Add the first number of tok_emb to the first number of pos_emb.',
              ]}
              explain="There is one addition for each of the numbers."
            />
            <Check
              id="forward future"
              question={`How many positions can position ${position} attend to?`}
              expect={{ number: position + 1 }}
              hints={[
                'A position attends to all before it, and to itself.',
                'Count the shares of one head; positions count from 0.',
              ]}
              explain="The later ones have no keys yet: no mask is needed to hide what does not exist."
            />
          </Panel>
        </div>
      </div>
    </div>
  );
}

/** One operation: on the stream a thick line runs through, branches stand aside and come back. */
function Block(props: {
  operation: Operation;
  current: boolean;
  moved: boolean;
  onPick: () => void;
}) {
  const { operation, current } = props;
  const { trace } = useLoaded();
  const scene = useScene();
  const position = useExplorer((s) => s.position);
  const item = useRef<HTMLLIElement>(null);
  const started = useRef(false);
  const rows = operation.rows(trace, position);
  const isAttention = operation.id.endsWith('attn_scores');

  useEffect(() => {
    // Follow the stepping, but do not scroll when the chapter has just been opened.
    if (started.current && current) {
      const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
      item.current?.scrollIntoView({ block: 'center', behavior: still ? 'auto' : 'smooth' });
    }
    started.current = true;
  }, [current]);

  return (
    <li ref={item} className="relative grid grid-cols-[1.75rem_minmax(0,1fr)]">
      <div className="relative" aria-hidden="true">
        <div className="absolute inset-y-0 left-2 w-1.5 bg-line" />
        {operation.stream ? (
          <div className="absolute left-0 top-4 h-[1.375rem] w-[1.375rem] border-4 border-line bg-yellow" />
        ) : (
          <div className="absolute left-2 top-6 h-1.5 w-6 bg-line" />
        )}
      </div>
      <div
        className={`mb-4 min-w-0 border-3 bg-panel p-3 ${current ? 'border-line shadow-[6px_0_0_inset_var(--yellow)]' : 'border-hair'}`}
      >
        <h2 className="mb-1 flex flex-wrap items-baseline gap-x-4">
          <button
            type="button"
            tabIndex={-1}
            className="text-left text-base font-bold"
            aria-current={current ? 'step' : undefined}
            onClick={props.onPick}
          >
            {operation.title}
          </button>
          <code className="text-xs font-normal text-soft">{operation.formula}</code>
        </h2>
        <p className="caption mb-2">{operation.text}</p>
        <Cells
          name={operation.title}
          rows={rows}
          largest={scaleOf(scene, rows)}
          {...(isAttention ? { width: trace.values.length } : {})}
          labelWidth={isAttention ? '7rem' : '5.75rem'}
        />
      </div>
    </li>
  );
}
