/**
 * Links carry the recipe and the cursor, not the weights: the receiver trains again and sees the
 * same numbers, checked by a fingerprint of the losses. A list of one's own travels along, packed.
 */

import { isRecord, type ModelConfig, numParams } from '../engine/config.ts';
import { GlassError } from '../engine/errors.ts';
import { type Interventions, makePlan } from '../engine/interventions.ts';
import { withCommas } from '../engine/python.ts';
import type { Run } from '../engine/train.ts';

/** What a link says. Short keys, for it becomes an address. */
export interface Link {
  /** Name of a data set that comes with the page, or the documents themselves in reading order. */
  readonly d: string | readonly string[];
  readonly n: string;
  /** Normal form, for a list of one's own. */
  readonly f: 'nfc' | 'nfd' | 'none';
  /** Differences from the recipe of the data. */
  readonly m: Readonly<Record<string, number>>;
  readonly t: Readonly<Record<string, number>>;
  /** Step, running document, position. */
  readonly s: number;
  readonly x: string;
  readonly p: number;
  /** Of the losses of all steps. */
  readonly h: string;
  /** Edited weights: place and value; and what is switched off or forced. */
  readonly e?: readonly (readonly [place: number, value: number])[];
  readonly i?: Interventions;
}

/** The most that a link may ask for; a larger model is sent as a file. */
export const LIMITS = {
  n_layer: 8,
  n_embd: 256,
  block_size: 1024,
  batch_size: 64,
  steps: 20_000,
} as const;

const MAX_LINK = 12_000;
const MOST = `the longest that this page makes has ${withCommas(MAX_LINK)}`;
/** Bytes of what a link says, before it is packed. */
const MAX_TEXT = 1_000_000;

/** About a second in which the page stands still, and about five minutes of training. */
const MAX_READING = 2e8;
const MAX_TRAINING = 1e11;

/** Both who makes a link and who opens it ask this first; throws GlassError in one line. */
export function checkLimits({ m, t }: Pick<Link, 'm' | 't'>): void {
  for (const [key, most] of Object.entries(LIMITS)) {
    const asked = m[key] ?? t[key] ?? 0;
    if (asked > most) {
      throw new GlassError(`${key} is ${asked}, and a link may ask for at most ${most}; ${FILE}`);
    }
  }
}

const FILE = 'a larger model is sent as a file';

/** Limits that hold one by one may still be too much together; throws GlassError in one line. */
export function checkWork({ model, training, documents }: Run, shown: string): void {
  const longest = documents.reduce((most, text) => Math.max(most, text.length), shown.length);
  const positions = Math.min(model.block_size, longest + 1);
  // Attention looks back at every position; such a product takes about 7 times as long.
  const { n_layer, n_embd } = model;
  const reading = positions * (numParams(model) + 7 * n_layer * n_embd * positions);
  const size = `${withCommas(numParams(model))} parameters and ${positions} positions`;
  if (reading > MAX_READING) {
    throw new GlassError(`${size} are more than a link may ask for; ${FILE}`);
  }
  const { steps, batch_size } = training;
  if (reading * steps * batch_size > MAX_TRAINING) {
    throw new GlassError(
      `${withCommas(steps)} steps of ${batch_size} documents with ${size} ` +
        `are more training than a link may ask for; ${FILE}`,
    );
  }
}

const isList = (value: unknown, each: (one: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(each);
const isWhole = (value: unknown) => Number.isInteger(value) && (value as number) >= 0;
const isNumber = (value: unknown) => Number.isFinite(value);
const isSwitch = (value: unknown) => typeof value === 'boolean';

/** What each part of a record is; nothing else may be in it. */
type Shape = Readonly<Record<string, (value: unknown) => boolean>>;

const has = (value: unknown, shape: Shape, optional: readonly string[] = []): boolean =>
  isRecord(value) &&
  Object.keys(value).every((key) => Object.hasOwn(shape, key)) &&
  Object.entries(shape).every(([key, is]) =>
    Object.hasOwn(value, key) ? is(value[key]) : optional.includes(key),
  );

const FORCED: Shape = {
  ...{ layer: isWhole, head: isWhole, query: isWhole },
  weights: (value) => isList(value, isNumber),
};
const OVERRIDE: Shape = {
  ...{ row: isWhole, column: isWhole, head: isWhole, value: isNumber },
  name: (value) => typeof value === 'string',
};
const INTERVENTIONS: Readonly<Record<keyof Interventions, (value: unknown) => boolean>> = {
  mutedHeads: (value) => isList(value, (heads) => isList(heads, isWhole)),
  mutedMlps: (value) => isList(value, isWhole),
  hiddenPositions: (value) => isList(value, isWhole),
  ...{ noPositions: isSwitch, noNorms: isSwitch, noResiduals: isSwitch, noScaling: isSwitch },
  peek: isSwitch,
  forcedAttention: (value) => isList(value, (one) => has(one, FORCED)),
  overrides: (value) => isList(value, (one) => has(one, OVERRIDE, ['head'])),
};

/** That switches and forced numbers are some, and of this model; throws GlassError in one line. */
export function checkChanges({ i = {}, e = [] }: Pick<Link, 'i' | 'e'>, model: ModelConfig): void {
  for (const [key, value] of Object.entries(i)) {
    if (!has({ [key]: value }, INTERVENTIONS, Object.keys(INTERVENTIONS))) {
      const shown = JSON.stringify(value).slice(0, 60);
      throw new GlassError(`this link changes the model in a way that cannot be: ${key} ${shown}`);
    }
  }
  try {
    makePlan(model, i);
  } catch (error) {
    throw new GlassError(`this link does not fit its model: ${(error as Error).message}`);
  }
  const size = numParams(model);
  for (const [place] of e) {
    if (place < 0 || place >= size) {
      throw new GlassError(
        `this link edits weight ${place}, and its model has the weights 0 to ${size - 1}`,
      );
    }
  }
}

/** As text that an address can hold; throws GlassError where an address cannot. */
export async function pack(link: Link): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(link));
  const packed = await through(bytes, new CompressionStream('deflate-raw'));
  // Three bytes become four characters.
  if (bytes.length > MAX_TEXT || packed.length > (MAX_LINK * 3) / 4) {
    throw new GlassError('this is too much for a link; send the file instead');
  }
  return btoa(String.fromCharCode(...packed))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** Throws GlassError in one line for anything that `pack` has not made. */
export async function unpack(text: string): Promise<Link> {
  if (text.length > MAX_LINK) {
    throw new GlassError(`this link has ${withCommas(text.length)} characters; ${MOST}`);
  }
  try {
    const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(plain, (char) => char.charCodeAt(0));
    const json = await through(bytes, new DecompressionStream('deflate-raw'), MAX_TEXT);
    return checked(JSON.parse(new TextDecoder().decode(json)));
  } catch {
    throw new GlassError('this link is damaged or was cut off; ask for it again');
  }
}

async function through(
  bytes: Uint8Array,
  transform: CompressionStream | DecompressionStream,
  limit = Number.POSITIVE_INFINITY,
): Promise<Uint8Array> {
  const reader = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(transform)
    .getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    length += value.length;
    if (length > limit) throw new RangeError('too large');
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function checked(value: unknown): Link {
  const { d, n, f, m, t, s, x, p, h, e = [], i = {} } = value as Record<string, unknown>;
  const edits =
    Array.isArray(e) &&
    e.every((one) => Array.isArray(one) && Number.isInteger(one[0]) && Number.isFinite(one[1]));
  const changes = typeof i === 'object' && i !== null && !Array.isArray(i);
  const texts = [n, x, h].every((one) => typeof one === 'string');
  const numbers = [s, p].every((one) => Number.isInteger(one) && (one as number) >= 0);
  const data =
    typeof d === 'string' || (Array.isArray(d) && d.every((one) => typeof one === 'string'));
  const settings = [m, t].every(
    (one) => typeof one === 'object' && one !== null && Object.values(one).every(Number.isFinite),
  );
  const form = f === 'nfc' || f === 'nfd' || f === 'none';
  if (!texts || !numbers || !data || !settings || !form || !edits || !changes)
    throw new RangeError('not a link');
  return value as Link;
}
