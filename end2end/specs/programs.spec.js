// Background programs in a browser. No server is needed: one that nobody listens at fails at once, and how processes stand is
// written where the panel keeps it. A real systemd is in `provisioner`.

import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { hydrated, Panel } from '../support/panel.js';
import { expectSameDocument, markDocument, watchForTrouble } from '../support/watch.js';

test.describe.configure({ mode: 'serial' });

const COMMAND = `echo "it's 100%" && cat <<'EOF'\n<b>bold</b>\nEOF\nexec php artisan queue:work\n`;
const SECRET = 'canary-4f1e';

let panel, page, watcher, noTrouble, noTroubleWatching, server;

test.beforeAll(async ({ browser }) => {
  panel = await Panel.start();
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  page = await context.newPage();
  // The log is asked of a server where nobody listens.
  noTrouble = watchForTrouble(page, /status of (4\d\d|502)/);
  await panel.setUp(page);
  server = await panel.addProvisionedServer(page, 'web-1');
  watcher = await context.newPage();
  noTroubleWatching = watchForTrouble(watcher);
});

test.afterAll(() => panel?.stop());

test('a click is not lost to the sentence about the wrong field that it leaves', async () => {
  await page.goto(`${panel.url}/servers/${server}/programs`);
  await hydrated(page);
  const form = page.getByRole('form', { name: 'Add a program' });
  await form.getByLabel('Processes').fill('21');
  await form.getByRole('button', { name: 'Add a variable' }).click();
  await expect(form.getByLabel('Name of the variable')).toBeVisible();
  await expect(form.getByText('from 1 to 20')).toBeVisible();
});

test('a wrong field is explained where it stands, and a variable by its name', async () => {
  await page.goto(`${panel.url}/servers/${server}`);
  await hydrated(page);
  await page.getByRole('navigation', { name: 'Server' }).getByRole('link', { name: 'Programs' }).click();
  await expect(page).toHaveURL(`${panel.url}/servers/${server}/programs`);
  const form = page.getByRole('form', { name: 'Add a program' });
  await form.getByLabel('Name', { exact: true }).fill('Queue worker');
  await form.getByLabel('Command', { exact: true }).fill(COMMAND);
  await form.getByLabel('Directory').fill('shop');
  await form.getByLabel('Processes').fill('21');
  await form.getByRole('button', { name: 'Add program' }).click();
  await expect(form.getByText('Write the whole path')).toBeVisible();
  await expect(form.getByText('from 1 to 20')).toBeVisible();
  await form.getByLabel('Directory').fill('/home/brokeforge/shop');
  await form.getByLabel('Processes').fill('2');
  await form.getByRole('button', { name: 'Add a variable' }).click();
  await form.getByLabel('Name of the variable').fill('2A');
  await form.getByRole('button', { name: 'Add program' }).click();
  await expect(form.getByText('Write the name of a variable')).toBeVisible();
  await accessible(page);
});

test('a program is kept as it was typed, shows in another tab without a reload, and says why it failed', async () => {
  await watcher.goto(`${panel.url}/servers/${server}/programs`);
  await hydrated(watcher);
  await expect(watcher.getByTestId('live')).toHaveAttribute('data-live', 'live');
  await markDocument(watcher);
  const form = page.getByRole('form', { name: 'Add a program' });
  await form.getByLabel('Name of the variable').fill('APP_KEY');
  await form.getByLabel('Value of APP_KEY').fill(SECRET);
  await form.getByText('Exact steps and commands').click();
  const script = form.getByRole('region', { name: 'Script of 1. Add the program' });
  await expect(script).toContainText('# processes: 2');
  await expect(script).toContainText('# environment: a secret, not shown here');
  await form.getByRole('button', { name: 'Add program' }).click();
  for (const tab of [page, watcher]) {
    const row = tab.locator('tr[data-program-id]');
    await expect(row).toHaveAttribute('data-status', 'failed', { timeout: 30_000 });
    await expect(row).toContainText('nothing listens there');
  }
  await expectSameDocument(watcher);
  const [row] = panel.query('SELECT command, variables, sealed_environment FROM programs');
  expect(row.command).toBe(COMMAND);
  expect(row.variables).toBe('APP_KEY');
  expect(row.sealed_environment).not.toContain(SECRET);
});

test('processes appear in an open page as they are seen, with how they ended', async () => {
  panel.sql(`UPDATE programs SET status = 'active', error_log = NULL`);
  panel.sql(`INSERT INTO program_processes (server_id, program_id, number, state, pid, started_at, restarts, last_end, last_end_at)
    SELECT server_id, id, 1, 'running', 4711, ${Date.now() - 65_000}, 1, 'signal KILL', ${Date.now() - 67_000} FROM programs;
    INSERT INTO program_processes (server_id, program_id, number, state, pid, started_at, restarts, last_end, last_end_at)
    SELECT server_id, id, 2, 'failed', NULL, NULL, 4, 'exit code 1', ${Date.now() - 5_000} FROM programs`);
  await page.reload();
  await hydrated(page);
  await expect(page.locator('tr[data-program-id]')).toContainText('1 of 2 running');
  await page.getByRole('link', { name: 'Queue worker', exact: true }).click();
  await expect(page.getByRole('navigation', { name: 'Breadcrumb' })).toContainText('Queue worker');
  const process = page.locator('tr[data-process="1"]');
  await expect(process).toHaveAttribute('data-process-state', 'running');
  await expect(process).toContainText('4711');
  await expect(process).toContainText('signal KILL');
  await expect(page.getByTestId('trouble')).toContainText('Process 2 ended again and again');
  await expect(page.getByText('APP_KEY')).toBeVisible();
  await accessible(page);
  const start = page.getByRole('button', { name: 'Start Queue worker', exact: true });
  await expect(start).toBeVisible();
  panel.sql(`UPDATE program_processes SET state = 'running' WHERE number = 2`);
  await page.reload();
  await hydrated(page);
  await expect(page.getByRole('button', { name: 'Stop Queue worker' })).toBeVisible();
  await expect(start).toHaveCount(0);
  panel.sql(`UPDATE program_processes SET state = 'failed'`);
  await page.reload();
  await hydrated(page);
  await expect(page.getByRole('article').getByText('Does not run', { exact: true })).toBeVisible();
  panel.sql(`UPDATE program_processes SET state = 'running'`);
  await page.reload();
  await hydrated(page);
  await expect(page.getByRole('navigation', { name: 'Breadcrumb' })).toContainText('Queue worker');
  panel.sql(`UPDATE program_processes SET state = 'failed' WHERE number = 2`);
  await page.reload();
  await hydrated(page);
});

test('the log is shown as text and goes on while it is followed', async () => {
  let asked = 0;
  const line = (process, text, about = false) => ({ at: 1_798_761_600_000, process, is_about_it: about, text });
  await page.route('**/api/programs/log', (route) => {
    asked += 1;
    return route.fulfill({ json: { lines: [line(1, '<b>bold</b> first'), line(2, `line ${asked}`), line(2, 'Main process exited', true)] } });
  });
  await page.getByRole('button', { name: 'Refresh' }).click();
  const log = page.getByRole('log');
  await expect(log).toContainText('<b>bold</b> first');
  await expect(log.locator('b')).toHaveCount(0);
  await page.getByRole('button', { name: 'Follow' }).click();
  await expect(page.getByRole('button', { name: 'Follow' })).toHaveAttribute('aria-pressed', 'true');
  await expect(log).toContainText('line 4', { timeout: 20_000 });
  await page.getByRole('button', { name: 'Follow' }).click();
  await accessible(page);
  await page.unroute('**/api/programs/log');
});

test('a program is edited without its values, restarted, and removed from its own page', async () => {
  await page.getByRole('button', { name: 'Edit Queue worker' }).click();
  const dialog = page.getByRole('dialog', { name: 'Edit program' });
  await expect(dialog.getByLabel('Command', { exact: true })).toHaveValue(COMMAND);
  await expect(dialog.getByLabel('Name of the variable')).toHaveValue('APP_KEY');
  await expect(dialog.getByLabel('Value of APP_KEY')).toHaveValue('');
  await expect(page.locator('html')).not.toContainText(SECRET);
  await accessible(page);
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Restart Queue worker' }).click();
  await page.getByRole('dialog', { name: 'Restart this program?' }).getByRole('button', { name: 'Restart program' }).click();
  await expect(page.getByText('Restart background program Queue worker: failed.')).toBeVisible({ timeout: 30_000 });
  await expect(page.locator('article[data-program-id]')).toHaveAttribute('data-status', 'active');
  await page.getByRole('button', { name: 'Remove Queue worker' }).click();
  const question = page.getByRole('dialog', { name: 'Remove this program?' });
  await question.getByRole('button', { name: 'Remove program' }).click();
  // Nobody is there to take it away, so it stays as it was, with the reason.
  await expect(page.locator('article[data-program-id]')).toHaveAttribute('data-status', 'active', { timeout: 30_000 });
  await expect(page.locator('article > .row-error').first()).toBeVisible();
  noTrouble();
  noTroubleWatching();
});

async function accessible(tab) {
  const { violations } = await new AxeBuilder({ page: tab }).analyze();
  expect(violations.map((violation) => `${violation.id}: ${violation.nodes[0].html}`)).toEqual([]);
}
