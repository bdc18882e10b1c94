/** Every chapter in a real browser: wide and narrow, two scripts; a file a theme runs it, side by side. */

import { mkdirSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONTENTS } from '../src/chapters/contents.ts';
import {
  axe,
  CHROMIUM,
  openChapter,
  openPage,
  overflow,
  SHOTS,
  type Site,
  serveSite,
  startBrowser,
} from './harness.ts';

const CHAPTERS = ['', ...CONTENTS.map(({ address }) => address)];
const MAX_NODES = 1500;
const MAX_TAB_STOPS = 40;

export function testChapters(theme: 'light' | 'dark'): void {
  describe.skipIf(!CHROMIUM)(`chapters, ${theme} (skipped without Chromium)`, () => {
    let site: Site;
    let browser: Browser;
    beforeAll(async () => {
      mkdirSync(SHOTS, { recursive: true });
      site = await serveSite();
      browser = await startBrowser();
    });
    afterAll(async () => {
      await browser?.close();
      await site?.close();
    });

    for (const data of ['English names', 'Hindi names']) {
      for (const width of [1280, 360]) {
        if (data !== 'English names' && (theme === 'dark') === width > 600) continue;
        test(`${width} px, ${data}`, async () => {
          const { page, problems } = await openPage(browser, site, { width, theme });
          await openChapter(page, site, '');
          if (data !== 'English names') await chooseData(page, data);
          for (const chapter of CHAPTERS) {
            await openChapter(page, site, chapter);
            const where = `${chapter || 'start'}, ${theme}, ${width} px, ${data}`;
            await page.screenshot({ path: `${SHOTS}${where.replaceAll(/\W+/g, '-')}.png` });
            expect(await overflow(page), where).toEqual([]);
            const nodes = await page.evaluate(() => document.querySelectorAll('*').length);
            expect(nodes, `DOM nodes, ${where}`).toBeLessThanOrEqual(MAX_NODES);
            expect(await axe(page), where).toEqual([]);
          }
          expect(problems).toEqual([]);
          await page.context().close();
        }, 180_000);
      }
    }

    test.runIf(theme === 'light')(
      'every control is reached by the keyboard, in few steps',
      async () => {
        const { page } = await openPage(browser, site, { width: 1280 });
        for (const chapter of CHAPTERS) {
          await openChapter(page, site, chapter);
          const stops = await tabStops(page);
          expect(stops.length, `${chapter}: ${stops.join(' | ')}`).toBeLessThanOrEqual(
            MAX_TAB_STOPS,
          );
          expect(new Set(stops).size, `${chapter}: each stop has a name`).toBeGreaterThan(3);
          expect(
            stops.filter((name) => name.endsWith(':')),
            chapter,
          ).toEqual([]);
        }
        await page.context().close();
      },
      180_000,
    );
  });
}

async function chooseData(page: Page, title: string): Promise<void> {
  await page.locator('header button[aria-haspopup="dialog"]').first().click();
  await page.getByRole('dialog').getByRole('button', { name: title }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.locator('header').getByText(title).waitFor();
}

/** Press Tab once around the page; what each stop is called. */
async function tabStops(page: Page): Promise<string[]> {
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  const stops: string[] = [];
  for (let i = 0; i < 100; i++) {
    await page.keyboard.press('Tab');
    const name = await page.evaluate(() => {
      const at = document.activeElement as HTMLElement | null;
      if (!at || at === document.body || at.dataset.visited) return '';
      at.dataset.visited = 'yes';
      const id = at.id && document.querySelector(`label[for="${CSS.escape(at.id)}"]`)?.textContent;
      const words = at.getAttribute('aria-label') ?? at.innerText ?? at.textContent ?? '';
      const name = words.trim() || id || at.closest('label')?.textContent || '';
      return `${at.tagName.toLowerCase()}:${name.replaceAll(/\s+/g, ' ').trim().slice(0, 40)}`;
    });
    if (name === '') break;
    stops.push(name);
  }
  return stops;
}
