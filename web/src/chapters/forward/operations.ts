/** The operations of one forward pass at one position, in their order: what the chapter walks. */

import { splitName } from '../../engine/activations.ts';
import type { Cell } from '../../engine/expression.ts';
import type { Trace } from '../../engine/model.ts';
import type { Scene } from '../../engine/scene.ts';
import { type Row, rowCells } from '../../figures/Cells.tsx';
import { largestOf } from '../../figures/Num.tsx';
import { line, type Span } from '../../figures/source.ts';

export interface Operation {
  readonly id: string;
  readonly title: string;
  /** The operation in one line of mathematics. */
  readonly formula: string;
  readonly text: string;
  /** Whether its result is the residual stream itself; otherwise a branch that comes back. */
  readonly stream: boolean;
  readonly lines: readonly Span[];
  readonly rows: (trace: Trace, position: number) => readonly Row[];
}

/** All operations of a model with so many layers. */
export function operations(n_layer: number): Operation[] {
  const layers = Array.from({ length: n_layer }, (_, i) => layerOperations(i, n_layer));
  return [...EMBED, ...layers.flat(), ...READ_OFF];
}

const EMBED: readonly Operation[] = [
  {
    id: 'emb_sum',
    title: 'embed',
    formula: 'emb_sum = wte[token] + wpe[position]',
    text: 'One vector for the token and one for the position; they are added.',
    stream: false,
    lines: [line('def forward', 'tok_emb = '), line('def forward', 'pos_emb = ')],
    rows: vectors('tok_emb', 'pos_emb', 'emb_sum'),
  },
  {
    id: 'emb_norm',
    title: 'norm: the stream begins',
    formula: 'x = emb_sum / √(mean of squares + 0.00001)',
    text: 'Scaled to a mean square of 1. From here on x is the residual stream: everything that follows only adds to it.',
    stream: true,
    lines: [line('def forward', 'see("emb_norm"')],
    rows: vectors('emb_norm'),
  },
];

function layerOperations(layer: number, n_layer: number): Operation[] {
  const l = (name: string) => `layer${layer}.${name}`;
  const prefix = n_layer > 1 ? `layer ${layer}: ` : '';
  return [
    {
      id: l('attn_norm'),
      title: `${prefix}query, key, value`,
      formula: 'q = wq · norm(x)   k = wk · norm(x)   v = wv · norm(x)',
      text: 'Three views of the same vector: the query is what it looks for, the key is what it offers, the value is what it passes on.',
      stream: false,
      lines: [
        line('def attention', '"attn_norm"'),
        line('def attention', '"q"'),
        line('def attention', '"k"'),
        line('def attention', '"v"'),
      ],
      rows: vectors(l('attn_norm'), l('q'), l('k'), l('v')),
    },
    {
      id: l('attn_scores'),
      title: `${prefix}attention shares`,
      formula: 'score = q · k / √head_dim   weight = softmax(scores)',
      text: 'In each head the query is compared with the keys of all positions so far. The softmax turns the scores into shares that add up to 1. Later positions are hatched: they do not exist yet.',
      stream: false,
      lines: [line('def attention', 'scores = ['), line('def attention', 'weights = see')],
      rows: (trace, position) =>
        Array.from({ length: trace.config.n_head }, (_, head) => [
          attention(l('attn_scores'), position, head, `score, head ${head}`),
          attention(l('attn_weights'), position, head, `share, head ${head}`),
        ]).flat(),
    },
    {
      id: l('attn_out'),
      title: `${prefix}collect`,
      formula: 'out = Σ weight · v   proj = wo · out',
      text: 'Each head takes the values in those shares; side by side they are one vector again, and wo mixes the heads.',
      stream: false,
      lines: [line('def attention', 'mixed +='), line('def attention', 'out = linear')],
      rows: vectors(l('attn_out'), l('attn_proj')),
    },
    {
      id: l('attn_resid'),
      title: `${prefix}add to the stream`,
      formula: 'x = x + proj',
      text: 'The output of attention is added to the stream.',
      stream: true,
      lines: [line('def attention', '"attn_resid"')],
      rows: vectors(l('attn_resid')),
    },
    {
      id: l('mlp_hidden'),
      title: `${prefix}widen`,
      formula: 'hidden = fc1 · norm(x)   relu = max(hidden, 0)',
      text: 'Four times as many numbers, each a weighted sum of the vector. ReLU keeps the positive ones and sets the others to 0.',
      stream: false,
      lines: [
        line('def mlp', '"mlp_norm"'),
        line('def mlp', '"mlp_hidden"'),
        line('def mlp', '"mlp_relu"'),
      ],
      rows: vectors(l('mlp_norm'), l('mlp_hidden'), l('mlp_relu')),
    },
    {
      id: l('mlp_resid'),
      title: `${prefix}project back and add`,
      formula: 'x = x + fc2 · relu',
      text: 'Back to the width of the stream, and added to it.',
      stream: true,
      lines: [line('def mlp', '"mlp_proj"'), line('def mlp', '"mlp_resid"')],
      rows: vectors(l('mlp_proj'), l('mlp_resid')),
    },
  ];
}

const READ_OFF: readonly Operation[] = [
  {
    id: 'logits',
    title: 'a score for each token',
    formula: 'logits = lm_head · x',
    text: 'One dot product for each possible next token: how well it fits the stream.',
    stream: false,
    lines: [line('def forward', 'see("logits"')],
    rows: vectors('logits'),
  },
  {
    id: 'probs',
    title: 'a probability for each token',
    formula: 'p = softmax(logits)',
    text: 'The same scores as shares of 1: the model’s prediction of the next token.',
    stream: false,
    lines: [line('def loss', 'see("probs"'), line('def loss', 'see("loss"')],
    rows: vectors('probs'),
  },
];

/** The rows of some named vectors. */
function vectors(...names: string[]): Operation['rows'] {
  return (trace, position) => names.map((name) => vector(trace, name, position));
}

function vector(trace: Trace, name: string, position: number): Row {
  const values = trace.values.row(name, position);
  return { label: splitName(name).short, cells: rowCells(name, position, values.length) };
}

function attention(name: string, position: number, head: number, label: string): Row {
  const cells: Cell[] = rowCells(name, position, position + 1, 'value', head);
  return { label, cells };
}

/** What full colour stands for in an operation's grid. */
export function scaleOf(scene: Scene, rows: readonly Row[]): number {
  return Math.max(...rows.map((row) => largestOf(scene, row.cells)));
}
