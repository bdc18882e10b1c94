/** The one judge of typed answers, and the hints that grow with each wrong one. */

import { type Reading, readNumber, written } from './number.ts';

/** What the live state says is right. */
export type Expected =
  | {
      readonly number: number;
      /** Decimal places asked for; an answer may be rounded or cut there. Without: exact. */
      readonly places?: number;
      /** As a share of the number itself, instead of `places`. */
      readonly share?: number;
      /** The question asks for per cent: 18 and 18 % both mean 18. */
      readonly percent?: boolean;
    }
  | {
      /** Spellings of the right name. */
      readonly names: readonly string[];
      /** Spellings of every other name that could be meant. */
      readonly others: readonly string[];
    };

export interface Verdict {
  readonly right: boolean;
  /** Whether it was an answer at all; if not it does not count as a try. */
  readonly understood: boolean;
  /** `read as 4.32`, where that is not what was typed; or what an answer has to look like. */
  readonly said: string;
}

export function judge(text: string, expected: Expected): Verdict {
  return 'number' in expected ? judgeNumber(text, expected) : judgeName(text, expected);
}

/** Of the nudge and the method: nothing before a wrong try, then the nudge, then both; null: tell. */
export function hintsAfter(
  tries: number,
  hints: readonly [string, string],
): readonly string[] | null {
  return tries > hints.length ? null : hints.slice(0, tries);
}

/** The right answer in words. */
export function answerTo(expected: Expected): string {
  if ('names' in expected) return expected.names[0]!;
  const { number, places, share, percent } = expected;
  const shown = places !== undefined ? Number(number.toFixed(places)) : number;
  return written(share ? Number(number.toPrecision(3)) : shown) + (percent ? ' %' : '');
}

function judgeNumber(text: string, expected: Extract<Expected, { number: number }>): Verdict {
  const readings = readNumber(text);
  const isRight = (reading: Reading) =>
    Math.abs(valueFor(reading, expected) - expected.number) <= tolerance(expected);
  const reading = readings.find(isRight) ?? readings[0];
  if (!reading) {
    const said = text.trim() === '' ? 'Type a number.' : `“${text.trim()}” is not a number.`;
    return { right: false, understood: false, said };
  }
  const same = text.trim().replace('-', '−') === reading.said;
  const others = readings.filter((other) => other !== reading && !isRight(reading));
  const or = others.map((other) => ` or ${other.said}`).join('');
  const said = same && or === '' ? '' : `read as ${reading.said}${or}`;
  return { right: isRight(reading), understood: true, said };
}

/** In the unit of the question. */
function valueFor({ value, percent }: Reading, expected: { percent?: boolean }): number {
  return expected.percent && percent ? 100 * value : value;
}

function tolerance({ number, places, share }: Extract<Expected, { number: number }>): number {
  const rounding = 1e-9 * Math.max(1e-3, Math.abs(number));
  if (share !== undefined) return share * Math.abs(number) + rounding;
  // One unit of the last place: rounded, cut, or added up from rounded numbers.
  return places === undefined ? rounding : 1.01 * 10 ** -places;
}

function judgeName(
  text: string,
  { names, others }: Extract<Expected, { names: unknown }>,
): Verdict {
  if (text === '') return { right: false, understood: false, said: 'Type a name.' };
  for (const form of FORMS) {
    const wanted = form(text);
    const right = names.some((name) => form(name) === wanted);
    const wrong = others.some((name) => form(name) === wanted);
    // Where capitals tell two names apart, a form that fits both decides nothing.
    if (right && wrong) break;
    if (right || wrong) return { right, understood: true, said: '' };
  }
  return { right: false, understood: false, said: `“${text.trim()}” is none of the names here.` };
}

/** From letter by letter to what a hurried hand means: `Lm head` for lm_head. */
const FORMS: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => text.normalize('NFC').trim(),
  (text) =>
    text
      .normalize('NFC')
      .trim()
      .replace(/^["'“”‘’`]|["'“”‘’`]$/g, ''),
  (text) =>
    text
      .normalize('NFKC')
      .trim()
      .replace(/^["'“”‘’`]|["'“”‘’`]$/g, '')
      .toLowerCase()
      .replace(/[\s_-]+/g, '_'),
];
