/** What the graph says in words and numbers. */

import { formatNumber } from '../../engine/expression.ts';
import type { Value } from '../../engine/value.ts';
import { fixed } from '../../figures/format.ts';
import type { Frame, Push, Run } from './steps.ts';

/** Four places, fewer where they say it all. */
export function number(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return trimmed(formatNumber(value), value);
}

/** At most seven signs, for a node. */
export function compact(value: number): string {
  return concise(value, 5);
}

/** Three digits that count, for an edge. */
export function brief(value: number): string {
  return concise(value, 3);
}

function concise(value: number, digits: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || value === 0) return fixed(value, 0);
  if (size >= 99999.5 || size < 1e-3) {
    return value.toExponential(0).replace('e+', 'e').replaceAll('-', '−');
  }
  const whole = size < 0.1 ? -1 : size < 1 ? 0 : Math.floor(Math.log10(size)) + 1;
  const places = Math.max(0, Math.min(4, digits - whole));
  return trimmed(fixed(value, places), value);
}

/** Without zeros at the end, where the number is just that. */
function trimmed(text: string, value: number): string {
  const short = text.includes('.') ? text.replace(/\.?0+$/, '') : text;
  return Math.abs(Number(short.replace('−', '-')) - value) < 1e-9 ? short : text;
}

/** A number after an operator: a negative one in brackets. */
function term(value: number): string {
  return value < 0 ? `(${number(value)})` : number(value);
}

const SIGNS: Readonly<Record<string, string>> = { '+': '+', '*': '·', '**': '**' };

/** The operation, for a node's head. */
export function operation(node: Value): string {
  if (node.inputs.length === 0) return 'leaf';
  return node.constant === null ? node.op : `${node.op} ${brief(node.constant)}`;
}

/** As it was written: `a * b`. */
export function formula(node: Value): string {
  const names = node.inputs.map((input) => input.label);
  if (node.constant !== null) return `${names[0]} ${node.op} ${term(node.constant)}`;
  return names.length === 1 ? `${node.op}(${names[0]})` : names.join(` ${node.op} `);
}

/** With the numbers put in: `2 · (−3)`. */
export function numbers(node: Value): string {
  const [first, second] = node.inputs.map((input) => input.data);
  const right = node.constant ?? second;
  if (right === undefined) return `${node.op}(${number(first!)})`;
  const left = node.op === '**' ? term(first!) : number(first!);
  return `${left} ${SIGNS[node.op]} ${term(right)}`;
}

/** One gradient handed on, the multiplication written out. */
export function handedOn(run: Run, push: Push): string {
  const [child, parent] = [run.built.nodes[push.to]!.label, run.built.nodes[push.from]!.label];
  const product = `${term(push.local)} · ${term(push.grad)}`;
  if (run.rule === 'assign') {
    const lost = push.before === 0 ? '' : `, ${number(push.before)} is lost`;
    return `${child}.grad = local · ${parent}.grad: ${product} = ${number(push.after)}${lost}`;
  }
  return `${child}.grad += local · ${parent}.grad: ${number(push.before)} + ${product} = ${number(push.after)}`;
}

/** What happens in a frame: a head and lines of arithmetic. */
export function say(run: Run, frame: Frame): { head: string; lines: string[] } {
  const node = run.built.nodes[frame.node];
  switch (frame.kind) {
    case 'start':
      return {
        head: 'start',
        lines: ['The leaves have their numbers. Everything else will be computed.'],
      };
    case 'forward':
      return {
        head: `forward: ${node!.label}`,
        lines: [`${node!.label} = ${formula(node!)} = ${numbers(node!)} = ${number(node!.data)}`],
      };
    case 'seed':
      return {
        head: `backward: begin at ${node!.label}`,
        lines: [
          `${node!.label}.grad += 1: ${number(frame.before)} + 1 = ${number(frame.before + 1)}`,
        ],
      };
    case 'backward':
      return {
        head: `backward: ${node!.label} passes it on`,
        lines: frame.pushes.map((push) => handedOn(run, push)),
      };
    case 'again':
      return {
        head: 'forward again',
        lines: ['The inner nodes are new, with no gradient. The leaves keep theirs: not zeroed.'],
      };
  }
}

/** A node in full: its number, what was handed to it so far, and what that means. */
export function about(run: Run, at: number, i: number): string {
  const frame = run.frames[at]!;
  const node = run.built.nodes[i]!;
  const leaf = node.inputs.length === 0;
  const result = run.built.nodes[run.result]!.label;
  if (!frame.known[i]) return `${node.label} = ${formula(node)}: not computed yet.`;
  const data = leaf
    ? `${node.label} = ${number(node.data)}, a leaf.`
    : `${node.label} = ${formula(node)} = ${numbers(node)} = ${number(node.data)}.`;
  const grad = frame.grads[i]!;
  if (grad === null) return `${data} No gradient has arrived yet.`;
  if (i === run.result) return `${data} It is the result: its gradient is ${number(grad)}.`;
  const frames = run.frames.slice(0, at + 1);
  const renewed = leaf ? -1 : frames.findIndex(({ kind }) => kind === 'again');
  const parts = frames
    .slice(renewed + 1)
    .flatMap(({ pushes }) => pushes)
    .filter(({ to }) => to === i)
    .map((p) => `${number(p.local * p.grad)} from ${run.built.nodes[p.from]!.label}`);
  const meaning =
    run.rule === 'order' && at === run.frames.length - 1
      ? ` If ${node.label} changes a little, ${result} changes ${number(grad)} times as much.`
      : '';
  return `${data} Received: ${parts.join(', ')}; grad is ${number(grad)}.${meaning}`;
}
