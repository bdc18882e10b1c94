/** The built site on loopback, as a static host would send it; and where Chromium is. */

import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const SITE = fileURLToPath(new URL('../../src/glassgpt/site/', import.meta.url));

export const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
};

export const CHROMIUM =
  [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
    .filter((path) => !!path)
    .find((path) => existsSync(path)) ?? '';

export const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Serve the site, or another folder, under a prefix on a free port, compressed, with these headers on every answer. */
export async function serve(prefix = '/', headers = {}, site = SITE) {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://x').pathname);
    const file = join(site, path === prefix ? 'index.html' : path.slice(prefix.length));
    if (!path.startsWith(prefix) || !file.startsWith(site) || !existsSync(file)) {
      response.writeHead(404, headers).end();
      return;
    }
    const all = { ...headers, 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' };
    const plain = readFileSync(file);
    if (/\.(woff2|png)$/.test(file)) response.writeHead(200, all).end(plain);
    else response.writeHead(200, { ...all, 'Content-Encoding': 'gzip' }).end(gzipSync(plain));
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return { server, port: server.address().port };
}
