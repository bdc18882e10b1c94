/**
 * The safetensors format (github.com/huggingface/safetensors): the length of a JSON header in 8
 * bytes, the header, then the tensors' bytes. Nothing in a file can run, and everything is checked
 * before it is used.
 */

import { isRecord } from './config.ts';
import { RunError } from './errors.ts';

export interface StoredTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Its bytes, a view into the file. */
  readonly bytes: Uint8Array;
}

export interface SafetensorsFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

const WIDTHS: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
}; // prettier-ignore
const MAX_HEADER_BYTES = 100_000_000;

/** Read and check a file; throws RunError in one line that begins with `name`. */
export function readSafetensors(file: Uint8Array, name: string): SafetensorsFile {
  const refuse = (why: string) =>
    new RunError(`${name} is damaged or not a safetensors file (${why})`);
  if (file.length < 8) throw refuse('it is too short for a header');
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerLength = Number(view.getBigUint64(0, true));
  if (headerLength > MAX_HEADER_BYTES) throw refuse('its header is too large');
  if (8 + headerLength > file.length) throw refuse('it ends inside the header');
  const header = parseHeader(file.subarray(8, 8 + headerLength), refuse);
  const body = file.subarray(8 + headerLength);

  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isRecord(metadata) || !Object.values(metadata).every((v) => typeof v === 'string')) {
    throw refuse('its metadata must be texts');
  }
  const tensors = new Map<string, StoredTensor>();
  const spans: [start: number, end: number][] = [];
  for (const [tensor, entry] of Object.entries(entries)) {
    const { dtype, shape, start, end } = parseEntry(tensor, entry, refuse);
    if (end > body.length) throw refuse(`tensor ${tensor} ends after the file`);
    spans.push([start, end]);
    tensors.set(tensor, { dtype, shape, bytes: body.subarray(start, end) });
  }
  // Together the tensors must cover the body exactly: nothing twice, nothing hidden in between.
  let covered = 0;
  for (const [start, end] of spans.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (start !== covered) throw refuse('its tensors overlap or leave a gap');
    covered = end;
  }
  if (covered !== body.length) throw refuse('there is something after its last tensor');
  return { metadata: metadata as Record<string, string>, tensors };
}

/** The bytes of a file of float64 tensors, in the order given. */
export function writeSafetensors(
  tensors: Iterable<readonly [name: string, shape: readonly number[], data: Float64Array]>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  const parts: Float64Array[] = [];
  let offset = 0;
  for (const [name, shape, data] of tensors) {
    header[name] = { dtype: 'F64', shape, data_offsets: [offset, offset + data.length * 8] };
    parts.push(data);
    offset += data.length * 8;
  }
  let text = JSON.stringify(header);
  const encoder = new TextEncoder();
  // Spaces at its end bring the header to a multiple of 8, so that the numbers are aligned.
  text += ' '.repeat((8 - (encoder.encode(text).length % 8)) % 8);
  const head = encoder.encode(text);
  const file = new Uint8Array(8 + head.length + offset);
  const view = new DataView(file.buffer);
  view.setBigUint64(0, BigInt(head.length), true);
  file.set(head, 8);
  let at = 8 + head.length;
  for (const data of parts) {
    for (const x of data) {
      view.setFloat64(at, x, true); // the format is little-endian whatever the machine
      at += 8;
    }
  }
  return file;
}

/** How a number of each dtype that we compute with is read. */
export const READERS: Readonly<Record<string, (view: DataView, at: number) => number>> = {
  F64: (view, at) => view.getFloat64(at, true),
  F32: (view, at) => view.getFloat32(at, true),
};

/** The numbers of a tensor whose dtype is in `READERS`. */
export function numbersOf({ dtype, bytes }: StoredTensor): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [read, width] = [READERS[dtype]!, WIDTHS[dtype]!];
  return Float64Array.from({ length: bytes.length / width }, (_, i) => read(view, i * width));
}

type Refuse = (why: string) => RunError;

function parseHeader(bytes: Uint8Array, refuse: Refuse): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw refuse('its header is not JSON');
  }
  if (!isRecord(header)) throw refuse('its header is not an object');
  return header;
}

function parseEntry(name: string, entry: unknown, refuse: Refuse) {
  if (!isRecord(entry)) throw refuse(`tensor ${name} is not described`);
  const { dtype, shape, data_offsets: offsets } = entry;
  const natural = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;
  if (typeof dtype !== 'string' || !Object.hasOwn(WIDTHS, dtype)) {
    throw refuse(`tensor ${name} has no known dtype`);
  }
  if (!Array.isArray(shape) || !shape.every(natural)) throw refuse(`tensor ${name} has no shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(natural)) {
    throw refuse(`tensor ${name} has no place`);
  }
  const [start, end] = offsets as [number, number];
  const size = shape.reduce((product: number, n: number) => product * n, WIDTHS[dtype]!);
  if (!Number.isSafeInteger(size) || end - start !== size) {
    throw refuse(`tensor ${name} has ${end - start} bytes, its shape wants ${size}`);
  }
  return { dtype, shape: shape as number[], start, end };
}
