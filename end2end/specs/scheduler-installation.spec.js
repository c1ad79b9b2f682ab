// The scheduler of a server in a browser: offered, installed, repaired, removed. No server is needed: one that nobody listens
// at fails at once, and what has worked is written into the database. A real one is in `provisioner`.

import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { hydrated, Panel } from '../support/panel.js';
import { expectSameDocument, markDocument, watchForTrouble } from '../support/watch.js';

test.describe.configure({ mode: 'serial' });

let panel, page, watcher, noTrouble, noTroubleWatching, server, address;

test.beforeAll(async ({ browser }) => {
  panel = await Panel.start();
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  page = await context.newPage();
  noTrouble = watchForTrouble(page);
  await panel.setUp(page);
  server = await panel.addServer(page, 'web-1');
  address = `${panel.url}/servers/${server}/scheduler`;
  watcher = await context.newPage();
  noTroubleWatching = watchForTrouble(watcher);
});

test.afterAll(() => panel?.stop());

test('a server that does not let the panel in is offered nothing that could not work', async () => {
  await open(page);
  await expect(page.getByRole('heading', { name: 'Let the panel in first' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Install the scheduler' })).toHaveCount(0);
});

test('a server without a scheduler offers to install one, with the steps, and no task', async () => {
  panel.sql(`UPDATE servers SET connection = 'connected'`);
  await open(page);
  const form = page.getByRole('form', { name: 'Install the scheduler' });
  await expect(form).toContainText('cron, curl, and the user brokeforge');
  await expect(page.getByRole('form', { name: 'Add a task' })).toHaveCount(0);
  await form.getByText('Exact steps and commands').click();
  for (const step of ['1. Connect', '2. App user', '3. Scheduler']) {
    await expect(form.getByRole('heading', { name: step })).toBeVisible();
  }
  await accessible(page);
});

test('an installation shows in another tab without a reload, says why it failed, and is retried', async () => {
  await open(watcher);
  await markDocument(watcher);
  await page.getByRole('button', { name: 'Install the scheduler' }).click();
  for (const tab of [page, watcher]) {
    await expect(head(tab)).toHaveAttribute('data-scheduler-status', 'failed', { timeout: 30_000 });
    await expect(tab.getByTestId('scheduler-error')).toContainText('nothing listens there');
    await expect(tab.getByText('could not be installed. Retry it')).toBeVisible();
  }
  await expectSameDocument(watcher);
  await accessible(page);
  await page.getByRole('button', { name: 'Retry the scheduler of web-1' }).click();
  await expect.poll(() => states('install'), { timeout: 30_000 }).toEqual(['failed', 'failed']);
  await page.getByRole('link', { name: 'Details of the scheduler of web-1' }).click();
  await expect(page.getByRole('heading', { name: 'Install scheduler of web-1' })).toBeVisible();
});

test('what is typed for a task outlives a repair that somebody begins meanwhile', async () => {
  panel.sql(`UPDATE schedulers SET status = 'active', error_log = NULL`);
  await open(page);
  await open(watcher);
  const form = page.getByRole('form', { name: 'Add a task' });
  await form.getByLabel('Name').fill('Backup');
  await watcher.getByRole('button', { name: 'Repair the scheduler' }).click();
  // Nobody is there to mend it, so it stays as it was, with the reason.
  await expect.poll(() => states('change'), { timeout: 30_000 }).toEqual(['failed']);
  for (const tab of [page, watcher]) {
    await expect(tab.getByTestId('scheduler-error')).toBeVisible();
    await expect(head(tab)).toHaveAttribute('data-scheduler-status', 'active');
  }
  await expect(form.getByLabel('Name')).toHaveValue('Backup');
});

test('cron that has died is told beside the status, with the button that mends it', async () => {
  panel.sql(`UPDATE servers SET scheduler_running = 0`);
  await open(page);
  const alert = page.getByTestId('cron-stopped');
  await expect(alert).toContainText('none of its tasks will start');
  await expect(page.getByRole('button', { name: 'Repair the scheduler' })).toHaveCount(1);
  await accessible(page);
  await alert.getByRole('button', { name: 'Repair the scheduler' }).click();
  await expect.poll(() => states('change'), { timeout: 30_000 }).toEqual(['failed', 'failed']);
});

test('it is not removed under its tasks, and the dialog says what stays on the server', async () => {
  panel.sql(`INSERT INTO scheduled_tasks (server_id, name, command, run_as, frequency, expression, timeout, overlap, notify, status,
               paused, request_key, handle, created_at, updated_at)
             VALUES (${server}, 'Backup', 'true', 'root', 'daily', '@daily', 300, 'skip', 1, 'active', 0, 'form', '00', 0, 0)`);
  await open(page);
  const remove = page.getByRole('button', { name: 'Remove the scheduler of web-1' });
  const dialog = page.getByRole('dialog', { name: 'Remove the scheduler of web-1?' });
  await remove.click();
  await expect(dialog).toContainText('1 task is on this server. Remove it first, then the scheduler.');
  await expect(dialog.getByRole('button')).toHaveText(['Cancel']);
  await dialog.getByRole('button', { name: 'Cancel' }).click();

  panel.sql('DELETE FROM scheduled_tasks');
  await open(page);
  await remove.click();
  await expect(dialog).toContainText('Cron stays and runs on');
  await dialog.getByText('Exact steps and commands').click();
  await expect(dialog.getByRole('heading', { name: '1. Remove the scheduler' })).toBeVisible();
  await accessible(page);
  await dialog.getByRole('button', { name: 'Remove the scheduler' }).click();
  await expect(dialog).toBeHidden();
  await expect.poll(() => states('remove'), { timeout: 30_000 }).toEqual(['failed']);
  await expect(head(page)).toHaveAttribute('data-scheduler-status', 'active');

  // As it is when that has worked.
  panel.sql('DELETE FROM schedulers');
  await open(page);
  await expect(page.getByRole('button', { name: 'Install the scheduler' })).toBeVisible();
  noTrouble();
  noTroubleWatching();
});

/** The page as it is now, ready to be used and to hear. */
async function open(tab) {
  await tab.goto(address);
  await hydrated(tab);
  await expect(tab.getByTestId('live')).toHaveAttribute('data-live', 'live');
}

const head = (tab) => tab.locator('.page-head').filter({ has: tab.getByRole('heading', { name: 'Scheduler', exact: true }) });

/** How the operations of this kind on the scheduler stand, oldest first. */
const states = (verb) =>
  panel.query(`SELECT state FROM operations WHERE resource_kind = 'scheduler' AND verb = '${verb}' ORDER BY id`).map(({ state }) => state);

async function accessible(tab) {
  const { violations } = await new AxeBuilder({ page: tab }).analyze();
  expect(violations.map((violation) => `${violation.id}: ${violation.nodes[0].html}`)).toEqual([]);
}
