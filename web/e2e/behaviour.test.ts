/** What a reader does: ask a number, train, scrub, type a document, bring a list. */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CHROMIUM,
  openChapter,
  openPage,
  type Site,
  serveSite,
  startBrowser,
  type Watched,
} from './harness.ts';

describe.skipIf(!CHROMIUM)('behaviour (skipped without Chromium)', () => {
  let site: Site;
  let browser: Browser;
  beforeAll(async () => {
    site = await serveSite('/');
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  const visit = async (chapter: string): Promise<Watched> => {
    const watched = await openPage(browser, site, { width: 1280, reducedMotion: true });
    await openChapter(watched.page, site, chapter);
    return watched;
  };

  test('a number tells what it was made from, and its gradient is checked', async () => {
    const { page, problems } = await visit('forward');
    const cells = page.locator('button.cell');
    for (const place of [3, 40, 90, 200, 330]) {
      await cells.nth(place).click();
      const inspector = page.getByRole('complementary', { name: 'Inspector' });
      await inspector.getByRole('heading', { name: 'its gradient' }).waitFor();
      expect(await inspector.getByText(/agrees|a kink/).count()).toBeGreaterThan(0);
      const shown = await inspector.locator('p').first().innerText();
      const formula = await inspector.getByText(`= ${shown}`, { exact: true }).count();
      expect(formula, `cell ${place}`).toBeGreaterThan(0);
    }
    await page.keyboard.press('Escape');
    expect(problems).toEqual([]);
    await page.context().close();
  }, 60_000);

  test('the scrubber trains in the worker, then every step can be shown', async () => {
    const { page, problems } = await visit('forward');
    await page.evaluate(() => {
      const slow: number[] = [];
      Object.assign(window, { slow });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) slow.push(entry.duration);
      }).observe({ type: 'longtask' });
    });
    const first = page.locator('button.cell').nth(3);
    const trained = await first.innerText();
    await page.getByRole('slider', { name: 'Training step' }).focus();
    await page.waitForFunction(() =>
      document.querySelector('footer')!.innerText.includes('step 1,000'),
    );
    await page.keyboard.press('Home');
    await page.getByText('step 0', { exact: true }).waitFor();
    const initial = await first.innerText();
    expect(initial).not.toBe(trained);
    await page.keyboard.press('End');
    await page.getByText('step 1,000', { exact: true }).waitFor();
    expect(await first.innerText()).toBe(trained);
    const slow = await page.evaluate(() => (window as unknown as { slow: number[] }).slow);
    expect(Math.max(0, ...slow), 'longest main-thread task, ms').toBeLessThan(200);
    expect(problems).toEqual([]);
    await page.context().close();
  }, 60_000);

  test('a document is typed; one that cannot be spelled is refused in a line', async () => {
    const { page } = await visit('tokens');
    await page.getByRole('button', { name: 'change' }).click();
    const field = page.getByRole('textbox', { name: 'Text to run' });
    await field.fill('Zoë');
    await field.press('Enter');
    expect(await page.getByRole('alert').innerText()).toContain("unknown character 'Z'");
    await field.fill('zoe');
    await field.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await tiles(page)).toEqual(['BOS', 'z', 'o', 'e']);
    await page.context().close();
  }, 60_000);

  test('a pasted list in another script is trained on here', async () => {
    const { page, problems } = await visit('dataset');
    const list = ['한글', '서울', '부산', '대구', '인천', '광주', '대전', '울산'].join('\n');
    const field = page.getByRole('textbox', { name: /your own list/ });
    await field.fill(list);
    await page.getByRole('button', { name: 'train on it' }).click();
    await page.getByText('your list').first().waitFor();
    await page.waitForFunction(() =>
      document.querySelector('footer')!.innerText.includes('step 1,000'),
    );
    expect((await tiles(page))[0]).toBe('BOS');
    await field.fill('only one line');
    await page.getByRole('button', { name: 'train on it' }).click();
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').innerText()).toContain('has only one document');
    expect(problems).toEqual([]);
    await page.context().close();
  }, 60_000);

  test('the theme is kept on the device', async () => {
    const { page } = await visit('');
    await page.getByRole('button', { name: 'Dark colours' }).click();
    await page.reload();
    await page.getByRole('button', { name: 'Light colours' }).waitFor();
    await page.context().close();
  }, 60_000);
});

async function tiles(page: Page): Promise<string[]> {
  const group = page.getByRole('group', { name: 'Positions of the running document' });
  return group.getByRole('button').allInnerTexts();
}
