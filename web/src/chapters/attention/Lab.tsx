import { useMemo } from 'react';
import { differenceOf, measured } from '../../engine/derived.ts';
import { judges } from '../../engine/heldOut.ts';
import type { Interventions } from '../../engine/interventions.ts';
import { trace as read, type Trace } from '../../engine/model.ts';
import { likeliest } from '../../engine/sample.ts';
import { MEAN_LOSS, probability } from '../../figures/Cells.tsx';
import {
  isAllMuted,
  isMuted,
  SWITCH_NAMES,
  SWITCHES,
  withAllHeads,
  withFlag,
  withHead,
  withHidden,
  withMlp,
} from '../../figures/changes.ts';
import { Delta } from '../../figures/Delta.tsx';
import { percent } from '../../figures/format.ts';
import { Num } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { moveInGrid } from '../../figures/roving.ts';
import { intervene } from '../../store/explorer.ts';
import { useCompute, useExplorer, useLoaded } from '../../store/use.ts';
import { ForceRow } from './ForceRow.tsx';
import { lossOfOthers } from './worth.ts';

const NOTHING: Interventions = {};

/** The running document read with nothing taken away. */
export function useBaseline(): Trace {
  const { trace, params } = useLoaded();
  const plain = trace.plan.plain;
  return useMemo(() => (plain ? trace : read(params, trace.document)), [plain, trace, params]);
}

/** Take parts away or force them, and see at once what it costs. */
export function Lab() {
  return (
    <Panel title="take it apart" caption="changes here apply to all chapters">
      <div className="@container">
        <div className="grid grid-cols-[minmax(0,1fr)] gap-x-8 gap-y-6 @3xl:grid-cols-[minmax(0,1.15fr)_minmax(0,1fr)]">
          <div className="min-w-0 space-y-5">
            <Switches />
            <ForceRow />
          </div>
          <Effect />
        </div>
      </div>
    </Panel>
  );
}

function Switches() {
  const { trace, tokenizer } = useLoaded();
  const given = useExplorer((s) => s.interventions);
  const { config, values } = trace;
  const layers = Array.from({ length: config.n_layer }, (_, layer) => layer);
  const switchOf = (at: string, label: string, on: boolean, next: Interventions) => (
    <button
      key={at}
      type="button"
      data-at={at}
      tabIndex={at === '0,0' ? 0 : -1}
      className="btn"
      aria-pressed={on}
      onClick={() => intervene(next)}
    >
      {label}
    </button>
  );
  return (
    <section aria-label="Switch off" onKeyDown={moveInGrid}>
      <h3 className="text-sm font-bold">switch off</h3>
      <div role="group" aria-label="Parts to switch off" className="mt-2 space-y-1">
        <div className="flex flex-wrap gap-1">
          {switchOf('0,0', 'all heads', isAllMuted(given, config), withAllHeads(given, config))}
          {SWITCH_NAMES.map((name, i) => {
            const { button } = SWITCHES[name];
            const on = given[name] === true;
            return button && switchOf(`0,${i + 1}`, button, on, withFlag(given, name));
          })}
          <button
            type="button"
            data-at={`0,${SWITCH_NAMES.length + 1}`}
            tabIndex={-1}
            className="btn btn-red"
            aria-disabled={trace.plan.plain}
            onClick={() => intervene(NOTHING)}
          >
            reset all
          </button>
        </div>
        {layers.map((layer) => (
          <div key={layer} className="flex flex-wrap items-center gap-1">
            {config.n_layer > 1 && <span className="caption w-14">layer {layer}</span>}
            {Array.from({ length: config.n_head }, (_, head) =>
              switchOf(
                `${layer + 1},${head}`,
                `head ${head}`,
                isMuted(given, layer, head),
                withHead(given, config, layer, head),
              ),
            )}
            {switchOf(
              `${layer + 1},${config.n_head}`,
              'MLP',
              given.mutedMlps?.includes(layer) ?? false,
              withMlp(given, layer),
            )}
          </div>
        ))}
      </div>
      <h3 className="mt-4 text-sm font-bold">hide a position from all later ones</h3>
      <div role="group" aria-label="Positions to hide" className="mt-2 flex flex-wrap gap-1">
        {Array.from({ length: values.length }, (_, t) => {
          const token = tokenizer.token(values.tokens[t]!);
          return (
            <button
              key={t}
              type="button"
              data-at={`${config.n_layer + 1},${t}`}
              tabIndex={-1}
              className={`tile ${token === 'BOS' ? '!text-[0.625rem]' : ''}`}
              aria-pressed={given.hiddenPositions?.includes(t) ?? false}
              aria-label={`hide position ${t}, ${token}`}
              onClick={() => intervene(withHidden(given, t))}
            >
              {token}
            </button>
          );
        })}
      </div>
    </section>
  );
}

/** What it does: to this document, to the next token, to documents never trained on. */
function Effect() {
  const { trace, params, run, tokenizer } = useLoaded();
  const running = useExplorer((s) => s.document);
  const position = useExplorer((s) => s.position);
  const given = useExplorer((s) => s.interventions);
  const before = useBaseline();
  const changed = !trace.plan.plain;
  const tested = judges(run);
  const { documents } = tested;
  const asIs = useCompute(
    'losses',
    useMemo(() => ({ params, documents, cases: [NOTHING] }), [params, documents]),
  );
  const without = useCompute(
    'losses',
    useMemo(
      () => (changed ? { params, documents, cases: [given] } : null),
      [changed, params, documents, given],
    ),
  );
  const was = before.values.row('probs', position);
  const is = trace.values.row('probs', position);
  const widest = Math.max(...was, ...is);
  const rows = likeliest(
    was.map((p, i) => Math.max(p, is[i]!)),
    5,
  );
  const target = trace.values.targets[position]!;
  const settled = asIs.done && (without.done || !changed);
  const heldBefore = asIs.value?.[0];
  const heldNow = changed ? without.value?.[0] : heldBefore;
  const loss = (when: string, value: number | undefined) =>
    value === undefined ? null : lossOfOthers(`${when} on ${tested.title}`, value);
  const held = loss('as it is', heldBefore);
  const heldChanged = loss('changed', heldNow);
  const plain = changed
    ? measured('mean loss as it is', before.loss, 'a forward pass with nothing changed')
    : MEAN_LOSS;
  const now = (id: number) => probability(position, id);
  const asBefore = (id: number) =>
    changed
      ? measured(
          `probability of ${tokenizer.token(id)} as it is`,
          was[id]!,
          'a forward pass with nothing changed',
        )
      : now(id);
  return (
    <section aria-label="What it does" className="min-w-0 space-y-4">
      <table className="w-full text-left text-sm">
        <caption className="pb-1 text-left font-bold">loss</caption>
        <thead>
          <tr className="caption border-b-2 border-line text-right">
            <th scope="col" className="text-left font-medium">
              of
            </th>
            <th scope="col" className="pl-3 font-medium">
              as it is
            </th>
            <th scope="col" className="pl-3 font-medium">
              changed
            </th>
            <th scope="col" className="pl-3 font-medium">
              Δ
            </th>
          </tr>
        </thead>
        <tbody className="font-mono [&_td]:pl-3">
          <tr className="border-b border-hair text-right">
            <th scope="row" className="py-1.5 text-left font-sans font-medium">
              {running}
            </th>
            <td>
              <Num cell={plain} places={4} />
            </td>
            <td>{changed ? <Num cell={MEAN_LOSS} places={4} /> : '–'}</td>
            <td>
              {changed ? (
                <Delta cell={differenceOf('change of the mean loss', MEAN_LOSS, plain)} />
              ) : (
                '–'
              )}
            </td>
          </tr>
          <tr className="border-b border-hair text-right" aria-busy={!settled}>
            <th scope="row" className="py-1.5 text-left font-sans font-medium">
              {tested.title}
            </th>
            <td>{held ? <Num cell={held} places={4} /> : '…'}</td>
            <td>{!changed ? '–' : heldChanged ? <Num cell={heldChanged} places={4} /> : '…'}</td>
            <td>
              {!changed ? (
                '–'
              ) : settled && held && heldChanged ? (
                <Delta
                  cell={differenceOf(`change of the loss of ${tested.title}`, heldChanged, held)}
                />
              ) : (
                `${without.soFar?.read ?? 0} read`
              )}
            </td>
          </tr>
        </tbody>
      </table>
      <table className="w-full text-left text-sm">
        <caption className="pb-1 text-left font-bold">
          what comes after position {position}, {tokenizer.token(trace.values.tokens[position]!)}
        </caption>
        <thead>
          <tr className="caption border-b-2 border-line text-right">
            <th scope="col" className="text-left font-medium">
              token
            </th>
            <th scope="col" className="w-2/5 text-left font-medium">
              <span className="sr-only">bars</span>
            </th>
            <th scope="col" className="pl-3 font-medium">
              as it is
            </th>
            <th scope="col" className="pl-3 font-medium">
              changed
            </th>
          </tr>
        </thead>
        <tbody className="font-mono [&_td]:pl-3">
          {rows.map(([id]) => (
            <tr key={id} className="border-b border-hair text-right">
              <th scope="row" className="py-1 text-left font-sans">
                <span
                  className={`tile tile-small ${id === target ? '!bg-yellow !text-[#121212]' : ''} ${id === tokenizer.bos ? '!text-[0.625rem]' : ''}`}
                >
                  {tokenizer.token(id)}
                </span>
              </th>
              <td aria-hidden="true" className="px-2">
                <Bar share={was[id]! / widest} colour="bg-soft" />
                <Bar share={is[id]! / widest} colour={changed ? 'bg-red' : 'bg-yellow'} />
              </td>
              <td>
                <Num cell={asBefore(id)} write={percent} />
              </td>
              <td>{changed ? <Num cell={now(id)} write={percent} /> : '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="caption">
        Yellow tile: what the document has. Grey bar: as it is; coloured: now.{' '}
        {given.forcedAttention?.length
          ? 'A forced row also applies to other documents, at the same position.'
          : 'One document tells little: a change can help it by chance. Look at the mean.'}
      </p>
    </section>
  );
}

function Bar({ share, colour }: { share: number; colour: string }) {
  return (
    <span className="my-0.5 block h-1.5 bg-bg">
      <span className={`block h-full ${colour}`} style={{ width: `${100 * share}%` }} />
    </span>
  );
}
