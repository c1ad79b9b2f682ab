// Two panels on one PostgreSQL: what one changes shows in the tabs of the other, and what one leaves the other finishes.

import { expect, test } from '@playwright/test';
import { Host, needsHosts } from '../support/host.js';
import { hydrated, Panel } from '../support/panel.js';
import { dropDatabase, makeDatabase, needsPostgres, psql } from '../support/postgres.js';
import { expectOnlyEventsRefetched, expectSameDocument, markDocument, watchForTrouble } from '../support/watch.js';

test.describe.configure({ mode: 'serial' });

let database, first, second, page;

test.beforeAll(async ({ browser }) => {
  test.setTimeout(120_000);
  needsPostgres();
  database = makeDatabase();
  first = await Panel.start({ DATABASE_URL: database });
  page = await (await browser.newContext()).newPage();
  await first.setUp(page);
  // After there is an account: each start without one makes a setup token of its own, and the last one counts.
  second = await Panel.beside(first);
});

test.afterAll(async () => {
  await first?.stop();
  await second?.stop();
  if (database) dropDatabase(database);
});

test('a change through one panel appears in a tab on the other, which shares its sessions', async () => {
  const tab = await page.context().newPage();
  const noTrouble = watchForTrouble(tab);
  // A cookie belongs to the machine's name, whatever the port.
  await tab.goto(`${second.url}/servers`);
  await hydrated(tab);
  await expect(tab.getByTestId('live')).toHaveAttribute('data-live', 'live');
  await markDocument(tab);
  await first.addServer(page, 'through the first');
  await expect(tab.getByRole('main').getByRole('link', { name: 'through the first' })).toBeVisible();
  await expectSameDocument(tab);
  await expectOnlyEventsRefetched(tab);
  noTrouble();
  await tab.close();
});

test('after the database has cut its connections a tab shows what changed, without being loaded again', async () => {
  const tab = await page.context().newPage();
  await tab.goto(`${second.url}/servers`);
  await hydrated(tab);
  await expect(tab.getByTestId('live')).toHaveAttribute('data-live', 'live');
  await markDocument(tab);
  psql(database, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()`);
  // A call that meets a cut connection may fail once.
  await expect.poll(async () => (await first.call(page, 'servers/list', {})).status, { timeout: 20_000 }).toBe(200);
  await first.addServer(page, 'after the cut', '2');
  await expect(tab.getByRole('main').getByRole('link', { name: 'after the cut' }).first()).toBeVisible({ timeout: 10_000 });
  await expectSameDocument(tab);
  await tab.close();
});

test('when the panel that provisions is killed, the other finishes it, and its tab sees each line once', async () => {
  test.setTimeout(600_000);
  needsHosts();
  const host = await Host.start('panels');
  try {
    const server = await first.addHost(page, host);
    const tab = await page.context().newPage();
    await tab.goto(`${second.url}/servers/${server}`);
    await hydrated(tab);
    await markDocument(tab);
    await tab.getByRole('button', { name: /^Provision web-1/ }).click();
    await expect(tab.locator('[data-step][data-status="running"]', { hasText: 'PHP' })).toBeVisible({ timeout: 300_000 });

    // Either may have taken it: the one that did is killed, and the tab goes on where it is served.
    const owner = psql(database, `SELECT lease_owner FROM operations WHERE state = 'running'`);
    const [killed, left] = owner.startsWith(`worker-${first.process.pid}-`) ? [first, second] : [second, first];
    await killed.kill();
    if (left === first) await tab.goto(`${first.url}/servers/${server}`);
    await expect(tab.locator('[data-operation-state="succeeded"]').first()).toBeVisible({ timeout: 500_000 });
    await expect(tab.locator('[data-step]:not([data-status="succeeded"])')).toHaveCount(0);
    if (left === second) await expectSameDocument(tab);
    const output = (await tab.locator('[data-step] .output').allTextContents()).join('');
    expect(output.split('\n').filter((line) => /^Setting up nginx \(/.test(line))).toHaveLength(1);
    expect(psql(database, `SELECT DISTINCT lease_owner FROM operations WHERE lease_owner IS NOT NULL`)).toBe('');
  } finally {
    await host.destroy();
  }
});
