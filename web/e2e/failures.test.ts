/** What goes wrong in a browser: chapters that fail, damaged links, a new version, keys in the presenter. */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, openChapter, openPage, type Site, serveSite, startBrowser } from './harness.ts';

describe.skipIf(!CHROMIUM)('failures (skipped without Chromium)', () => {
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

  const visit = async (chapter: string): Promise<Page> => {
    const { page } = await openPage(browser, site, { width: 1280, reducedMotion: true });
    await openChapter(page, site, chapter);
    return page;
  };

  test('a list of two letters is shown in every chapter', async () => {
    const { page, problems } = await openPage(browser, site, { width: 1280, reducedMotion: true });
    await openChapter(page, site, 'dataset');
    await page.getByRole('textbox', { name: /your own list/ }).fill('ab\nba\naab');
    await page.getByRole('button', { name: 'train on it' }).click();
    await page.locator('footer').getByText('step 1,000').waitFor();
    for (const chapter of CHAPTERS) {
      await openChapter(page, site, chapter);
      expect(await page.getByText('The page could not show').count(), chapter).toBe(0);
    }
    expect(problems).toEqual([]);
    await page.context().close();
  }, 120_000);

  test('a chapter whose file is gone says so, and the others still work', async () => {
    const page = await visit('dataset');
    await page.route(/assets\/tokens-/, (route) => route.fulfill({ status: 404 }));
    await page
      .getByRole('link', { name: /Tokens/ })
      .first()
      .click();
    const alert = page.getByRole('alert');
    await alert.getByText('The page could not show chapter 2, Tokens.').waitFor();
    expect(await alert.innerText()).toContain('One of its files could not be loaded');
    await alert.getByRole('button', { name: 'reload the page' }).waitFor();
    await openChapter(page, site, 'forward');
    await page.locator('button.cell').first().waitFor();
    await page.context().close();
  }, 60_000);

  test('a damaged link is said to be damaged, above the usual model', async () => {
    const page = await visit('dataset');
    await page.goto('about:blank');
    await page.goto(`${site.url}#/attention?r=AAAA`);
    await page.getByText('this link is damaged').waitFor();
    await page
      .getByRole('heading', { name: 'which positions does each position attend to?' })
      .waitFor();
    await page.context().close();
  }, 60_000);

  test('a link pasted into the open page is opened', async () => {
    const page = await visit('forward');
    await page.getByRole('slider', { name: 'Training step' }).focus();
    await page.locator('footer').getByText('step 1,000').waitFor();
    await page.keyboard.press('Home');
    await page.locator('footer').getByText('step 0').waitFor();
    await page.getByRole('button', { name: 'share', exact: true }).click();
    await page.getByRole('button', { name: 'copy the link' }).click();
    const link = await page.getByRole('textbox', { name: 'Link' }).inputValue();
    await page.keyboard.press('Escape');
    await page.getByRole('slider', { name: 'Training step' }).press('End');
    await page.locator('footer').getByText('step 1,000').waitFor();
    await page.evaluate((hash) => {
      location.hash = hash;
    }, new URL(link).hash);
    await page.locator('footer').getByText('step 0').waitFor();
    await page.context().close();
  }, 60_000);

  test('a seed that is too large is refused where it is typed', async () => {
    const page = await visit('generate');
    await page.getByRole('spinbutton', { name: 'seed' }).fill('9007199254740993');
    expect(await page.getByRole('alert').innerText()).toContain('from 0 to 9007199254740991');
    await page.context().close();
  }, 60_000);

  test('presenting: a key acts once, on the focused control or on the page', async () => {
    const page = await visit('forward');
    await page.getByRole('button', { name: 'present', exact: true }).click();
    await page.getByRole('timer').waitFor();
    await page.locator('main').evaluate((main) => {
      const count = { paged: 0 };
      Object.assign(window, { count });
      main.scrollBy = () => void count.paged++;
    });
    const paged = () =>
      page.evaluate(() => (window as unknown as { count: { paged: number } }).count.paged);
    await page.getByRole('button', { name: /^step/ }).focus();
    await page.keyboard.press('Space');
    await page.getByText(/^2 of 10:/).waitFor();
    await page.locator('button.cell').nth(2).focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('data-at'))).toBe('0,3');
    expect(await paged()).toBe(0);
    await page.keyboard.press('Enter');
    await page.getByRole('complementary', { name: 'Inspector' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('complementary', { name: 'Inspector' }).waitFor({ state: 'detached' });
    expect(await page.getByRole('timer').count()).toBe(1); // still presenting
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await page.keyboard.press('Space');
    expect(await paged()).toBe(1);
    await page.keyboard.press('Escape');
    await page.getByRole('slider', { name: 'Training step' }).waitFor();
    await page.context().close();
  }, 60_000);
});

const CHAPTERS = [
  ...['tokens', 'autograd', 'parameters', 'embeddings', 'forward'],
  ...['attention', 'loss', 'training', 'generate', 'machine'],
];
