// Pages without a server behind them: hostile input, ended sessions, a panel that goes away.

import { createServer } from 'node:net';
import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { ACCOUNT, hydrated, Panel } from '../support/panel.js';
import { expectSameDocument, markDocument, watchForTrouble } from '../support/watch.js';

let panel, page, noTrouble;

test.beforeEach(async ({ page: fresh }) => {
  panel = await Panel.start();
  page = fresh;
  noTrouble = watchForTrouble(page);
});

test.afterEach(async () => {
  await panel.stop();
});

test('whoever is not signed in is led to the sign-in, and a new panel to its set-up', async () => {
  await page.goto(panel.url);
  await expect(page.getByLabel('Setup token')).toBeVisible();
  await panel.setUp(page);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
  await page.goto(`${panel.url}/servers`);
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
  noTrouble();
});

test('wrong input gets a sentence at its field and nothing typed is lost', async () => {
  await panel.setUp(page);
  const id = await panel.addProvisionedServer(page, 'web-1');
  await page.goto(`${panel.url}/servers/${id}/firewall`);
  await hydrated(page);
  await page.getByLabel('Name').fill('Web');
  for (const port of ['0', '65536', '80;id', '90:80']) {
    await page.getByLabel('Port', { exact: true }).fill(port);
    await page.getByRole('button', { name: 'Add rule' }).click();
    await expect(page.getByLabel('Port', { exact: true })).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByLabel('Port', { exact: true })).toHaveValue(port);
  }
  await page.getByLabel('Port', { exact: true }).fill('8081');
  await page.getByLabel('Source').fill('10.0.0.1/24');
  await page.getByRole('button', { name: 'Add rule' }).click();
  await expect(page.getByText('The network is 10.0.0.0/24.')).toBeVisible();
  await expect(page.getByLabel('Name')).toHaveValue('Web');
  await expect(page.locator('[data-rule-id]')).toHaveCount(0);
});

test('names full of markup are shown as text', async () => {
  await panel.setUp(page);
  const name = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
  const id = await panel.addProvisionedServer(page, name);
  for (const path of ['/servers', `/servers/${id}`, `/servers/${id}/firewall`]) {
    await page.goto(panel.url + path);
    await hydrated(page);
    await expect(page.getByText(name).first()).toBeVisible();
    expect(await page.evaluate(() => window.hacked)).toBeUndefined();
  }
  noTrouble();
});

test('a session that ends in the middle of a form loses nothing', async () => {
  await panel.setUp(page);
  const id = await panel.addProvisionedServer(page, 'web-1');
  await page.goto(`${panel.url}/servers/${id}/firewall`);
  await hydrated(page);
  await page.getByLabel('Name').fill('Metrics');
  await page.getByLabel('Port', { exact: true }).fill('9100');
  // The open socket still belongs to a session, so that it is the form that finds out and not the page by itself.
  await page.context().clearCookies();
  await page.getByRole('button', { name: 'Add rule' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('E-mail').fill(ACCOUNT.email);
  await dialog.getByLabel('Password').fill(ACCOUNT.password);
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByLabel('Name')).toHaveValue('Metrics');
  await expect(page.getByLabel('Port', { exact: true })).toHaveValue('9100');
  await page.getByRole('button', { name: 'Add rule' }).click();
  await expect(page.locator('[data-rule-id]', { hasText: 'Metrics' })).toBeVisible();
});

test('half-typed input and the document survive a change that arrives from elsewhere', async ({ context }) => {
  await panel.setUp(page);
  const id = await panel.addProvisionedServer(page, 'web-1');
  await page.goto(`${panel.url}/servers/${id}/firewall`);
  await hydrated(page);
  await expect(page.getByTestId('live')).toHaveAttribute('data-live', 'live');
  await markDocument(page);
  await page.getByLabel('Name').fill('Half-typ');
  const other = await context.newPage();
  await panel.call(other, 'firewall/create', {
    server_id: id,
    rule: { name: 'From elsewhere', port: '9100', protocol: 'tcp', source: '', action: 'allow' },
    request_key: 'from-elsewhere',
  });
  await expect(page.locator('[data-rule-id]', { hasText: 'From elsewhere' })).toBeVisible();
  await expect(page.getByLabel('Name')).toHaveValue('Half-typ');
  await expect(page.getByLabel('Name')).toBeFocused();
  await expectSameDocument(page);
});

test('a page can be left from within a field, and the next one works', async () => {
  await panel.setUp(page);
  const id = await panel.addProvisionedServer(page, 'web-1');
  await page.goto(`${panel.url}/servers/${id}/firewall`);
  await hydrated(page);
  for (const port of ['80;id', '8081', '']) {
    await page.getByRole('link', { name: 'Firewall' }).click();
    await page.getByLabel('Port', { exact: true }).fill(port);
    await page.getByLabel('Port', { exact: true }).focus();
    await page.evaluate(() => document.querySelector('nav[aria-label=Server] a').click());
    await expect(page.getByRole('heading', { name: 'Connection' })).toBeVisible();
  }
  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByRole('button', { name: 'Remove server' }).click();
  await expect(page.getByRole('dialog')).toBeVisible();
  noTrouble();
});

test('a page finds out by itself what changed while the panel was away', async () => {
  test.setTimeout(120_000);
  await panel.setUp(page);
  await panel.addProvisionedServer(page, 'web-1');
  await page.goto(`${panel.url}/servers`);
  await hydrated(page);
  await expect(page.getByTestId('live')).toHaveAttribute('data-live', 'live');
  await markDocument(page);
  await panel.kill();
  await expect(page.getByTestId('live')).not.toHaveAttribute('data-live', 'live');
  panel.sql(`UPDATE servers SET name = 'renamed meanwhile'`);
  await panel.boot();
  await expect(page.getByText('renamed meanwhile')).toBeVisible({ timeout: 60_000 });
  await expect(page.getByTestId('live')).toHaveAttribute('data-live', 'live');
  await expectSameDocument(page);
});

test('a server that takes the connection and never speaks is named as such within seconds', async () => {
  await panel.setUp(page);
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await page.goto(`${panel.url}/servers/new`);
  await hydrated(page);
  await page.getByLabel('SSH port').fill(String(silent.address().port));
  await page.getByLabel('Address').fill('127.0.0.1');
  await page.getByLabel('Name').fill('silent');
  await expect(page.getByText(/did not answer in time/)).toBeVisible({ timeout: 20_000 });
  silent.close();
});

test('pages are accessible and fit a phone', async () => {
  // Each look with axe takes seconds on a busy machine.
  test.setTimeout(180_000);
  await panel.setUp(page);
  const id = await panel.addProvisionedServer(page, 'web-1');
  for (const path of ['/servers', '/servers/new', `/servers/${id}`, `/servers/${id}/firewall`, `/servers/${id}/settings`]) {
    await page.goto(panel.url + path);
    await hydrated(page);
    for (const [width, colorScheme] of [[1280, 'light'], [390, 'dark']]) {
      await page.setViewportSize({ width, height: 844 });
      await page.emulateMedia({ colorScheme });
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map((violation) => `${path} ${width} ${violation.id}: ${violation.nodes[0].html}`)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
    }
  }
  noTrouble();
});

for (const [what, file] of [['loader', /brokeforge\.\w+\.js$/], ['program', /brokeforge\.\w+\.wasm$/], ['code', /split_entrance\.\w+\.wasm$/]]) {
  test(`a page whose ${what} was cut off on the way starts all the same`, async () => {
    let cut = 0;
    // Once for the hint in the document, once for the program itself.
    await page.route(file, (route) => (cut++ < 2 ? route.abort('connectionreset') : route.continue()));
    await page.goto(`${panel.url}/setup`);
    await hydrated(page);
    expect(cut).toBeGreaterThan(1);
    await expect(page.getByRole('button', { name: 'Create account' })).toBeEnabled();
    await expect(page.locator('.not-started')).toHaveCount(0);
  });
}

test('a page whose program does not come at all says so, and loads when it is there', async () => {
  await page.route(/brokeforge\.\w+\.js$/, (route) => route.abort('connectionreset'));
  await page.goto(`${panel.url}/setup`);
  await expect(page.getByRole('alert').filter({ hasText: 'could not be loaded' })).toBeVisible({ timeout: 30_000 });
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await page.unroute(/brokeforge\.\w+\.js$/);
  await page.getByRole('link', { name: 'load the page again' }).click();
  await hydrated(page);
  await expect(page.locator('.not-started')).toHaveCount(0);
});

test('the first load arrives rendered, also without any script', async ({ browser }) => {
  await panel.setUp(page);
  await panel.addProvisionedServer(page, 'web-1');
  const context = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  const plain = await context.newPage();
  const response = await plain.goto(`${panel.url}/servers`);
  await expect(plain.getByRole('link', { name: 'web-1' })).toBeVisible();
  const policy = response.headers()['content-security-policy'];
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('unsafe-inline');
  await context.close();
});
