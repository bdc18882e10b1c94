/** Layout that must hold: long lines, small and large windows, numbers side by side. */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, openChapter, openPage, type Site, serveSite, startBrowser } from './harness.ts';

const CHAPTERS = [
  ...['dataset', 'tokens', 'autograd', 'parameters', 'embeddings', 'forward'],
  ...['attention', 'loss', 'training', 'generate', 'machine'],
];

describe.skipIf(!CHROMIUM)('layout (skipped without Chromium)', () => {
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
  const visit = async (chapter: string, width: number, height: number): Promise<Page> => {
    const { page } = await openPage(browser, site, { width, height, reducedMotion: true });
    await openChapter(page, site, chapter);
    return page;
  };

  for (const [width, height] of [
    [1280, 800],
    [360, 740],
  ] as const) {
    test(`a line of 900 characters widens no chapter at ${width} px`, async () => {
      const page = await visit('dataset', width, height);
      const line = 'abcdefghijklmnopqrstuvwxyz'.repeat(35).slice(0, 899);
      await page
        .getByRole('textbox', { name: /your own list/ })
        .fill(['x', 'y', 'z'].map((letter) => letter + line).join('\n'));
      await page.getByRole('button', { name: 'train on it' }).click();
      await page.locator('footer').getByText('step 1,000').waitFor({ timeout: 60_000 });
      for (const chapter of CHAPTERS) {
        await page.evaluate((to) => {
          location.hash = `#/${to}`;
        }, chapter);
        await page.locator('main h2').first().waitFor();
        const wide = await page.locator('main').evaluate((main) => {
          return main.scrollWidth - main.clientWidth;
        });
        expect(wide, chapter).toBeLessThanOrEqual(1);
      }
      await page.context().close();
    }, 180_000);
  }

  test('the readout of the training curve stands above the footer at 1280 × 800', async () => {
    const page = await visit('training', 1280, 800);
    const curve = page.getByRole('slider', { name: /^Loss of every step/ });
    await curve.hover({ position: { x: 300, y: 100 } });
    const readout = await page
      .getByText(/^step \d+/)
      .first()
      .boundingBox();
    const canvas = await curve.boundingBox();
    const footer = await page.locator('footer').boundingBox();
    expect(readout!.y + readout!.height).toBeLessThan(footer!.y);
    expect(canvas!.y + canvas!.height).toBeLessThan(footer!.y);
    await page.context().close();
  }, 60_000);

  test('numbers side by side in the tables of chapter 7 are apart', async () => {
    for (const width of [1280, 360]) {
      const page = await visit('attention', width, 800);
      await page.locator('[aria-label="Positions to hide"] button').first().click();
      await page.locator('td b').first().waitFor();
      const close = await page.evaluate(() => {
        const edges = (cell: Element) => {
          const range = document.createRange();
          range.selectNodeContents(cell);
          return range.getBoundingClientRect();
        };
        const found: string[] = [];
        for (const row of document.querySelectorAll('main tr')) {
          if (row.closest('.sr-only')) continue;
          const cells = [...row.children].filter(
            ({ textContent, className }) => textContent !== '' && !className.includes('cell'),
          );
          for (const [i, cell] of cells.entries()) {
            const next = cells[i + 1];
            if (!next || ![cell, next].every((one) => /\d/.test(one.textContent ?? ''))) continue;
            const gap = edges(next).left - edges(cell).right;
            if (gap < 5) found.push(`${cell.textContent}|${next.textContent}: ${gap}`);
          }
        }
        return found;
      });
      expect(close, `${width} px`).toEqual([]);
      await page.context().close();
    }
  }, 60_000);

  test('the last node of every graph can be seen at 1280 px', async () => {
    const page = await visit('autograd', 1280, 900);
    for (const name of ['product and sum', 'a neuron', 'softmax and loss']) {
      await page.locator('main .panel button', { hasText: name }).first().click();
      const graph = page.getByRole('group', { name: /^Graph of/ });
      const beyond = await graph.evaluate((svg) => {
        const box = svg.parentElement!.getBoundingClientRect();
        const nodes = [...svg.querySelectorAll('[data-at]')];
        return Math.max(...nodes.map((node) => node.getBoundingClientRect().right)) - box.right;
      });
      expect(beyond, name).toBeLessThan(1);
    }
    await page.context().close();
  }, 60_000);

  test('sixteen numbers stand in one row at 1920 px, with the inspector open, too', async () => {
    const page = await visit('forward', 1920, 1080);
    const tops = () =>
      page
        .locator('.cells-row')
        .first()
        .evaluate((row) =>
          [...row.querySelectorAll('button')].map((one) => one.getBoundingClientRect().top),
        );
    expect(await tops()).toHaveLength(16);
    expect(new Set(await tops()).size).toBe(1);
    await page.locator('button.cell').first().click();
    await page.getByRole('complementary', { name: 'Inspector' }).waitFor();
    expect(new Set(await tops()).size).toBe(1);
    await page.context().close();
  }, 60_000);
});
