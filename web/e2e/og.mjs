/** The picture that other sites show of this one, made of the real page: `npm run og`. */

import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { CHROMIUM, FLAGS, serve } from './serve.mjs';

const { server, port } = await serve();
const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
const page = await browser.newPage({ viewport: { width: 1200, height: 630 }, reducedMotion: 'reduce' });
await page.goto(`http://127.0.0.1:${port}/#/`);
await page.getByRole('group', { name: 'Positions of the running document' }).waitFor();
await page.evaluate(() => document.fonts.ready.then(() => {}));
const path = fileURLToPath(new URL('../public/og.png', import.meta.url));
await page.screenshot({ path });
console.log(path);
await browser.close();
server.close();
