/** The gallery: every figure in all its states, photographed, and checked for what must hold. */

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  axe,
  CHROMIUM,
  openPage,
  overflow,
  SHOTS,
  type Site,
  serveSite,
  startBrowser,
} from './harness.ts';

const WEB = fileURLToPath(new URL('..', import.meta.url));
const FIGURES = readdirSync(join(WEB, 'src/figures'))
  .filter((file) => file.endsWith('.tsx'))
  .map((file) => file.replace('.tsx', ''));

describe.skipIf(!CHROMIUM)('gallery (skipped without Chromium)', () => {
  let folder: string;
  let site: Site;
  let browser: Browser;
  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true });
    folder = mkdtempSync(join(tmpdir(), 'gallery-'));
    await build({
      configFile: join(WEB, 'vite.gallery.config.ts'),
      logLevel: 'error',
      build: { outDir: folder },
    });
    site = await serveSite('/', `${folder}/`);
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  for (const [theme, width] of [
    ['light', 1280],
    ['light', 360],
    ['dark', 1280],
    ['dark', 360],
  ] as const) {
    test(`${theme}, ${width} px`, async () => {
      const { page, problems } = await openPage(browser, site, { width, theme });
      await page.goto(site.url);
      const sections = page.locator('main > section');
      await sections.first().waitFor();
      const shown = await sections.evaluateAll((all) => all.map(({ id }) => id));
      expect(shown.sort(), 'a page for every figure').toEqual(FIGURES.sort());
      for (const figure of FIGURES) {
        const section = page.locator(`#${figure}`);
        await section.scrollIntoViewIfNeeded();
        await section.screenshot({ path: `${SHOTS}gallery-${figure}-${theme}-${width}.png` });
      }
      expect(await overflow(page), 'the page').toEqual([]);
      expect(await overflowing(page), 'states').toEqual([]);
      expect(await axe(page)).toEqual([]);
      expect(problems).toEqual([]);
      await page.context().close();
    }, 180_000);
  }
});

/** States whose figure is wider than its room. */
function overflowing(page: Page): Promise<string[]> {
  return page
    .locator('[data-state]')
    .evaluateAll((states) =>
      states
        .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1)
        .map((state) => `${state.closest('section')?.id}: ${(state as HTMLElement).dataset.state}`),
    );
}
