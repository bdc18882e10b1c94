/** Make a link of what is shown, and open one. */

import {
  MAX_TYPED_SEED,
  type ModelConfig,
  TRAIN_DEFAULTS,
  type TrainConfig,
  trainConfig,
} from '../engine/config.ts';
import { GlassError } from '../engine/errors.ts';
import { fingerprint } from '../engine/fingerprint.ts';
import { Random } from '../engine/random.ts';
import { sha256 } from '../engine/sha256.ts';
import { Tokenizer } from '../engine/tokenizer.ts';
import { initial, prepare, type Run } from '../engine/train.ts';
import {
  editWeights,
  explorer,
  fail,
  intervene,
  notify,
  setDocument,
  setPosition,
  setStep,
  show,
} from './explorer.ts';
import { checkChanges, checkLimits, checkWork, type Link, pack, unpack } from './link.ts';
import { fetchPretrained, openUsual, PRETRAINED } from './load.ts';
import { trainHere } from './session.ts';

/** The address of this page with everything in it; throws GlassError where it is too much for a link. */
export async function makeLink(chapter: string): Promise<string> {
  const { loaded, asked, document, position, edits, interventions } = explorer.getState();
  if (!loaded) throw new GlassError('nothing is loaded yet');
  const { run, source, losses } = loaded;
  if (run.training.seed > MAX_TYPED_SEED) {
    throw new GlassError(`a link holds seeds up to ${MAX_TYPED_SEED}; send the file instead`);
  }
  const known = PRETRAINED.some(({ name }) => name === source.name);
  const link: Link = {
    d: known ? source.name : originalOrder(run),
    n: source.title,
    f: run.tokenizer.normalize,
    m: shapeOf(run.model),
    t: differences(run.training),
    s: asked,
    x: document,
    p: position,
    h: losses.length === run.training.steps ? fingerprint(losses) : '',
    ...(edits.size ? { e: [...edits] } : {}),
    ...(Object.keys(interventions).length ? { i: interventions } : {}),
  };
  checkLimits(link);
  checkWork(run, document);
  const { origin, pathname } = location;
  return `${origin}${pathname}#/${chapter}?r=${await pack(link)}`;
}

/** Open what a link says. One that cannot be opened is said to be so, above the usual model. */
export async function openLink(text: string): Promise<void> {
  try {
    await follow(await unpack(text));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (!explorer.getState().loaded) await openUsual();
    fail(error.message);
  }
}

async function follow(link: Link): Promise<void> {
  checkLimits(link);
  const training = trainConfig(link.t);
  if (typeof link.d === 'string' && !PRETRAINED.some(({ name }) => name === link.d)) {
    throw new GlassError(`this link is about data that this page does not have: ${link.d}`);
  }
  const known = typeof link.d === 'string' ? await fetchPretrained(link.d) : null;
  const documents = known ? originalOrder(known.run) : (link.d as readonly string[]);
  const tokenizer = Tokenizer.fromDocuments(documents, link.f);
  const run = prepare(documents, training, tokenizer, link.m);
  // All of it is looked at before anything is trained.
  checkWork(run, link.x);
  checkChanges(link, run.model);
  tokenizer.encode(link.x);
  const { state } = initial(run);
  const text = new TextEncoder().encode(`${documents.join('\n')}\n`);
  const source = {
    name: known?.source.name ?? 'your list',
    title: link.n,
    sha256: known?.source.sha256 ?? sha256(text),
    remarks: [],
  };
  const same = known && equal(known.run.model, run.model) && equal(known.run.training, training);
  if (same) show(known);
  else show({ source, run, final: state.params, finalStep: 0, losses: [], history: null });
  const { loaded } = explorer.getState();
  if (!same || link.s !== loaded?.finalStep) await trainHere();
  if (explorer.getState().loaded?.run !== loaded?.run) return; // something else has been opened
  setStep(link.s);
  setDocument(link.x);
  setPosition(link.p);
  intervene(link.i ?? {});
  editWeights(link.e ?? []);
  const now = explorer.getState().loaded;
  if (!now || !link.h) return;
  const ours = fingerprint(now.losses);
  if (ours === link.h)
    notify(`The same numbers as the sender’s: fingerprint ${ours} of all losses.`);
  else fail(`This browser comes to other numbers than the sender’s (${ours}, not ${link.h}).`);
}

/**
 * The documents in the order of their file: the shuffle of a run depends on its seed and on their
 * number only, so it can be taken back.
 */
export function originalOrder(run: Run): string[] {
  const places = run.documents.map((_, i) => i);
  new Random(run.training.seed).shuffle(places);
  const original = new Array<string>(places.length);
  places.forEach((place, i) => {
    original[place] = run.documents[i]!;
  });
  return original;
}

function shapeOf({ n_layer, n_embd, n_head, block_size }: ModelConfig): Record<string, number> {
  return { n_layer, n_embd, n_head, block_size };
}

function differences(training: TrainConfig): Record<string, number> {
  return Object.fromEntries(
    Object.entries(training)
      .map(([key, value]): [string, number] => [key, Number(value)])
      .filter(([key, value]) => value !== Number(TRAIN_DEFAULTS[key as keyof TrainConfig])),
  );
}

function equal(a: object, b: object): boolean {
  return Object.entries(a).every(
    ([key, value]) => String((b as Record<string, unknown>)[key]) === String(value),
  );
}
