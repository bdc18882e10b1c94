/** What the page says agrees with what it shows. */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, openChapter, openPage, type Site, serveSite, startBrowser } from './harness.ts';

describe.skipIf(!CHROMIUM)('truth (skipped without Chromium)', () => {
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

  const visit = async (chapter: string) => {
    const { page, problems } = await openPage(browser, site, { width: 1280, reducedMotion: true });
    await openChapter(page, site, chapter);
    return { page, problems };
  };

  test('bars are as high as their numbers', async () => {
    const { page, problems } = await visit('dataset');
    for (const name of ['Number of documents of each length', 'Number of occurrences']) {
      const columns = await page
        .getByRole('group', { name })
        .locator('[title]')
        .evaluateAll((all) =>
          all.map((column) => ({
            value: Number(column.getAttribute('title')!.replace(/^.*: /, '').replace(',', '')),
            height: column.querySelector('.bg-blue')!.getBoundingClientRect().height,
          })),
        );
      const most = Math.max(...columns.map(({ value }) => value));
      const full = Math.max(...columns.map(({ height }) => height));
      expect(columns.length).toBeGreaterThan(5);
      expect(full).toBeGreaterThan(80);
      for (const { value, height } of columns) {
        expect(Math.abs(height - (full * value) / most), `${value} of ${most}`).toBeLessThan(1.5);
      }
    }
    expect(problems).toEqual([]);
    await page.context().close();
  }, 60_000);

  test('the prediction about attention agrees with the panel below it', async () => {
    const { page, problems } = await visit('attention');
    await page.getByRole('button', { name: /^hardly anything/ }).click();
    const told = page.locator('section', { hasText: 'Take all of attention away' });
    await told.getByText('The mean loss goes from').waitFor();
    const [asIs, without] = (await told.innerText())
      .match(/goes from ([\d.]+) to ([\d.]+\d)/)!
      .slice(1);
    const panel = page.locator('section', { hasText: 'does attention matter here?' }).last();
    await panel.scrollIntoViewIfNeeded();
    await panel.getByText('all of attention is worth').waitFor({ timeout: 30_000 });
    const first = panel.locator('table').first();
    expect(await first.locator('tr', { hasText: 'as it is' }).innerText()).toContain(asIs);
    expect(await first.locator('tr', { hasText: 'all heads muted' }).innerText()).toContain(
      without,
    );
    const concluded = (await panel.innerText()).includes('hardly anything');
    expect((await told.innerText()).includes('Right.')).toBe(concluded);
    expect(problems).toEqual([]);
    await page.context().close();
  }, 60_000);

  test('a check says how it read an answer, and its hints grow', async () => {
    const { page, problems } = await visit('machine');
    const form = page.locator('form', { hasText: /How many parameters .* one layer/ });
    const submit = async (text: string) => {
      await form.getByRole('textbox').fill(text);
      await form.getByRole('button', { name: 'check' }).click();
      return form.locator('p').innerText();
    };
    expect(await submit('a lot')).toContain('is not a number');
    const said: string[] = [];
    for (const wrong of ['4,32', '12', '13']) said.push(await submit(wrong));
    expect(said[0]).toContain('read as 4.32');
    expect(said[1]!.length).toBeGreaterThan(said[0]!.length - 'read as 4.32'.length);
    expect(said[2]).toContain('The answer is 3,072');
    for (const right of ['3072', '3,072', '3.072', '3 072', '3072.0']) {
      expect(await submit(right), right).toContain('Right.');
    }
    expect(problems).toEqual([]);
    await page.context().close();
  }, 60_000);

  test('a half-trained model is said in every chapter, and put back or finished with a click', async () => {
    const { page, problems } = await visit('training');
    const said = page.getByRole('region', { name: 'Model on its way' });
    expect(await said.count()).toBe(0);
    const loss = page.getByRole('contentinfo').getByText(/^loss \d/);
    const before = await loss.innerText();
    await page.getByRole('toolbar', { name: 'Train' }).getByText('start').click();
    await said.getByText(/is trained for \d+ of 1,000 steps/).waitFor();
    await page
      .getByRole('link', { name: /attention/i })
      .first()
      .click();
    await page.getByRole('heading', { level: 1, name: /attention/i }).waitFor();
    await said.getByText(/is trained for \d+ of 1,000 steps/).waitFor();
    await said.getByRole('button', { name: 'put the model of step 1,000 back' }).click();
    await said.waitFor({ state: 'detached' });
    expect(await loss.innerText()).toBe(before);
    expect(problems).toEqual([]);
    await page.context().close();
  }, 60_000);
});
