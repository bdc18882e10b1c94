/** A new version is published while a page is open: the page says so, and a click brings it. */

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, openChapter, openPage, SHOTS, startBrowser } from './harness.ts';
import { serve } from './serve.mjs';

const SITE = fileURLToPath(new URL('../../src/glassgpt/site/', import.meta.url));

/** The same page with other names for its scripts, as a next build has them; that of the first. */
function publish(folder: string): string {
  const assets = join(folder, 'assets');
  const scripts = readdirSync(assets).filter((file) => file.endsWith('.js'));
  const renamed = (text: string) =>
    scripts.reduce((all, name) => all.replaceAll(name, `next-${name}`), text);
  const rewrite = (from: string, to: string) => {
    const text = renamed(readFileSync(from, 'utf8'));
    rmSync(from);
    writeFileSync(to, text.replace(/glassgpt-\$\{"\w+"\}/, 'glassgpt-next'));
  };
  for (const name of scripts) rewrite(join(assets, name), join(assets, `next-${name}`));
  for (const name of ['index.html', 'sw.js']) rewrite(join(folder, name), join(folder, name));
  return 'assets/next-index-';
}

describe.skipIf(!CHROMIUM)('a new version (skipped without Chromium)', () => {
  let browser: Browser;
  let server: Server;
  let url = '';
  const folder = `${mkdtempSync(join(tmpdir(), 'glassgpt-'))}/`;

  beforeAll(async () => {
    cpSync(SITE, folder, { recursive: true });
    const served = await serve('/', {}, folder);
    server = served.server;
    url = `http://127.0.0.1:${served.port}/`;
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true });
  });

  test('is said once it is there, and a click brings it', async () => {
    const site = { url, close: async () => {} };
    const { page, problems } = await openPage(browser, site, { width: 1280 });
    await openChapter(page, site, 'forward');
    await page.evaluate(async () => {
      await navigator.serviceWorker.ready;
      if (navigator.serviceWorker.controller) return;
      await new Promise((done) => {
        navigator.serviceWorker.addEventListener('controllerchange', done, { once: true });
      });
    });
    const notice = page.getByRole('status').getByText('A new version of this page is available.');
    expect(await notice.count()).toBe(0);

    const script = publish(folder);
    await page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready;
      await registration.update();
    });
    await notice.waitFor();
    await page.screenshot({ path: join(SHOTS, 'new-version.png') });
    // A chapter that was not opened before still comes from the version on the screen.
    await page
      .getByRole('link', { name: /Attention/ })
      .first()
      .click();
    await page.locator('main h2').first().waitFor();
    await page.getByRole('button', { name: 'reload', exact: true }).click();
    await page.locator(`script[src*="${script}"]`).waitFor({ state: 'attached' });
    await page.locator('main h2').first().waitFor();
    expect(await notice.count()).toBe(0);
    expect(problems).toEqual([]);
    await page.context().close();
  }, 60_000);
});
