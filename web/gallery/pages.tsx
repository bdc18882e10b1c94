/** A page for each figure: one entry for each state it can be in. */

import { type ComponentType, useState } from 'react';
import type { Cell } from '../src/engine/expression.ts';
import { Bar, Bars, TokenBars } from '../src/figures/Bars.tsx';
import { Cells, probability, rowCells } from '../src/figures/Cells.tsx';
import { Cloud } from '../src/figures/Cloud.tsx';
import { CodePanel } from '../src/figures/CodePanel.tsx';
import { Columns } from '../src/figures/Columns.tsx';
import { Curves, Ends } from '../src/figures/Curves.tsx';
import { DataChoices } from '../src/figures/DataChoices.tsx';
import { Delta } from '../src/figures/Delta.tsx';
import { fixed, largest } from '../src/figures/format.ts';
import { Gradually } from '../src/figures/Gradually.tsx';
import { HeatMap } from '../src/figures/HeatMap.tsx';
import { Num } from '../src/figures/Num.tsx';
import { Choice, Panel } from '../src/figures/Panel.tsx';
import { extent, type Point, smoothed, thinned } from '../src/figures/plot.ts';
import { Check, Predict } from '../src/figures/Quiz.tsx';
import { Scroll } from '../src/figures/Scroll.tsx';
import { Sparkline } from '../src/figures/Sparkline.tsx';
import { definition, line } from '../src/figures/source.ts';
import { Table } from '../src/figures/Table.tsx';
import { explorer } from '../src/store/explorer.ts';
import { useLoaded } from '../src/store/use.ts';

export interface State {
  readonly name: string;
  readonly view: ComponentType;
}

/** The model that is loaded: the pages are made once it is there. */
function model() {
  const { loaded, params, trace } = explorer.getState();
  if (!loaded || !params || !trace) throw new Error('no model is loaded yet');
  return { loaded, params, trace, tokenizer: loaded.run.tokenizer, config: loaded.run.model };
}

const state = (name: string, view: ComponentType): State => ({ name, view });

/** The likeliest tokens after the first position. */
function likeliest() {
  const { trace, tokenizer } = model();
  return Array.from(trace.values.row('probs', 0), (p, id) => ({
    id,
    token: tokenizer.token(id),
    p,
  }))
    .sort((a, b) => b.p - a.p)
    .slice(0, 5);
}

/** The losses of the run: every one, and their running mean. */
function lossLines() {
  const { losses } = model().loaded;
  const place = (i: number) => i + 1;
  return [
    { points: [...thinned(losses, 400, place)], colour: 'var(--red)', width: 1, opacity: 0.45 },
    { points: [...thinned(smoothed(losses, 0.98), 400, place)], colour: 'var(--red)', width: 3 },
  ];
}

function tensorRows(name: 'wpe' | 'wte', rows: number) {
  const { n_embd } = model().config;
  return Array.from({ length: rows }, (_, r) => ({
    label: `row ${r}`,
    cells: rowCells(name, r, n_embd, 'param'),
    current: r === 0,
  }));
}

function Choosing() {
  const [value, setValue] = useState<'one' | 'two'>('one');
  return (
    <Choice
      label="Which one"
      options={[
        { value: 'one', label: 'the first' },
        { value: 'two', label: 'the second' },
      ]}
      value={value}
      onChange={setValue}
    />
  );
}

function Weight(props: { cell: Cell; largest?: number }) {
  const { params } = useLoaded();
  return (
    <p>
      The first weight of {params.config.n_embd} in a row is <Num {...props} />.
    </p>
  );
}

const WEIGHT: Cell = { kind: 'param', name: 'wte', row: 0, column: 0, head: 0 };
const LINES_SHOWN = [definition('def softmax'), definition('def rmsnorm')];

/** Each figure by the name of its file. */
export const PAGES: Readonly<Record<string, () => readonly State[]>> = {
  Bars: () => {
    const { params, config } = model();
    const row = params.wte.subarray(0, config.n_embd);
    return [
      state('Bar: none, a third, all, more than all', () => (
        <div className="space-y-2">
          {[0, 1 / 3, 1, 2].map((share) => (
            <Bar key={share} share={share} />
          ))}
        </div>
      )),
      state('Bar: another fill, with a border', () => (
        <Bar share={0.6} fill="bg-red" strip="h-4 border-2 border-line" />
      )),
      state('Bars: a row of wte', () => (
        <Bars name="the first row of wte" values={row} largest={largest(row)} />
      )),
      state('TokenBars: the likeliest first tokens', () => (
        <TokenBars
          rows={likeliest().map(({ token, id }, i) => ({
            token,
            cell: probability(0, id),
            mark: i ? undefined : 'target',
          }))}
        />
      )),
    ];
  },
  Cells: () => [
    state('a few rows, with room for what does not exist yet', () => (
      <Cells name="wpe" rows={tensorRows('wpe', 3)} largest={1} width={18} />
    )),
    state('more than fit on a page: on a canvas', () => (
      <Cells name="wte and its rows" rows={LARGE} largest={0.5} />
    )),
  ],
  Cloud: () => [
    state('all documents', () => (
      <Cloud documents={model().loaded.run.documents} running="emma" onPick={() => {}} />
    )),
    state('a single one, which is running', () => (
      <Cloud documents={['emma']} running="emma" onPick={() => {}} />
    )),
  ],
  CodePanel: () => [
    state('two definitions, one line lit', () => (
      <CodePanel show={LINES_SHOWN} lit={[line('def softmax', 'largest')]} />
    )),
  ],
  Columns: () => {
    const lengths = new Map<number, number>();
    for (const { length } of model().loaded.run.documents)
      lengths.set(length, (lengths.get(length) ?? 0) + 1);
    const columns = [...lengths].sort(([a], [b]) => a - b);
    return [
      state('lengths of the documents', () => (
        <Columns
          name="Lengths of the documents"
          columns={columns.map(([label, value]) => ({ label: `${label}`, value }))}
        />
      )),
      state('nothing to count', () => <Columns name="Nothing" columns={[]} />),
    ];
  },
  Curves: () => {
    const lines = lossLines();
    const { losses } = model().loaded;
    const [low, high] = extent(losses);
    return [
      state('every loss and their mean, at step 300', () => (
        <figure>
          <Curves name="losses" x={[0, losses.length]} y={[low, high]} lines={lines} at={300} />
          <Ends>
            <span>0</span>
            <span>{losses.length}</span>
          </Ends>
        </figure>
      )),
      state('no line yet, a level', () => (
        <Curves name="nothing yet" x={[0, 1]} y={[-1, 1]} lines={[]} level={0} />
      )),
      state('a line with a gap, dashed', () => <Curves {...GAP} />),
    ];
  },
  DataChoices: () => [state('as in chapter 1', () => <DataChoices />)],
  Delta: () => [
    state('better, the same, worse', () => (
      <p className="flex gap-4">
        <Delta value={-0.25} /> <Delta value={0} /> <Delta value={0.25} />
      </p>
    )),
  ],
  Gradually: () => [
    state('six parts, one after the other', () => (
      <Gradually first={1}>
        {['one', 'two', 'three', 'four', 'five', 'six'].map((part) => (
          <p key={part}>{part}</p>
        ))}
      </Gradually>
    )),
  ],
  HeatMap: () => {
    const { params, config } = model();
    const columns = Array.from({ length: config.n_embd }, (_, i) => `${i}`);
    const rows = (n: number) => Array.from({ length: n }, (_, i) => model().tokenizer.token(i));
    const all = rows(config.vocab_size);
    const describe = (r: number, c: number, value: number) => `${r}, ${c}: ${fixed(value, 3)}`;
    return [
      state('wte', () => (
        <HeatMap
          {...{ name: 'wte', values: params.wte, rows: all, columns, describe }}
          largest={largest(params.wte)}
        />
      )),
      state('a single number that can be picked', () => (
        <HeatMap
          {...{ name: 'one number', values: [0.5], rows: ['a'], columns: ['b'], describe }}
          largest={1}
          onPick={() => {}}
        />
      )),
    ];
  },
  Num: () => [
    state('in a sentence', () => <Weight cell={WEIGHT} />),
    state('tinted', () => <Weight cell={WEIGHT} largest={0.2} />),
    state('not there', () => <Weight cell={{ ...WEIGHT, row: 1_000_000 }} />),
  ],
  Panel: () => [
    state('with a caption', () => (
      <Panel title="A panel" caption="and what it is about">
        <p>Its content.</p>
      </Panel>
    )),
    state('a choice', Choosing),
  ],
  Quiz: () => [
    state('a prediction', () => (
      <Predict
        id="gallery prediction"
        question="Is this the gallery?"
        options={[
          { value: 'yes', label: 'yes' },
          { value: 'no', label: 'no' },
        ]}
        truth="yes"
      >
        It shows every figure in all its states.
      </Predict>
    )),
    state('a check', () => (
      <Check
        id="gallery check"
        question="How much is 2 + 2?"
        expect={{ number: 4 }}
        hints={['Count on your fingers.', 'Two, and two more.']}
        explain="2 + 2 = 4."
      />
    )),
  ],
  Scroll: () => [
    state('narrower than its content', () => (
      <Scroll name="A wide line">
        <p className="w-[80rem] bg-yellow text-[#121212]">a line of 80 rem</p>
      </Scroll>
    )),
    state('wide enough', () => (
      <Scroll name="A short line">
        <p>a short line</p>
      </Scroll>
    )),
  ],
  Sparkline: () => {
    const points = lossLines()[1]?.points as Point[];
    return [
      state('a number over the run', () => (
        <Sparkline name="mean loss" points={points} at={500} now={2.5} />
      )),
      state('a number that never changes', () => (
        <Sparkline
          name="nothing"
          points={[
            [0, 1],
            [10, 1],
          ]}
          at={3}
          now={1}
        />
      )),
      state('below and above zero', () => (
        <Sparkline
          name="a weight"
          points={[
            [0, -1],
            [10, 1],
          ]}
          at={3}
          now={0}
        />
      )),
    ];
  },
  Table: () => {
    const rows = likeliest().map(({ token, p }, i) => ({
      key: token,
      head: token,
      cells: [fixed(p, 3), i ? 'less likely' : 'the likeliest'],
      look: ([undefined, 'lit', 'bold'] as const)[i],
    }));
    const columns = [{ head: 'token' }, { head: 'p' }, { head: 'place', words: true }] as const;
    return [
      state('with a line that is lit and one in bold', () => (
        <Table name="The likeliest tokens" columns={columns} lines={rows} />
      )),
      state('with a caption', () => (
        <Table name="Two" columns={columns} lines={rows.slice(0, 2)} caption="the first two" />
      )),
      state('wider than its room', () => (
        <Table name="A wide table" columns={columns} lines={rows} least="min-w-[60rem]" />
      )),
      state('without lines', () => <Table name="An empty table" columns={columns} lines={[]} />),
    ];
  },
};

const GAP = {
  name: 'a gap',
  x: [0, 4],
  y: [0, 1],
  lines: [
    {
      points: [
        [0, 0],
        [1, 0.5],
        [2, Number.NaN],
        [3, 0.5],
        [4, 1],
      ],
      colour: 'var(--blue)',
      dash: '8 5',
    },
  ],
} as const;

/** Rows of wte until there are more numbers than buttons are drawn for. */
const LARGE = Array.from({ length: 27 }, (_, r) => ({
  label: `row ${r}`,
  cells: [0, 1].flatMap(() => rowCells('wte', r, 16, 'param')),
}));
