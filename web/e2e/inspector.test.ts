/** The inspector by keyboard, and what is read aloud. */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, openChapter, openPage, type Site, serveSite, startBrowser } from './harness.ts';

describe.skipIf(!CHROMIUM)('the inspector by keyboard (skipped without Chromium)', () => {
  let site: Site;
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    site = await serveSite('/');
    browser = await startBrowser();
    ({ page } = await openPage(browser, site, { width: 1280, reducedMotion: true }));
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });
  const focused = () =>
    page.evaluate(() => {
      const at = document.activeElement as HTMLElement;
      return at.getAttribute('aria-label') ?? at.innerText;
    });
  const inspector = () => page.getByRole('complementary', { name: 'Inspector' });
  const cell = () => page.getByRole('group', { name: 'embed' }).locator('button.cell').nth(20);

  test('opening it moves the focus into it, and it says which number it shows', async () => {
    await openChapter(page, site, 'forward');
    // From the keyboard: the first cell of the group, then two to the right.
    const first = page.locator('button.cell[tabindex="0"]').first();
    await first.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    const asked = await focused();
    await page.keyboard.press('Enter');
    await expect.poll(focused).toBe('Inspector');
    const described = await inspector().getAttribute('aria-describedby');
    const words = await Promise.all(
      described!.split(' ').map((id) => page.locator(`#${id}`).innerText()),
    );
    const value = (text: string) => Number.parseFloat(text.replace('−', '-'));
    expect(Math.abs(value(words[0]!) - value(asked))).toBeLessThan(0.0051);
    expect(words[1]).toContain('tok_emb');
    await page.keyboard.press('Escape');
    await inspector().waitFor({ state: 'detached' });
    expect(await focused()).toBe(asked);
  }, 60_000);

  test('its operands are one tab stop, moved among with arrows; Escape leads back', async () => {
    await openChapter(page, site, 'forward');
    const start = page.locator('main button.cell[data-at="2,0"]').first(); // emb_sum: two operands
    await start.evaluate((element) => element.focus());
    await page.keyboard.press('ArrowRight');
    const asked = await focused();
    await page.keyboard.press('Enter');
    await expect.poll(focused).toBe('Inspector');
    await page.keyboard.press('Tab'); // close
    await page.keyboard.press('Tab');
    const one = await focused();
    await page.keyboard.press('ArrowRight');
    const two = await focused();
    expect([one, two].every((name) => /_emb/.test(name))).toBe(true);
    expect(one).not.toBe(two);
    await page.keyboard.press('Enter');
    await inspector().locator('#inspector-name', { hasText: two }).waitFor();
    await expect.poll(focused).toBe('Inspector');
    await page.keyboard.press('Escape');
    expect(await focused()).toBe(asked);
  }, 60_000);

  test('opened with the mouse it leaves the focus; Escape closes it all the same', async () => {
    await openChapter(page, site, 'forward');
    await cell().click();
    await inspector().waitFor();
    expect(await focused()).not.toBe('Inspector');
    await page.keyboard.press('Escape');
    await inspector().waitFor({ state: 'detached' });
  }, 60_000);

  test('nothing that is announced by itself holds a table or a long text', async () => {
    for (const chapter of ['forward', 'attention', 'loss', 'training', 'generate']) {
      await openChapter(page, site, chapter);
      const found = await page.evaluate(() =>
        [...document.querySelectorAll('[aria-live="polite"], [role="status"]')]
          .filter((one) => one.querySelector('table') || (one.textContent ?? '').length > 1200)
          .map((one) => (one.textContent ?? '').slice(0, 80)),
      );
      expect(found, chapter).toEqual([]);
    }
    // The stages play by themselves: silent while they do.
    await page.locator('main').getByText('3 attention').first().waitFor();
    const step = page.getByRole('button', { name: /^step/ });
    await step.click();
    await step.click();
    await page.getByRole('columnheader', { name: 'head' }).waitFor();
    expect(await page.locator('[aria-live="polite"] table').count()).toBe(0);
    await page.getByRole('button', { name: 'play', exact: true }).click();
    const token = page.getByText(/token \d+ of \d+/).first();
    expect(await token.getAttribute('aria-live')).toBe('off');
  }, 60_000);
});
