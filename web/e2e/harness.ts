/** The built site on loopback under a strict policy, and Debian's Chromium to look at it. */

import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, chromium, type Page } from 'playwright-core';
import { CHROMIUM, FLAGS, serve } from './serve.mjs';

export const SHOTS = fileURLToPath(new URL('./screenshots/', import.meta.url));

/** What `glassgpt serve` sends, too: no inline scripts, nothing from elsewhere. */
const POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; " +
  "img-src 'self' data:; worker-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'";

export { CHROMIUM };

export interface Site {
  readonly url: string;
  close(): Promise<void>;
}

/** Serve the built site under a sub-path, as some hosts do. */
export async function serveSite(prefix = '/some/path/', folder?: string): Promise<Site> {
  const headers = { 'Content-Security-Policy': POLICY, 'X-Content-Type-Options': 'nosniff' };
  const { server, port } = await serve(prefix, headers, folder);
  return {
    url: `http://127.0.0.1:${port}${prefix}`,
    close: () => new Promise((done) => server.close(() => done())),
  };
}

export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: FLAGS,
  });
}

export interface Watched {
  readonly page: Page;
  /** Console errors, exceptions, failed requests and requests to other hosts. */
  readonly problems: string[];
}

export async function openPage(
  browser: Browser,
  site: Site,
  options: { width: number; height?: number; theme?: 'light' | 'dark'; reducedMotion?: boolean },
): Promise<Watched> {
  const { width, height = width < 600 ? 740 : 900, theme = 'light' } = options;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    reducedMotion: options.reducedMotion ? 'reduce' : 'no-preference',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const problems: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`console: ${message.text().slice(0, 300)}`);
  });
  page.on('pageerror', (error) => problems.push(`exception: ${error.message}`));
  page.on('requestfailed', (request) => {
    if (request.failure()?.errorText !== 'net::ERR_ABORTED')
      problems.push(`failed: ${request.url()}`);
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(site.url) && !/^(data|blob):/.test(url)) problems.push(`elsewhere: ${url}`);
  });
  return { page, problems };
}

/** Open a chapter and wait until the model is there and the chapter drawn. */
export async function openChapter(page: Page, site: Site, chapter: string): Promise<void> {
  await page.goto(`${site.url}#/${chapter}`);
  await page.getByRole('group', { name: 'Positions of the running document' }).waitFor();
  if (chapter) await page.locator('main h2').first().waitFor();
  await page.evaluate(() => document.fonts.ready.then(() => {}));
}

/** Elements that stick out of the page or of the chapter sideways. */
export function overflow(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    for (const box of [document.documentElement, ...document.querySelectorAll('main')]) {
      if (box.scrollWidth > box.clientWidth + 1) {
        found.push(`${box.tagName} ${box.scrollWidth} > ${box.clientWidth}`);
      }
    }
    return found;
  });
}

export async function axe(page: Page): Promise<string[]> {
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
  const { violations } = await new AxeBuilder({ page }).withTags(tags).analyze();
  return violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map((n) => n.html.slice(0, 160)).join('\n')}`,
  );
}
