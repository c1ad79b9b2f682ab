// Scheduled tasks in a browser. No server is needed: one that nobody listens at fails at once, and what a server would
// report is reported by the test, with a token as a server has one. Real cron is in `provisioner`.

import { createHash } from 'node:crypto';
import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { hydrated, Panel } from '../support/panel.js';
import { expectSameDocument, markDocument, watchForTrouble } from '../support/watch.js';

test.describe.configure({ mode: 'serial' });

const TOKEN = 'a'.repeat(64);
const COMMAND = `echo "it's 100%" && cat <<'EOF'\n<b>bold</b>\nEOF\n`;

let panel, page, watcher, noTrouble, noTroubleWatching, server;

test.beforeAll(async ({ browser }) => {
  panel = await Panel.start();
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  page = await context.newPage();
  noTrouble = watchForTrouble(page);
  await panel.setUp(page);
  server = await panel.addProvisionedServer(page, 'web-1');
  watcher = await context.newPage();
  noTroubleWatching = watchForTrouble(watcher);
});

test.afterAll(() => panel?.stop());

test('a task is written with its next runs in words before it is saved, and a wrong expression is explained', async () => {
  await page.goto(`${panel.url}/servers/${server}`);
  await hydrated(page);
  await page.getByRole('navigation', { name: 'Server' }).getByRole('link', { name: 'Scheduler' }).click();
  await expect(page).toHaveURL(`${panel.url}/servers/${server}/scheduler`);
  const form = page.getByRole('form', { name: 'Add a task' });
  await expect(form.getByRole('listitem')).toHaveCount(5);
  await form.getByLabel('Cron expression').fill('60 * * * *');
  await form.getByLabel('Timeout in seconds').focus();
  await expect(form.getByText('use 0 to 59')).toBeVisible();
  await form.getByLabel('Cron expression').fill('15 4 * * mon');
  await expect(form.getByLabel('How often')).toHaveValue('custom');
  await expect(form.getByRole('listitem').first()).toContainText(/^Monday, .* 04:15 UTC$/);
  await form.getByLabel('How often').selectOption('hourly');
  await expect(form.getByLabel('Cron expression')).toHaveValue('0 * * * *');
  await accessible(page);
});

test('a task is kept as it was typed, shows in another tab without a reload, and says why it failed', async () => {
  await watcher.goto(`${panel.url}/servers/${server}/scheduler`);
  await hydrated(watcher);
  await expect(watcher.getByTestId('live')).toHaveAttribute('data-live', 'live');
  await markDocument(watcher);
  const form = page.getByRole('form', { name: 'Add a task' });
  await form.getByLabel('Name').fill('Backup');
  await form.getByLabel('Command', { exact: true }).fill(COMMAND);
  await form.getByRole('button', { name: 'Add task' }).click();
  for (const tab of [page, watcher]) {
    const row = tab.locator('tr[data-task-id]');
    await expect(row).toHaveAttribute('data-status', 'failed', { timeout: 30_000 });
    await expect(row).toContainText('nothing listens there');
  }
  await expectSameDocument(watcher);
  expect(panel.query('SELECT command FROM scheduled_tasks')[0].command).toBe(COMMAND);
});

test('runs appear in an open page as they are reported, with what they printed as text', async () => {
  const hash = createHash('sha256').update(TOKEN).digest('hex');
  panel.sql(`UPDATE scheduled_tasks SET status = 'active', error_log = NULL, token_hash = '${hash}'`);
  await page.getByRole('link', { name: 'Backup', exact: true }).click();
  await expect(page.getByText('No runs yet.')).toBeVisible();
  await expect(page.getByRole('navigation', { name: 'Breadcrumb' })).toContainText('Backup');
  await expect(page.getByTestId('live')).toHaveAttribute('data-live', 'live');
  await markDocument(page);
  const started = Date.now() - 5_000;
  const key = `${started}-0a1b2c3d`;
  await report(`run ${key} running cron ${started} - -\n`);
  await expect(page.locator('tr[data-run-state="running"]')).toHaveCount(1);
  await report(`run ${key} failed cron ${started} ${started + 1_500} 3\n<b>bold</b> oops\n`);
  const run = page.locator('tr[data-run-state="failed"]');
  await expect(run).toHaveCount(1);
  await expect(run).toContainText('1.5 s');
  await run.getByRole('button', { name: 'Show' }).click();
  await expect(run.locator('pre')).toContainText('<b>bold</b> oops');
  await expectSameDocument(page);
  await accessible(page);
  // Among what happened, and as a message that stays until it is dismissed.
  await expect(watcher.getByText('Scheduled task Backup failed: exit code 3')).toHaveCount(2);
});

test('a task is edited, run, and removed from its own page', async () => {
  await page.getByRole('button', { name: 'Edit Backup' }).click();
  const dialog = page.getByRole('dialog', { name: 'Edit task' });
  await expect(dialog.getByLabel('Command', { exact: true })).toHaveValue(COMMAND);
  // Somebody else changes it meanwhile.
  await dialog.getByLabel('Name').fill('Backup of all');
  panel.sql('UPDATE scheduled_tasks SET timeout = 60');
  await dialog.getByRole('button', { name: 'Save task' }).click();
  await expect(dialog).toContainText('This scheduled task was changed elsewhere meanwhile: timeout. Nothing was saved');
  await expect(dialog.getByLabel('Name')).toHaveValue('Backup of all');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Run now: Backup' }).click();
  await expect(page.getByText('Backup is about to run.')).toBeVisible();
  // Where the operation itself is on the page, no message tells of its end.
  await expect(watcher.getByText('Run scheduled task Backup: failed.')).toBeVisible({ timeout: 30_000 });
  const run = page.locator('article[data-operation-id]');
  await expect(run).toHaveAttribute('data-operation-state', 'failed');
  await expect(run).toContainText('nothing listens there');
  // This is the page of what failed.
  await expect(run.getByRole('link', { name: 'Go to the scheduler' })).toHaveCount(0);
  await accessible(page);
  await page.getByRole('button', { name: 'Remove Backup' }).click();
  const question = page.getByRole('dialog', { name: 'Remove this task?' });
  await accessible(page);
  await question.getByRole('button', { name: 'Remove task' }).click();
  // Nobody is there to take it away, so it stays as it was, with the reason.
  await expect(page.locator('article[data-task-id]')).toHaveAttribute('data-status', 'active', { timeout: 30_000 });
  await expect(page.locator('.row-error').first()).toBeVisible();
  noTrouble();
  noTroubleWatching();
});

async function report(body) {
  const response = await fetch(`${panel.url}/scheduler/report`, {
    method: 'POST', headers: { Authorization: `Bearer ${TOKEN}` }, body,
  });
  expect(response.status).toBe(204);
}

async function accessible(tab) {
  const { violations } = await new AxeBuilder({ page: tab }).analyze();
  expect(violations.map((violation) => `${violation.id}: ${violation.nodes[0].html}`)).toEqual([]);
}
