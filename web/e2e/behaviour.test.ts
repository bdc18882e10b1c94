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
    await settled(page);
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
    await settled(page);
    expect((await tiles(page))[0]).toBe('BOS');
    await field.fill('only one line');
    await page.getByRole('button', { name: 'train on it' }).click();
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').innerText()).toContain('has only one document');
    expect(problems).toEqual([]);
    await page.context().close();
  }, 60_000);

  test('a link opens the same view in a fresh browser, with the same numbers', async () => {
    const { page } = await visit('forward');
    await page.getByRole('slider', { name: 'Training step' }).focus();
    await settled(page);
    await page.keyboard.press('Home');
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowRight');
    await page.getByText('step 3', { exact: true }).waitFor();
    const cells = await page.locator('button.cell').allInnerTexts();
    await page.getByRole('button', { name: 'share', exact: true }).click();
    await page.getByRole('button', { name: 'copy the link' }).click();
    const link = await page.getByRole('textbox', { name: 'Link' }).inputValue();
    await page.context().close();

    const fresh = await openPage(browser, site, { width: 1280, reducedMotion: true });
    await fresh.page.goto(link);
    await fresh.page.getByText(/The same numbers as the sender/).waitFor();
    await fresh.page.getByText('step 3', { exact: true }).waitFor();
    await fresh.page.getByRole('heading', { name: 'a probability for each token' }).waitFor(); // all is drawn
    expect(await fresh.page.locator('button.cell').allInnerTexts()).toEqual(cells);
    await fresh.page.goto('about:blank');
    await fresh.page.goto(`${link.slice(0, -9)}AAAAAAAAA`);
    await fresh.page.getByText('this link is damaged').waitFor();
    await fresh.page.context().close();
  }, 60_000);

  test('after the first visit it works without a network', async () => {
    const { page, problems } = await visit('');
    await page.evaluate(async () => {
      const { active } = await navigator.serviceWorker.ready;
      if (active?.state !== 'activated') {
        await new Promise((done) => active?.addEventListener('statechange', done, { once: true }));
      }
    });
    await page.context().setOffline(true);
    await page.reload();
    await openChapter(page, site, 'generate');
    await page.getByRole('heading', { name: 'one text in seven stages' }).waitFor();
    expect(problems).toEqual([]);
    await page.context().close();
  }, 60_000);

  test('presenting: keys page through, Escape leaves', async () => {
    const { page } = await visit('tokens');
    await page.getByRole('button', { name: 'present', exact: true }).click();
    await page.getByRole('timer').waitFor();
    expect(await page.locator('header').first().getByText('GlassGPT').count()).toBe(0);
    await page.locator('h1').click();
    for (let i = 0; i < 30; i++) {
      await page.keyboard.press('ArrowRight');
      if (page.url().endsWith('autograd')) break;
    }
    expect(page.url()).toContain('autograd');
    await page.keyboard.press('Escape');
    await page.getByRole('slider', { name: 'Training step' }).waitFor();
    await page.context().close();
  }, 60_000);

  test('the page proves that it computes what the reference does', async () => {
    const { page, problems } = await visit('machine');
    await page.getByRole('button', { name: 'run the vectors' }).click();
    await page.getByText(/^All [\d,]+ numbers agree\.$/).waitFor();
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

/** Until the run has been trained here. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() =>
    document.querySelector('footer')!.innerText.includes('step 1,000'),
  );
}

async function tiles(page: Page): Promise<string[]> {
  const group = page.getByRole('group', { name: 'Positions of the running document' });
  return group.getByRole('button').allInnerTexts();
}
