/** The built site on loopback under a strict policy, and Debian's Chromium to look at it. */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';

const SITE = fileURLToPath(new URL('../../src/glassgpt/site/', import.meta.url));
export const SHOTS = fileURLToPath(new URL('./screenshots/', import.meta.url));

/** What `glassgpt serve` sends, too: no inline scripts, nothing from elsewhere. */
const POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; " +
  "img-src 'self' data:; worker-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'";

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
};

export const CHROMIUM =
  [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
    .filter((path): path is string => !!path)
    .find(existsSync) ?? '';

export interface Site {
  readonly url: string;
  close(): Promise<void>;
}

/** Serve the built site under a sub-path, as some hosts do. */
export async function serveSite(prefix = '/some/path/'): Promise<Site> {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url!, 'http://x').pathname));
    const file = path === prefix ? 'index.html' : path.slice(prefix.length);
    const headers = { 'Content-Security-Policy': POLICY, 'X-Content-Type-Options': 'nosniff' };
    if (!path.startsWith(prefix) || file.includes('..')) {
      response.writeHead(404, headers).end();
      return;
    }
    readFile(join(SITE, file)).then(
      (body) => {
        const type = TYPES[extname(file)] ?? 'application/octet-stream';
        response.writeHead(200, { ...headers, 'Content-Type': type }).end(body);
      },
      () => response.writeHead(404, headers).end(),
    );
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${prefix}`,
    close: () => new Promise((done) => server.close(() => done())),
  };
}

export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
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
