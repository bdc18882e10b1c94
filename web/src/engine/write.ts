/** Texts written by the model with everything that the chapter shows of them. */

import { type Interventions, makePlan } from './interventions.ts';
import { Session } from './model.ts';
import type { Params } from './params.ts';
import { Random } from './random.ts';
import {
  generate,
  generateSteps,
  Known,
  likeliest,
  type Novelty,
  type Sample,
  type SampleConfig,
  type SampleStep,
} from './sample.ts';
import type { Run } from './train.ts';

/** One choice with what the model computed before it. */
export interface Moment {
  readonly step: SampleStep;
  /** The stream after the embedding, `[n_embd]`. */
  readonly embedding: Float64Array;
  /** For each layer and head the shares that the positions so far get. */
  readonly attention: readonly {
    readonly layer: number;
    readonly head: number;
    readonly shares: Float64Array;
  }[];
}

export interface Written {
  readonly sample: Sample;
  readonly moments: readonly Moment[];
}

/** Write one text and keep every moment of it. */
export function write(given: {
  readonly params: Params;
  readonly run: Run;
  readonly config: SampleConfig;
  readonly seed: number;
  readonly prompt: string;
  readonly interventions: Interventions;
}): Written {
  const { params, run, config, seed, prompt, interventions } = given;
  const session = new Session(params, makePlan(params.config, interventions));
  const steps = generateSteps(session, run.tokenizer, new Random(seed), config, prompt);
  const moments: Moment[] = [];
  for (;;) {
    const next = steps.next();
    if (next.done) return { sample: next.value, moments };
    const { position } = next.value;
    const { values } = session;
    moments.push({
      step: next.value,
      embedding: values.row('emb_norm', position).slice(),
      attention: Array.from({ length: params.config.n_layer }, (_, layer) =>
        Array.from({ length: params.config.n_head }, (_, head) => ({
          layer,
          head,
          shares: values.row(`layer${layer}.attn_weights`, position, head).slice(0, position + 1),
        })),
      ).flat(),
    });
  }
}

/** One of many texts, with what is told of it. */
export interface Row extends Omit<Sample, 'steps'> {
  readonly bin: Novelty;
  readonly choices: readonly {
    readonly position: number;
    /** The token read last. */
    readonly token_id: number;
    readonly likeliest: readonly [id: number, p: number][];
    readonly choice: number;
    /** The probability of the choice. */
    readonly p: number;
    /** Whether a random number was drawn for it. */
    readonly random: boolean;
  }[];
}

/** Many texts from one stream, each sorted into its bin; yields how many there are. */
export function* writeMany(given: {
  readonly params: Params;
  readonly run: Run;
  readonly steps: number;
  readonly config: SampleConfig;
  readonly seed: number;
  readonly prompt: string;
  readonly interventions: Interventions;
  readonly n: number;
}): Generator<number, readonly Row[]> {
  const { params, run, config, prompt, interventions } = given;
  const rng = new Random(given.seed);
  const known = new Known(run.seen(given.steps), new Set(run.documents), run.tokenizer);
  const rows: Row[] = [];
  while (rows.length < given.n) {
    const { steps, ...sample } = generate(
      params,
      run.tokenizer,
      rng,
      config,
      prompt,
      interventions,
    );
    rows.push({
      ...sample,
      bin: known.novelty(sample),
      choices: steps.map(({ position, token_id, probs, uniform, choice }) => {
        const top = likeliest(probs, 5);
        const random = uniform !== null;
        return { position, token_id, choice, p: probs[choice]!, random, likeliest: top };
      }),
    });
    yield rows.length;
  }
  return rows;
}

/**
 * The document that is the fewest edits away (Levenshtein 1966), and how many. Of a cut text only
 * the beginnings of documents are compared, `cutAt` characters of each.
 */
export function nearest(
  text: string,
  documents: Iterable<string>,
  cutAt: number | null = null,
): { document: string; edits: number } {
  let best = { document: '', edits: Number.POSITIVE_INFINITY };
  const chars = [...text];
  for (const document of documents) {
    const other = cutAt === null ? [...document] : [...document].slice(0, cutAt);
    if (Math.abs(other.length - chars.length) >= best.edits) continue;
    const edits = distance(chars, other);
    if (edits < best.edits) best = { document, edits };
    if (edits === 0) break;
  }
  return best;
}

function distance(a: readonly string[], b: readonly string[]): number {
  let before = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      row.push(Math.min(before[j]! + 1, row[j - 1]! + 1, before[j - 1]! + same));
    }
    before = row;
  }
  return before[b.length]!;
}

/** What people call a temperature. */
export function bandOf(temperature: number): string {
  if (temperature === 0) return 'greedy: always the most likely token';
  if (temperature <= 0.3) return 'conservative';
  if (temperature <= 0.7) return 'balanced';
  return temperature <= 1.2 ? 'creative' : 'wild';
}
