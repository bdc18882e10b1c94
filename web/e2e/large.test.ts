/** A large model with the scrubber in hand: nothing holds up the page, and it says what it shows. */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { trainConfig } from '../src/engine/config.ts';
import { writeModelJson } from '../src/engine/modelFile.ts';
import { Tokenizer } from '../src/engine/tokenizer.ts';
import { begin } from '../src/engine/train.ts';
import { CHROMIUM, openChapter, openPage, type Site, serveSite, startBrowser } from './harness.ts';

/**
 * Alone on a machine nothing takes 50 ms. Twice that, for machines with other things to do: still
 * less than one reading of the document takes, which was done by the page itself once.
 */
const LONGEST = 100;
const CHAPTERS = ['generate', 'training', 'autograd', 'machine'];

/** 4 layers, width 64, context 64, 500 tokens; untrained. */
function largeModel(): string {
  const chars = Array.from({ length: 499 }, (_, i) => String.fromCodePoint(0x4e00 + i));
  const documents = Array.from({ length: 40 }, (_, d) =>
    Array.from({ length: 62 }, (_, i) => chars[(d * 62 + i) % 499]).join(''),
  );
  const shape = { n_layer: 4, n_embd: 64, n_head: 8, block_size: 64 };
  const tokenizer = Tokenizer.fromDocuments(documents, 'none');
  const { run, state } = begin(documents, trainConfig({ steps: 30 }), tokenizer, shape);
  const { model, training } = run;
  const data = { name: 'large', sha256: '', num_documents: 40, num_train: run.numTrain };
  return writeModelJson({
    ...{ made_by: 'a test', model, training, tokenizer, step: 0, temperature: 0.5, data },
    ...{ params: state.params, documents: run.documents, losses: null },
  });
}

describe.skipIf(!CHROMIUM)('a large model (skipped without Chromium)', () => {
  let browser: Browser;
  let site: Site;
  beforeAll(async () => {
    [browser, site] = await Promise.all([startBrowser(), serveSite()]);
  });
  afterAll(async () => {
    await browser.close();
    await site.close();
  });

  test('can be scrubbed through in every chapter that draws few numbers', async () => {
    const { page, problems } = await openPage(browser, site, { width: 1280, reducedMotion: true });
    page.setDefaultTimeout(30_000);
    await openChapter(page, site, 'dataset');
    await page.locator('header button', { hasText: 'documents' }).click();
    const file = {
      name: 'large.json',
      mimeType: 'application/json',
      buffer: Buffer.from(largeModel()),
    };
    await page.locator('input[type=file]').first().setInputFiles(file);
    await page.locator('header').getByText('264,').waitFor();
    await page.evaluate(() => {
      const slow: number[] = [];
      Object.assign(window, { slow });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) slow.push(entry.duration);
      }).observe({ type: 'longtask' });
    });
    const slider = page.getByRole('slider', { name: 'Training step' });
    const footer = page.locator('footer');
    await slider.focus(); // trains it
    await footer.getByText('step 30', { exact: true }).waitFor();
    for (const chapter of CHAPTERS) {
      await page.evaluate((address) => {
        location.hash = `#/${address}`;
      }, chapter);
      await page.locator('main h2').first().waitFor();
      await page.waitForTimeout(1500); // opening it is not scrubbing
      await page.evaluate(() => (window as unknown as { slow: number[] }).slow.splice(0));
      await slider.focus();
      await page.keyboard.press('End');
      for (let i = 0; i < 10; i++) {
        await page.keyboard.press('ArrowLeft');
        await page.waitForTimeout(80);
      }
      await footer.getByText('step 20', { exact: true }).waitFor();
      expect(await footer.getByText('not known yet').count()).toBe(0);
      const slow = await page.evaluate(() => (window as unknown as { slow: number[] }).slow);
      expect(Math.max(0, ...slow), `longest task in ${chapter}, ms`).toBeLessThan(LONGEST);
    }
    expect(problems).toEqual([]);
    await page.context().close();
  }, 180_000);
});
