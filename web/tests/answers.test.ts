import { describe, expect, it } from 'vitest';
import { formatNumber } from '../src/engine/expression.ts';
import { Random } from '../src/engine/random.ts';
import { count, fixed, percent, precise } from '../src/figures/format.ts';
import { answerTo, hintsAfter, judge } from '../src/figures/judge.ts';
import { readNumber, readSmallNumber, readWhole, written } from '../src/figures/number.ts';

const values = (text: string) => readNumber(text).map(({ value }) => value);

/** Numbers of every size and sign, the same each time. */
function numbers(many: number): number[] {
  const random = new Random(7);
  return Array.from({ length: many }, (_, i) => {
    const size = 10 ** ((i % 13) - 5);
    return (random.random() - 0.5) * 2 * size;
  });
}

describe('one number parser', () => {
  it.each<[string, number[]]>([
    ['432', [432]],
    ['432.0', [432]],
    ['+7', [7]],
    ['-0,28', [-0.28]],
    ['−0.28', [-0.28]],
    ['– 0.28', [-0.28]],
    ['.5', [0.5]],
    ['5.', [5]],
    ['4,32', [4.32]],
    ['0,119', [0.119]],
    ['4,192', [4192, 4.192]],
    ['4.192', [4.192, 4192]],
    ['4 192', [4192]],
    ["4'192", [4192]],
    ['4\u202f192', [4192]],
    ['1,234,567', [1234567]],
    ['1.234.567', [1234567]],
    ['1.234,5', [1234.5]],
    ['1,234.5', [1234.5]],
    ['1 234,5', [1234.5]],
    ['1,00,000', [100000]],
    ['1,0000', [1]],
    ['18%', [0.18]],
    ['18 %', [0.18]],
    ['18 per cent', [0.18]],
    ['18 percent', [0.18]],
    ['12,5 %', [0.125]],
    ['1/27', [1 / 27]],
    ['-1 / 27', [-1 / 27]],
    ['½', [0.5]],
    ['1e-3', [0.001]],
    ['2.5E4', [25000]],
    ['1.25·10⁻⁴', [0.000125]],
    ['2 x 10^-3', [0.002]],
    ['१२', [12]],
    ['٤٣٫٥', [43.5]],
    ['１２', [12]],
    ['≈ 0.3', [0.3]],
  ])('reads %s', (text, expected) => {
    expect(values(text)).toEqual(expected);
  });

  it.each(['', ' ', '-', '.', ',', '%', 'x', '1,2,3', '1.2.3', '12,34,5', '1/0', '1/2/3', '3½'])(
    'does not guess at %j',
    (text) => {
      expect(readNumber(text)).toEqual([]);
    },
  );

  it.each(['Infinity', 'NaN', '0x10', '4 tokens', '--4', '4-', '1e999', '0,123,456'])(
    'refuses %j',
    (text) => {
      expect(readNumber(text)).toEqual([]);
    },
  );

  it('reads back whatever the page writes', () => {
    for (const number of numbers(500)) {
      const two = Number(number.toFixed(2));
      expect(values(fixed(number, 2))).toContain(two === 0 ? 0 : two);
      expect(values(count(Math.round(number)))).toContain(Math.round(number) + 0);
      expect(values(percent(number))).toContain(Number((100 * number).toFixed(1)) / 100 + 0);
      const four = values(precise(number));
      expect(four.some((value) => Math.abs(value - number) <= 1e-3 * Math.abs(number) + 1e-4)).toBe(
        true,
      );
      const shown = values(formatNumber(number));
      expect(
        shown.some((value) => Math.abs(value - number) <= 0.01 * Math.abs(number) + 6e-5),
      ).toBe(true);
    }
  });

  it('reads a number the same in either style', () => {
    for (const number of numbers(500)) {
      const text = written(Number(number.toFixed(4)));
      if (text.includes('e')) continue;
      const swapped = text.replace(/[.,]/g, (mark) => (mark === ',' ? '.' : ','));
      const shared = values(text).filter((value) => values(swapped).includes(value));
      expect(shared).toContain(Number(number.toFixed(4)) + 0);
      expect(values(text.replaceAll(',', ' '))).toContain(Number(number.toFixed(4)) + 0);
    }
  });

  it('says what it understood, and means what it says', () => {
    for (const text of ['4,32', '18%', '1/27', '-0,28', '1.25·10⁻⁴', '1.234.567', '१२']) {
      const [reading] = readNumber(text);
      expect(values(reading!.said).some((v) => Math.abs(v - reading!.value) < 1e-11)).toBe(true);
    }
  });

  it('knows what fields of small and of whole numbers mean', () => {
    expect(readSmallNumber('1,125')).toBe(1.125);
    expect(readSmallNumber('-2,5')).toBe(-2.5);
    expect(readSmallNumber('two')).toBeNull();
    expect(readWhole('1,000', 0, 5000)).toBe(1000);
    expect(readWhole('9000', 0, 5000)).toBe(5000);
    expect(readWhole('', 0, 5000)).toBe(0);
  });
});

describe('one judge', () => {
  it('takes a number in any spelling, and says how it read it', () => {
    const expected = { number: -0.2831, places: 2 };
    for (const text of ['-0.28', '-0,28', '−0.28', '−0.2831', '-28%', '-.28']) {
      expect(judge(text, expected).right, text).toBe(true);
    }
    expect(judge('0.28', expected).right).toBe(false);
    expect(judge('-0,28', expected).said).toBe('read as −0.28');
    expect(judge('−0.28', expected).said).toBe('');
  });

  it('takes a whole number exactly, with thousands in either style', () => {
    const expected = { number: 4192 };
    for (const text of ['4192', '4,192', '4.192', '4 192', '4192.0']) {
      expect(judge(text, expected).right, text).toBe(true);
    }
    expect(judge('4,32', { number: 432 })).toEqual({
      right: false,
      understood: true,
      said: 'read as 4.32',
    });
    expect(judge('4191', expected).right).toBe(false);
    expect(judge('432.0', { number: 432 }).right).toBe(true);
  });

  it('knows per cent from shares', () => {
    for (const text of ['18', '18%', '18 %']) {
      expect(judge(text, { number: 18, percent: true, places: 0 }).right, text).toBe(true);
    }
    expect(judge('0.18', { number: 0.18, places: 2 }).right).toBe(true);
    expect(judge('18%', { number: 0.18, places: 2 }).right).toBe(true);
    expect(judge('18', { number: 0.18, places: 2 }).right).toBe(false);
  });

  it('names both readings where neither is right', () => {
    expect(judge('4,193', { number: 4192 }).said).toBe('read as 4,193 or 4.193');
  });

  it('accepts every value within the tolerance and none beyond', () => {
    for (const number of numbers(300)) {
      const expected = { number, share: 0.02 };
      expect(judge(String(number * 1.019), expected).right).toBe(true);
      expect(judge(String(number * 1.021), expected).right).toBe(false);
      expect(judge(answerTo({ number, places: 2 }), { number, places: 2 }).right).toBe(true);
      expect(judge(answerTo(expected), expected).right).toBe(true);
    }
  });

  it('takes names in any case, unless case tells them apart', () => {
    const tensors = { names: ['lm_head'], others: ['wte', 'wpe'] };
    for (const text of ['lm_head', 'LM_HEAD', ' Lm_Head ', 'lm head', 'lm-head', '“lm_head”']) {
      expect(judge(text, tensors).right, text).toBe(true);
    }
    expect(judge('WTE', tensors)).toEqual({ right: false, understood: true, said: '' });
    expect(judge('wxe', tensors).understood).toBe(false);
    const letters = { names: ['a'], others: ['A', 'b'] };
    expect(judge('a', letters).right).toBe(true);
    expect(judge('A', letters).right).toBe(false);
    expect(judge('A', { names: ['a'], others: ['b'] }).right).toBe(true);
  });

  it('takes signs that are letters of the vocabulary', () => {
    expect(judge(' ', { names: [' ', '␣'], others: ['-', '_'] }).right).toBe(true);
    expect(judge('-', { names: ['-'], others: [' ', '_'] }).right).toBe(true);
    expect(judge('_', { names: ['-'], others: [' ', '_'] }).right).toBe(false);
  });

  it('counts nothing that is no answer as a try', () => {
    for (const text of ['', '  ', 'many']) {
      const verdict = judge(text, { number: 4 });
      expect(verdict).toMatchObject({ right: false, understood: false });
      expect(verdict.said).not.toBe('');
    }
  });

  it('lets hints grow: a nudge, the method, the answer', () => {
    const hints = ['look there', 'multiply'] as const;
    expect(hintsAfter(0, hints)).toEqual([]);
    expect(hintsAfter(1, hints)).toEqual(['look there']);
    expect(hintsAfter(2, hints)).toEqual(['look there', 'multiply']);
    expect(hintsAfter(3, hints)).toBeNull();
    expect(answerTo({ number: 4192 })).toBe('4,192');
    expect(answerTo({ number: 0.1234, places: 2 })).toBe('0.12');
  });
});
