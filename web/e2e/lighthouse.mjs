/**
 * Lighthouse on the built site, mobile settings: `npm run lighthouse`, after `npm run build`.
 * Prints the figures and fails where they miss the bars.
 */

import { spawn } from 'node:child_process';
import lighthouse from 'lighthouse';
import { CHROMIUM, FLAGS, serve } from './serve.mjs';

const PAGES = ['', 'forward', 'attention', 'training', 'generate'];
const BARS = { performance: 0.95, accessibility: 1, lcp: 2000, tbt: 100, cls: 0.02 };
if (!CHROMIUM) {
  console.error('Lighthouse needs Chromium; set CHROMIUM to its path');
  process.exit(1);
}

const { server, port } = await serve();
const debugging = 9222 + (process.pid % 1000);
const browser = spawn(
  CHROMIUM,
  [
    '--headless=new',
    ...FLAGS,
    `--remote-debugging-port=${debugging}`,
    `--user-data-dir=/tmp/glassgpt-lighthouse-${process.pid}`,
  ],
  { stdio: 'ignore' },
);
let missed = 0;
try {
  await ready(`http://127.0.0.1:${debugging}/json/version`);
  console.log('page         performance  accessibility  LCP ms  TBT ms  CLS    script kB (gzip)');
  for (const page of PAGES) {
    const url = `http://127.0.0.1:${port}/#/${page}`;
    const options = { port: debugging, onlyCategories: ['performance', 'accessibility'], logLevel: 'error' };
    const { lhr } = await lighthouse(url, options);
    const value = (id) => lhr.audits[id].numericValue;
    const performance = lhr.categories.performance.score;
    const accessibility = lhr.categories.accessibility.score;
    const [lcp, tbt, cls] = ['largest-contentful-paint', 'total-blocking-time', 'cumulative-layout-shift'].map(value);
    const items = lhr.audits['network-requests'].details.items;
    const script = items
      .filter((item) => item.resourceType === 'Script')
      .reduce((sum, item) => sum + item.transferSize, 0);
    console.log(
      `${(page || 'start').padEnd(13)}${String(Math.round(100 * performance)).padStart(11)}` +
        `${String(Math.round(100 * accessibility)).padStart(15)}${String(Math.round(lcp)).padStart(8)}` +
        `${String(Math.round(tbt)).padStart(8)}${cls.toFixed(3).padStart(7)}${(script / 1000).toFixed(1).padStart(12)}`,
    );
    const misses = [
      performance < BARS.performance,
      accessibility < BARS.accessibility,
      lcp > BARS.lcp,
      tbt > BARS.tbt,
      cls > BARS.cls,
    ];
    missed += misses.filter(Boolean).length;
    for (const audit of Object.values(lhr.audits)) {
      const asked = lhr.categories.accessibility.auditRefs.some(({ id }) => id === audit.id);
      if (asked && audit.score === 0) console.log(`  accessibility: ${audit.title}`);
    }
  }
} finally {
  browser.kill();
  server.close();
}
console.log(missed ? `${missed} figures miss their bars` : 'every figure is within its bar');
process.exit(missed ? 1 : 0);

async function ready(url) {
  for (let i = 0; i < 100; i++) {
    try {
      if ((await fetch(url)).ok) return;
    } catch {
      // not up yet
    }
    await new Promise((next) => setTimeout(next, 100));
  }
  throw new Error('Chromium does not answer');
}
