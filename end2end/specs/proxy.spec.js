// Behind nginx with TLS, set up from the lines in docs/install.md; and what the page says when two of them are missing.

import { expect, test as base } from '@playwright/test';
import { HOST_KEY, hydrated, Panel } from '../support/panel.js';
import { NAME, Nginx } from '../support/nginx.js';
import { expectOnlyEventsRefetched, expectSameDocument, markDocument, watchForTrouble } from '../support/watch.js';

// The browser asks nobody where the panel is: its name leads to the proxy.
const test = base.extend({
  panel: async ({}, use) => {
    const panel = await Panel.start({ BROKEFORGE_PUBLIC_URL: `https://${NAME}` });
    panel.url = `https://${NAME}`;
    await use(panel);
    await panel.stop();
  },
  nginx: async ({ panel }, use) => {
    const nginx = await Nginx.start(panel);
    await use(nginx);
    await nginx.stop();
  },
  page: async ({ playwright, launchOptions, nginx }, use) => {
    const rules = `--host-resolver-rules=MAP ${NAME}:443 127.0.0.1:${nginx.port}`;
    const browser = await playwright.chromium.launch({ ...launchOptions, args: [...launchOptions.args, rules] });
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    await use(await context.newPage());
    await browser.close();
  },
});

/** Calls as a page does, through the proxy. */
async function call(page, path, input) {
  return page.evaluate(async ({ path, input }) => {
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch(`/api/${path}`, { method: 'POST', headers, body: JSON.stringify({ input }) });
    return { status: answer.status, body: await answer.json() };
  }, { path, input });
}

async function addServer(page, name) {
  const input = { name, address: '127.0.0.1', port: '1', user: 'root', host_key: HOST_KEY };
  expect((await call(page, 'servers/create', input)).status).toBe(200);
}

const live = (page) => page.getByTestId('live');

test('by the lines of the paper one signs in through https and sees each change at once', async ({ panel, page }) => {
  const noTrouble = watchForTrouble(page);
  await panel.setUp(page);
  await hydrated(page);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(`https://${NAME}/sign-in`);
  await hydrated(page);
  await page.getByLabel('E-mail').fill('ada@example.com');
  await page.getByLabel('Password').fill('correct horse battery');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(`https://${NAME}/servers`);
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({ secure: true, httpOnly: true, sameSite: 'Lax', domain: NAME });

  await hydrated(page);
  await expect(live(page)).toHaveAttribute('data-live', 'live');
  await expect(page.getByTestId('live-trouble')).toHaveCount(0);
  await markDocument(page);
  const other = await page.context().newPage();
  await other.goto(`https://${NAME}/account`);
  await addServer(other, 'from elsewhere');
  await expect(page.getByRole('main').getByRole('link', { name: 'from elsewhere' })).toBeVisible();
  await expectSameDocument(page);
  await expectOnlyEventsRefetched(page);
  noTrouble();
});

for (const [what, lines] of [
  ['the upgrade headers', /Upgrade|Connection/],
  ['HTTP/1.1', /proxy_http_version/],
]) {
  test(`without ${what} the page says what is wrong, and follows slowly`, async ({ panel, nginx, page }) => {
    test.setTimeout(120_000);
    await panel.setUp(page);
    await nginx.without(lines);
    await page.goto(`https://${NAME}/servers`);
    await hydrated(page);
    await expect(live(page)).toHaveAttribute('data-live', 'polling', { timeout: 30_000 });
    await expect(live(page)).toHaveText('updating every 30 s');
    const sign = page.getByTestId('live-trouble');
    await expect(sign).toContainText('Live updates cannot get through');
    await expect(sign).toContainText('proxy_set_header Upgrade $http_upgrade');
    await expect(sign).toContainText('docs/install.md');
    expect(panel.output).toContain('without its Upgrade header');

    await markDocument(page);
    const other = await page.context().newPage();
    await other.goto(`https://${NAME}/account`);
    await addServer(other, 'from elsewhere');
    await expect(page.getByRole('main').getByRole('link', { name: 'from elsewhere' })).toBeVisible({ timeout: 45_000 });
    await expectSameDocument(page);
    const fallback = await page.evaluate(() => Number(document.documentElement.dataset.fallbackRefetches));
    expect(fallback).toBeGreaterThan(0);
  });
}
