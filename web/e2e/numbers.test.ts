/** One number, one cell: what is shown can be asked, and the inspector answers with that number. */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, openChapter, openPage, type Site, serveSite, startBrowser } from './harness.ts';

/** Decimals of each chapter that cannot be asked yet: it may only get less. */
const LEFT = {
  dataset: 0,
  tokens: 0,
  autograd: 0,
  parameters: 0,
  embeddings: 0,
  forward: 0,
  attention: 0,
  loss: 0,
  training: 43,
  generate: 0,
  machine: 0,
};

describe.skipIf(!CHROMIUM)('numbers (skipped without Chromium)', () => {
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
  const asked = () => page.locator('#inspector-value').innerText();

  test('in every view of the parameters a number opens itself, in the table and the picture', async () => {
    await openChapter(page, site, 'parameters');
    const table = page.locator('.cells').last();
    for (const [view, kind] of [
      ['gradient', 'd wpe'],
      ['Adam m', 'm of wpe'],
      ['Adam v', 'v of wpe'],
      ['change', 'change of wpe'],
    ] as const) {
      await page.getByRole('radio', { name: view, exact: true }).click();
      const number = table.locator('button.cell:not([disabled])').nth(3);
      await number.waitFor({ timeout: 60_000 });
      const shown = await number.innerText();
      const scale = await table.locator('xpath=..').innerText();
      const thousands = /times 10([³⁶⁹]|¹²)/.exec(scale)?.[1] ?? '⁰';
      await number.click();
      expect(await page.locator('#inspector-name').innerText(), view).toContain(`${kind}[0][3]`);
      const power = { '⁰': 0, '³': 3, '⁶': 6, '⁹': 9, '¹²': 12 }[thousands]!;
      const value = parsed(await asked()) * 10 ** power;
      const rounding = 0.0051 + 0.006 * Math.abs(value);
      expect(Math.abs(value - parsed(shown)), view).toBeLessThan(rounding);

      // The picture: what it reads out is what it opens.
      const picture = page.getByRole('application', { name: /^All parameters/ });
      await picture.focus();
      await picture.press('ArrowRight');
      await picture.press('Enter');
      await page.locator('#inspector-name', { hasText: kind.replace('wpe', 'wte') }).waitFor();
      const read = await picture.locator('xpath=following-sibling::p').first().innerText();
      const told = parsed(new RegExp(`${view} (\\S+),`).exec(read)![1]!);
      const opened = parsed(await asked());
      expect(Math.abs(told - opened), read).toBeLessThan(6e-3 * Math.abs(told) + 6e-5);
      await page.keyboard.press('Escape');
    }
  }, 120_000);

  test('the ten terms of a step of Adam can be asked, by keyboard, and their parts in turn', async () => {
    await openChapter(page, site, 'loss');
    const panel = page.locator('section', { hasText: 'exactly one step of Adam' }).last();
    await panel.scrollIntoViewIfNeeded();
    await panel.getByRole('button', { name: 'train it here' }).click();
    const terms = panel.locator('table').first().locator('tr');
    await expect.poll(() => terms.count(), { timeout: 60_000 }).toBe(11);
    // Each term at the right end of its row: shown and asked, it is the same number.
    for (let i = 1; i <= 10; i++) {
      const number = terms.nth(i).locator('[data-num]').last();
      const shown = parsed(await number.innerText());
      await number.focus();
      await number.press('Enter');
      await page.locator('#inspector-value').waitFor();
      const value = parsed(await asked());
      expect(Math.abs(value - shown), `term ${i}`).toBeLessThan(6e-3 * Math.abs(value) + 6e-5);
      await page.keyboard.press('Escape');
    }
    // One tab stop for the panel, the arrows within; from a term on to what it was made of.
    const first = terms.nth(1).locator('[data-num]').last();
    await first.focus();
    for (let i = 0; i < 40; i++) await page.keyboard.press('ArrowRight');
    const reached = await page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
    expect(reached).not.toBe(await first.getAttribute('aria-label'));
    await terms.nth(9).locator('[data-num]').last().press('Enter');
    const inspector = page.getByRole('complementary', { name: 'Inspector' });
    await inspector.getByRole('button', { name: /^m_hat of/ }).press('Enter');
    await inspector.locator('#inspector-name', { hasText: 'm_hat of' }).waitFor();
    await inspector.getByRole('button', { name: /^m of/ }).press('Enter');
    await inspector.locator('#inspector-name', { hasText: /^m of/ }).waitFor();
    await page.keyboard.press('Escape');
  }, 120_000);

  test.each(Object.entries(LEFT))(
    'every decimal of %s can be asked but %d',
    async (chapter, left) => {
      await openChapter(page, site, chapter);
      await settled(page);
      const found = await loose(page);
      expect(found.length, found.join('\n')).toBeLessThanOrEqual(left);
    },
    60_000,
  );
});

/** Wait until nothing is being worked out any more: no … and no change for a while. */
async function settled(page: Page): Promise<void> {
  let before = '';
  for (let i = 0; i < 40; i++) {
    const text = await page.locator('main').innerText();
    if (text === before && i > 3) return;
    before = text;
    await page.evaluate(() => {
      const main = document.querySelector('main')!;
      for (const box of [main, ...main.querySelectorAll('*')]) box.scrollTop = box.scrollHeight;
    });
    await page.waitForTimeout(500);
  }
}

/**
 * Decimals in the main area that are not a number of the model to be asked. What is none says so:
 * `data-not-asked`, with the reason. Axes are pictures, code is code, and a field is typed by hand.
 */
function loose(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const walker = document.createTreeWalker(document.querySelector('main')!, NodeFilter.SHOW_TEXT);
    const found: string[] = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = node.textContent ?? '';
      const numbers = text.match(/[−-]?\d+\.\d+/g);
      const box = node.parentElement!;
      if (!numbers || !box.checkVisibility()) continue;
      if (box.closest('[data-num], [data-not-asked], svg, pre, code, input, select, textarea'))
        continue;
      const place = box.closest('section')?.getAttribute('aria-label') ?? '';
      found.push(`${place}: ${text.trim().slice(0, 70)}`);
    }
    return found;
  });
}

/** A number as the page writes it: `−0.1234`, `1.23·10⁻⁵`, `1.235e−5`. */
function parsed(text: string): number {
  const plain = text
    .replaceAll('−', '-')
    .replace('·10', 'e')
    .replaceAll(/[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]/g, (c) => '-0123456789'['⁻⁰¹²³⁴⁵⁶⁷⁸⁹'.indexOf(c)]!);
  return Number.parseFloat(plain);
}
