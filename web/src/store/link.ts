/**
 * Links carry the recipe and the cursor, not the weights: the receiver trains again and sees the
 * same numbers, checked by a fingerprint of the losses. A list of one's own travels along, packed.
 */

import type { Interventions } from '../engine/interventions.ts';

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

/** The most that this page trains for a link; a larger model is sent as a file. */
export const LIMITS = {
  n_layer: 8,
  n_embd: 256,
  block_size: 1024,
  batch_size: 64,
  steps: 20_000,
} as const;

/** Throws an Error in one line for a link that asks for more than this page does. */
export function checkLimits(link: Link): void {
  for (const [key, most] of Object.entries(LIMITS)) {
    const asked = link.m[key] ?? link.t[key] ?? 0;
    if (asked > most) {
      throw new Error(`this link asks for ${key} ${asked}; a link may ask for at most ${most}`);
    }
  }
}

export const MAX_LINK = 12_000;

/** As text that an address can hold. */
export async function pack(link: Link): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(link));
  const packed = await through(bytes, new CompressionStream('deflate-raw'));
  return btoa(String.fromCharCode(...packed))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** Throws an Error in one line for anything that `pack` has not made. */
export async function unpack(text: string): Promise<Link> {
  try {
    const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(plain, (char) => char.charCodeAt(0));
    const json = await through(bytes, new DecompressionStream('deflate-raw'), 1_000_000);
    return checked(JSON.parse(new TextDecoder().decode(json)));
  } catch {
    throw new Error('this link is damaged or was cut off; ask for it again');
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
