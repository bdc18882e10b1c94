/** The sentences of chapter 5. */

import type { ReactNode } from 'react';
import { fixed, percent } from '../../figures/format.ts';
import { inLanguages } from '../../figures/language.ts';

type Compared = 'positions' | 'tokens';
type Measure = 'cosine' | 'dot';

const en = {
  intro: (zero: string, one: string, width: number) => (
    <>
      An id is only a position in a list: that <b>{zero}</b> is 0 and <b>{one}</b> is 1 says nothing
      about them. So each token has a row of {width} numbers in wte, and each position has one in
      wpe. The model looks up both and <b>adds</b> them. From here on the model works only with
      vectors, not with characters.
    </>
  ),
  checks: 'check yourself',
  sumCheck: {
    question: (position: number, running: string) =>
      `emb_sum[${position}][0] of ${running}: add the first number of wte and of wpe. Round to two decimals.`,
    hints: [
      'Both numbers stand above, where the running document is followed.',
      'Add the first number of the token’s row in wte to the first number of the position’s row in wpe, and check the signs.',
    ],
    explain: (token: number, position: number, sum: number) =>
      `${fixed(token, 4)} and ${fixed(position, 4)} make ${fixed(sum, 4)}.`,
  },
  nearestCheck: {
    question: (token: string, width: number) =>
      `Which token lies nearest to ${token} in all ${width} dimensions?`,
    hints: (token: string) =>
      [
        'The map shows only two dimensions; the list next to it uses all of them.',
        `Point at ${token} on the map and read the first neighbour in the list.`,
      ] as const,
    explain: (token: string, cosine: number) => `${token}, with a cosine of ${fixed(cosine)}.`,
  },
  sum: {
    title: 'token plus position',
    followed: (position: number, running: string) =>
      `position ${position} of ${running}: click a number to see how it was computed`,
    elsewhere: (token: string, position: number, running: string) =>
      `${token} at position ${position}, not in ${running}`,
    token: 'token',
    position: 'position',
    follow: 'follow the running document',
    name: (token: string, position: number) => `Embedding of ${token} at position ${position}`,
    tokenRow: (id: number, token: string) => `row ${id}: ${token}`,
    positionRow: (position: number) => `row ${position}: its place`,
    rms: (value: ReactNode) => <>rms {value}</>,
    size: (name: string) => `root mean square of ${name}`,
    elsewhereNote: 'of a document in which this token stands at this position',
    caption:
      'Bars of the first three rows share one scale. rms is the root of the mean square: the norm divides the sum by it, so that every vector enters the layers at the same size. Its own scale ends at ±3.',
    never:
      'In a document, position 0 is always BOS: this row of wpe is never used with another token.',
  },
  order: {
    question: (one: string, other: string) =>
      `The positions are removed. Does the model still predict different things after ${one} and after ${other}?`,
    different: 'yes, different things',
    equal: 'no, exactly the same',
    same: 'Without positions nothing in the model says what came first. The two are the same bag of characters with the same last one.',
    other:
      'With more than one layer, the order in which the tokens are read leaves a trace even without positions.',
    title: (one: string, other: string) => `${one} or ${other}: does the order matter?`,
    caption: 'what comes next, by this model; computed now',
    field: 'other characters',
    swapped: 'its first two are swapped',
    three: 'three characters are needed: two to swap and a last one',
    room: (positions: number) => `with BOS it must fit into ${positions} positions`,
    unknown: (characters: readonly string[]) => `this model does not know ${characters.join(' ')}`,
    alike: 'the first two are the same: swapping changes nothing',
    withPositions: 'with positions',
    probability: (token: string, after: string, how: string) =>
      `probability of ${token} after ${after}, ${how}`,
    how: 'a forward pass over these characters, beside that of the running document',
    without: 'without positions',
    withoutTitle: 'without: every pos_emb is 0',
    show: 'show it without a guess',
    bag: 'The query comes from the last character, and attention sums the values of the characters so far. A sum has no order: without positions the model sees a bag of characters, not a word.',
    layers:
      'This model has more than one layer: the first lets each position see only what came before it, so the second can still notice some of the order.',
    none: (
      <>
        Largest difference:{' '}
        <b className="bg-yellow px-1.5 text-[#121212]">none, the same prediction</b>
      </>
    ),
    difference: (points: ReactNode) => (
      <>
        Largest difference: <b>{points} percentage points</b>
      </>
    ),
    called: (how: string) => `largest difference of a probability, ${how}`,
  },
  apart: {
    title: 'why add them?',
    caption: 'can the sum be separated again?',
    measuring: (share: number) => `measuring: ${percent(share, 0)} done`,
    intro: (width: number) =>
      `Adding keeps the vector at ${width} numbers, and the matrices that follow read both parts at once: a matrix times a sum is the sum of two products. Little is lost as long as tokens and positions point in different directions. In ${width} dimensions this is nearly automatic: random directions are close to right angles. Is this still true at this step?`,
    cosine: (byChance: ReactNode) => (
      <>mean |cosine| between a token and a position (by chance about {byChance})</>
    ),
    byChance: 'of random directions, not of the model',
    meanCosine: 'mean |cosine| between a token and a position',
    how: 'over all pairs of a row of wte and a row of wpe',
    tokens: (tokens: number, positions: number) =>
      `of all ${tokens} · ${positions} sums, the token recovered correctly from the sum alone`,
    positions: 'the position guessed right',
    random: 'with both guessed at random: token, position',
    method:
      'The method is simple: subtract the mean of all positions (or of all tokens) from the sum, and find the nearest row. The layers can do better. Drag the curve back to see what it was before training.',
  },
  map: {
    title: 'a map of the tokens',
    caption: (width: number, share: number) =>
      `2 of ${width} dimensions: ${percent(share, 0)} of the variance`,
    name: 'Map of the tokens; arrow keys go to the next token that way',
    lines: 'nearest tokens',
    token: (token: string, kind: string) => `${token}, ${kind}`,
    bothEnds: 'both ends',
    nearest: (token: string, width: number) => (
      <>
        nearest to <b className="text-lg text-ink">{token}</b> in all {width} dimensions
      </>
    ),
    cosine: 'cosine: 1 the same direction, 0 a right angle',
    legend: 'Shapes and colours',
    scale: 'Scale of the map',
    end: 'scale of the last step',
    now: 'fit this step',
    plane: (tokens: number, first: ReactNode, second: ReactNode, hidden: ReactNode) => (
      <>
        The plane in which the {tokens} rows of wte vary most (principal components): {first} of the
        variance is along the first axis, {second} along the second; the other {hidden} cannot be
        seen here. Tokens that are far apart here are far apart; tokens that are close here may
        still differ in the hidden dimensions. The plane is computed again at every step, and
        rotated to match the plane of the last step.
      </>
    ),
    variance: (axis: string) => `share of the variance of wte, ${axis}`,
    how: 'from the principal components of the rows of wte',
    pair: (a: string, b: string) => `cosine of ${a} and ${b} in wte`,
    colours:
      'The colours are not part of the model: nobody told it which kind a character is. At step 0 every row of wte is drawn at random, so the places mean nothing yet.',
  },
  alike: {
    title: 'which are alike?',
    rows: { positions: 'rows of wpe', tokens: 'rows of wte' } as Record<Compared, string>,
    compared: 'What is compared',
    how: 'How it is compared',
    what: { positions: 'positions', tokens: 'tokens' } as Record<Compared, string>,
    measures: { cosine: 'cosine', dot: 'dot product' } as Record<Measure, string>,
    position: (i: number) => `position ${i}`,
    pairs: {
      cosine: {
        positions: 'Cosine of all pairs of positions',
        tokens: 'Cosine of all pairs of tokens',
      },
      dot: {
        positions: 'Dot product of all pairs of positions',
        tokens: 'Dot product of all pairs of tokens',
      },
    } as Record<Measure, Record<Compared, string>>,
    pair: (a: string, b: string, value: number) => `${a} and ${b}: ${fixed(value, 3)}`,
    most: (a: string, b: string, value: ReactNode) => (
      <>
        Most alike: <b>{a}</b> and <b>{b}</b> ({value}).
      </>
    ),
    least: (a: string, b: string, value: ReactNode) => (
      <>
        Most opposed: <b>{a}</b> and <b>{b}</b> ({value}).
      </>
    ),
    meaning: {
      cosine: 'Blue: the same direction; red: opposite ones; the diagonal is each with itself, 1.',
      dot: 'The dot product counts their lengths, too; it is what attention works with.',
    } as Record<Measure, string>,
  },
} as const;

export const useText = inLanguages({ en });
export type Text = ReturnType<typeof useText>;
