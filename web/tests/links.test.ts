import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { trainConfig } from '../src/engine/config.ts';
import { Model } from '../src/engine/model.ts';
import { Tokenizer } from '../src/engine/tokenizer.ts';
import { begin, type Shape } from '../src/engine/train.ts';
import {
  editWeight,
  explorer,
  intervene,
  type Loaded,
  setDocument,
  show,
} from '../src/store/explorer.ts';
import { checkLimits, LIMITS, type Link, pack, unpack } from '../src/store/link.ts';
import { makeLink, openLink } from '../src/store/share.ts';
import { useWorkers } from '../src/store/workers.ts';
import { Pool, type WorkerPort } from '../src/worker/pool.ts';
import { connect } from './inProcess.ts';

const link: Link = {
  ...{ d: 'english', n: 'English names', f: 'nfc', m: {}, t: {}, s: 1000, x: 'emma', p: 1, h: '' },
  e: [[17, 1.25]],
  i: { mutedHeads: [[0, 2]], noPositions: true },
};

test('a link carries edited weights and switches', async () => {
  expect(await unpack(await pack(link))).toEqual(link);
});

test('edits that are none are refused', async () => {
  const wrong = { ...link, e: [['a', 1]] } as unknown as Link;
  await expect(unpack(await pack(wrong))).rejects.toThrow('damaged');
});

test.each([
  ['m', 'block_size', 1e6],
  ['m', 'n_embd', 4096],
  ['t', 'steps', 1e9],
] as const)('a link asks for no more than the page does: %s %s', (part, key, value) => {
  expect(() => checkLimits({ ...link, [part]: { [key]: value } })).toThrow(key);
  expect(() => checkLimits(link)).not.toThrow();
});

const documents = ['abba', 'baba', 'cab', 'dada', 'bead', 'face', 'deaf', 'cafe'];

/** A run on these documents, trained as far as asked. */
function loadedOf(shape: Shape, steps = 0, list: readonly string[] = documents): Loaded {
  const tokenizer = Tokenizer.fromDocuments(list, 'none');
  const training = trainConfig({ steps: Math.max(steps, 1), seed: 7 });
  const { run, state } = begin(list, training, tokenizer, shape);
  const model = new Model(state, training);
  const losses = run.advance(model, 0, steps);
  const source = { name: 'test', title: 'test', sha256: '', remarks: [] };
  const final = model.state().params;
  return { source, run, final, finalStep: steps, losses, history: null };
}

const SMALL = { n_embd: 8, n_head: 2, block_size: 6 };
const packed = (url: string) => url.split('?r=')[1]!;

/** Workers that never run: what is refused before training has sent them nothing. */
function withoutWorkers() {
  const postMessage = vi.fn();
  const port: WorkerPort = { postMessage, addEventListener: () => {} };
  // biome-ignore lint/correctness/useHookAtTopLevel: no hook
  useWorkers(new Pool(() => port, { size: 1 }));
  return postMessage;
}

describe('what the receiver sees', () => {
  beforeEach(() => vi.stubGlobal('location', { origin: 'https://page.test', pathname: '/' }));
  afterAll(() => vi.unstubAllGlobals());

  test('is what the sender saw, an edited weight and switches included', async () => {
    useWorkers(connect());
    show(loadedOf(SMALL, 30));
    setDocument('faced');
    const plain = explorer.getState().trace!.loss;
    editWeight(3, 1.5);
    editWeight(4, -2);
    const edited = explorer.getState().trace!.loss;
    intervene({
      mutedHeads: [[1]],
      forcedAttention: [{ layer: 0, head: 0, query: 1, weights: [0.25, 0.75] }],
    });
    const seen = explorer.getState().trace!.loss;
    expect(new Set([plain, edited, seen]).size).toBe(3);
    const url = await makeLink('attention');
    show(loadedOf({ ...SMALL, n_embd: 4 }));
    await openLink(packed(url));
    const now = explorer.getState();
    expect(now.trace!.loss).toBe(seen);
    expect(now.document).toBe('faced');
    expect([...now.edits]).toEqual([
      [3, 1.5],
      [4, -2],
    ]);
    expect(now.notice).toContain('The same numbers');
    expect(now.error).toBe('');
  });

  test.each([
    [{ mutedHeads: 'ab' }, 'mutedHeads "ab"'],
    [{ mutedHeads: ['0'] }, 'mutedHeads'],
    [{ mutedHeads: [[9]] }, 'there is no head 9'],
    [{ forcedAttention: [{ layer: 0, head: 0, query: 1, weights: [Number.NaN, 1] }] }, 'null'],
    [{ forcedAttention: [{ layer: 0, head: 0, query: 1, weights: [1] }] }, 'attends to 2'],
    [{ overrides: [{ name: 'emb_sum', row: 0.5, column: 0, value: 1 }] }, 'overrides'],
    [{ overrides: [{ name: 'nothing', row: 0, column: 0, value: 1 }] }, 'there is no nothing'],
    [{ peek: 1 }, 'peek 1'],
    [{ constructor: [] }, 'constructor'],
  ])('is refused before training where a link changes %j', async (i, words) => {
    show(loadedOf(SMALL));
    const text = packed(await makeLink('attention'));
    const sent = withoutWorkers();
    const before = explorer.getState().loaded;
    await openLink(await pack({ ...(await unpack(text)), i } as unknown as Link));
    expect(explorer.getState().error).toContain(words);
    expect(explorer.getState().error).not.toContain('\n');
    expect(explorer.getState().loaded).toBe(before);
    expect(sent).not.toHaveBeenCalled();
  });

  test.each([
    ['all limits at once', { m: LIMITS, t: { steps: LIMITS.steps }, x: 'ab' }, 'training'],
    ['all limits on a long document', { m: LIMITS, t: {}, x: 'ab'.repeat(512) }, 'positions'],
    ['data that is not there', { d: 'greek' }, 'greek'],
    ['a text that the model cannot spell', { x: 'zoo' }, 'unknown character'],
    ['a weight that is not there', { e: [[1e6, 0]] }, 'weight 1000000'],
  ])('is refused at once for %s', async (_, given, words) => {
    show(loadedOf(SMALL));
    const link = await unpack(packed(await makeLink('attention')));
    const sent = withoutWorkers();
    const { m = link.m } = given as { m?: Record<string, number> };
    const { n_layer = 1, n_embd = 8, block_size = 6 } = m;
    const shape = { n_layer, n_embd, n_head: 2, block_size };
    const text = await pack({ ...link, ...given, m: shape } as Link);
    const began = performance.now();
    await openLink(text);
    expect(performance.now() - began).toBeLessThan(2000);
    expect(explorer.getState().error).toContain(words);
    expect(sent).not.toHaveBeenCalled();
  });

  test.each([
    ['too many layers', loadedOf({ ...SMALL, n_layer: 9 }), 'n_layer is 9'],
    [
      'too much work',
      loadedOf({ ...SMALL, n_layer: 8, block_size: 1000 }, 0, ['ab'.repeat(500)]),
      'positions',
    ],
    [
      'a list that does not fit',
      loadedOf(SMALL, 0, new Array<string>(200_000).fill('ab')),
      'too much',
    ],
  ])('is never refused: no link is made of %s', async (_, loaded, words) => {
    show({ ...loaded, source: loaded.source });
    await expect(makeLink('forward')).rejects.toThrow(words);
  });
});
