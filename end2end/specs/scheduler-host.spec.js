// A scheduled task under the real cron of a real host, which cannot reach the panel: what it runs appears in a page that is
// open all the time, also what it ran while the panel was away.

import { expect, test } from '@playwright/test';
import { Host, needsHosts } from '../support/host.js';
import { hydrated, Panel } from '../support/panel.js';
import { expectSameDocument, markDocument } from '../support/watch.js';

test.describe.configure({ mode: 'serial' });

/** A minute until cron begins it, half of one until the panel asks, and a busy machine. */
const RUN = 150_000;

let panel, host, page, server;

test.beforeAll(async ({ browser }) => {
  test.setTimeout(300_000);
  needsHosts();
  [panel, host] = await Promise.all([Panel.start(), Host.start('scheduler-page')]);
  page = await (await browser.newContext()).newPage();
  await panel.setUp(page);
  server = await panel.addHost(page, host);
});

test.afterAll(async () => {
  await panel?.stop();
  await host?.destroy();
});

test('a scheduler is installed and a task added, without a provisioning', async () => {
  test.setTimeout(180_000);
  await page.goto(`${panel.url}/servers/${server}/scheduler`);
  await hydrated(page);
  await page.getByRole('button', { name: 'Install the scheduler' }).click();
  const form = page.getByRole('form', { name: 'Add a task' });
  await expect(form).toBeVisible({ timeout: 120_000 });
  await form.getByLabel('Name').fill('Clock');
  await form.getByLabel('Command', { exact: true }).fill(`echo "it's $(date +%H:%M)"`);
  await form.getByLabel('How often').selectOption('minutely');
  await form.getByRole('button', { name: 'Add task' }).click();
  await expect(page.locator('tr[data-task-id]')).toHaveAttribute('data-status', 'active', { timeout: 60_000 });
});

test('its runs appear in the open page, those as well that cron began while the panel was away', async () => {
  test.setTimeout(600_000);
  await page.getByRole('link', { name: 'Clock', exact: true }).click();
  await expect(page.getByText('No runs yet.')).toBeVisible();
  await markDocument(page);
  const runs = page.locator('tr[data-run-state="succeeded"]');
  await expect(runs.first()).toBeVisible({ timeout: RUN });
  await runs.first().getByRole('button', { name: 'Show' }).click();
  await expect(runs.first().locator('pre')).toHaveText(/^it's \d\d:\d\d\s*$/);

  await panel.kill('SIGTERM');
  const before = await runs.count();
  const waiting = () => host.sh('grep -l " succeeded cron " /var/lib/brokeforge/tasks/*/runs/*/report | wc -l');
  await expect.poll(waiting, { timeout: 3 * RUN }).toBe('2\n');
  await panel.boot();
  await expect.poll(() => runs.count(), { timeout: RUN }).toBeGreaterThanOrEqual(before + 2);
  await expectSameDocument(page);
});

test('one that is run by hand is among the runs while it goes on, and stopped when it is cancelled', async () => {
  test.setTimeout(180_000);
  await page.goto(`${panel.url}/servers/${server}/scheduler`);
  await page.getByRole('link', { name: 'Clock', exact: true }).click();
  await hydrated(page);
  await markDocument(page);
  await page.getByRole('button', { name: 'Edit Clock' }).click();
  const dialog = page.getByRole('dialog', { name: 'Edit task' });
  await dialog.getByLabel('Command', { exact: true }).fill('echo begun; sleep 900');
  // Once a year, so that nothing but the click begins it.
  await dialog.getByLabel('Cron expression').fill('0 0 1 1 *');
  await dialog.getByRole('button', { name: 'Save task' }).click();
  await expect(dialog).toBeHidden();
  const task = page.locator('article[data-task-id]');
  await expect(task).toHaveAttribute('data-status', 'active', { timeout: 60_000 });
  await expect(task.getByText('0 0 1 1 *', { exact: true })).toBeVisible();

  await page.getByRole('button', { name: 'Run now: Clock' }).click();
  await expect(page.locator('tr[data-run-state="running"]')).toHaveCount(1, { timeout: 20_000 });
  const operation = page.locator('article[data-operation-id]');
  await expect(operation.locator('.output').last()).toContainText('begun');
  await operation.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel operation' }).click();
  await expect(page.locator('tr[data-run-state="stopped"]')).toHaveCount(1, { timeout: 60_000 });
  await expect(operation).toHaveAttribute('data-operation-state', 'cancelled');
  expect(await host.sh('pgrep -u brokeforge -f "sleep 900" | wc -l')).toBe('0\n');
  await expectSameDocument(page);
});
