// The lists of operations and the steps shown before they run. No server is needed: one that nobody listens at fails at
// once, and one whose lane is taken keeps its work waiting.

import { execFileSync } from 'node:child_process';
import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { HOST_KEY, hydrated, Panel } from '../support/panel.js';
import { expectSameDocument, markDocument, watchForTrouble } from '../support/watch.js';

test.describe.configure({ mode: 'serial' });

const WIDE = { width: 1280, height: 900 };
const COLOURS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
const NARROW = { width: 390, height: 844 };

let panel, page, watcher, noTrouble, noTroubleWatching, broken, busy;

test.beforeAll(async ({ browser }) => {
  panel = await Panel.start();
  const context = await browser.newContext({ viewport: WIDE, permissions: ['clipboard-read', 'clipboard-write'] });
  page = await context.newPage();
  noTrouble = watchForTrouble(page);
  await panel.setUp(page);
  const add = async (name, port) => {
    const input = { name, address: '127.0.0.1', port, user: 'root', host_key: HOST_KEY };
    const { status, body } = await panel.call(page, 'servers/create', input);
    expect(status).toBe(200);
    return body;
  };
  broken = await add('broken', '1');
  busy = await add('busy', '2');
  panel.sql(`UPDATE servers SET connection = 'connected', provision_status = 'active',
    firewall_installed = 1, firewall_enabled = 1, php_offered = '8.2'`);
  watcher = await context.newPage();
  noTroubleWatching = watchForTrouble(watcher);
});

test.afterAll(() => panel?.stop());

test('without any operation the lists say what they are for and where to go', async () => {
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Operations' }).click();
  await expect(page).toHaveURL(`${panel.url}/operations`);
  await expect(page.getByRole('heading', { name: 'No operations yet' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Go to servers' })).toBeVisible();
  await accessible(page);
  await page.getByRole('link', { name: 'Failed', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'No failed operations' })).toBeVisible();
  await page.getByRole('link', { name: 'Show all operations' }).click();
  await expect(page).toHaveURL(`${panel.url}/operations`);
  await page.goto(`${panel.url}/servers/${broken}`);
  await hydrated(page);
  await page.getByRole('navigation', { name: 'Server' }).getByRole('link', { name: 'Operations' }).click();
  await expect(page.getByRole('link', { name: 'Go to the server' })).toBeVisible();
});

test('an operation shows in both lists as it goes, with the step that failed and why', async () => {
  await page.goto(`${panel.url}/operations`);
  await watcher.goto(`${panel.url}/servers/${broken}/operations`);
  for (const tab of [page, watcher]) {
    await hydrated(tab);
    await expect(tab.getByTestId('live')).toHaveAttribute('data-live', 'live');
    await markDocument(tab);
  }
  await panel.call(page, 'servers/provision', { server_id: broken });
  for (const tab of [page, watcher]) {
    const row = tab.locator('tr[data-operation-state="failed"]');
    await expect(row).toHaveCount(1, { timeout: 30_000 });
    await expect(row.getByRole('rowheader')).toContainText('Provision broken');
    await expect(row.getByRole('rowheader')).toContainText('Connect: ');
    await expect(row).toContainText('by Ada');
    await expect(row.locator('time')).toHaveAttribute('title', /\d/);
    await expectSameDocument(tab);
  }
  await expect(page.getByRole('link', { name: 'broken', exact: true })).toBeVisible();
  await expect(watcher.getByRole('columnheader', { name: 'Server' })).toHaveCount(0);
});

test('what failed is begun again from its row, in both lists, and once', async () => {
  await page.getByRole('button', { name: 'Retry Provision broken' }).click();
  for (const tab of [page, watcher]) {
    await expect(tab.locator('tr[data-operation-id]')).toHaveCount(2);
    await expect(tab.locator('tr[data-operation-state="failed"]')).toHaveCount(2, { timeout: 30_000 });
    // The later one is the last word.
    await expect(tab.getByRole('button', { name: 'Retry Provision broken' })).toHaveCount(1);
    await expectSameDocument(tab);
  }
});

test('what waits is cancelled at once, and what runs asks first', async () => {
  const now = Date.now();
  panel.sql(`INSERT INTO operations (server_id, verb, title, requested_by, state, fence, created_at, started_at, lease_owner, lease_until)
    VALUES (${busy}, 'reboot', 'Reboot busy', 1, 'running', 1, ${now}, ${now}, 'another worker', ${now + 3_600_000})`);
  await panel.call(page, 'servers/provision', { server_id: busy });
  const queued = page.locator('tr[data-operation-state="queued"]');
  await expect(queued).toHaveCount(1);
  await page.getByRole('button', { name: 'Cancel Provision busy' }).click();
  await expect(queued).toHaveCount(0);
  await expect(page.locator('tr[data-operation-state="cancelled"]')).toContainText('Cancelled by Ada.');

  await page.getByRole('button', { name: 'Cancel Reboot busy' }).click();
  const dialog = page.getByRole('dialog', { name: 'Cancel this operation' });
  await expect(dialog).toContainText('A reboot that has already begun continues.');
  await accessible(page);
  await dialog.getByRole('button', { name: 'Keep running' }).click();
  await expect(dialog).toBeHidden();
  await page.getByRole('button', { name: 'Cancel Reboot busy' }).click();
  await dialog.getByRole('button', { name: 'Cancel operation' }).click();
  await expect(dialog).toBeHidden();
  await expect(page.locator('tr', { hasText: 'Reboot busy' })).toContainText('Cancelling');
  await expect(page.getByRole('button', { name: 'Cancel Reboot busy' })).toHaveCount(0);
  await expectSameDocument(page);
});

test('the filter and the page stand in the address, come back with it, and change nothing else', async () => {
  await page.getByRole('link', { name: 'Running', exact: true }).click();
  await expect(page).toHaveURL(/\/operations\?state=running$/);
  await expect(page.locator('tr[data-operation-id]')).toHaveCount(1);
  await page.getByRole('link', { name: 'Failed', exact: true }).click();
  await expect(page.locator('tr[data-operation-id]')).toHaveCount(2);
  await expect(page.getByRole('link', { name: 'Failed', exact: true })).toHaveAttribute('aria-current', 'true');
  await page.goBack();
  await expect(page.locator('tr[data-operation-state="running"]')).toHaveCount(1);
  await expectSameDocument(page);

  const rows = Array.from({ length: 60 }, (_, at) => `(${broken}, 'reboot', 'Reboot ${at}', 1, 'succeeded', 1, ${at}, ${at}, ${at})`);
  panel.sql(`INSERT INTO operations (server_id, verb, title, requested_by, state, fence, created_at, started_at, ended_at) VALUES ${rows}`);
  await page.goto(`${panel.url}/operations?page=2`);
  await hydrated(page);
  await expect(page.getByRole('navigation', { name: 'Pages' })).toContainText('51 to 64 of 64');
  await page.getByRole('link', { name: 'Newer' }).click();
  await expect(page.locator('tr[data-operation-id]')).toHaveCount(50);
  await expect(page).toHaveURL(`${panel.url}/operations`);
});

test('the lists are accessible and fit, wide and narrow', async () => {
  // Each look with axe takes seconds on a busy machine.
  test.setTimeout(180_000);
  for (const path of ['/operations', `/servers/${broken}/operations`]) {
    for (const size of [WIDE, NARROW]) {
      await page.setViewportSize(size);
      await page.goto(`${panel.url}${path}`);
      await hydrated(page);
      await accessible(page);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(wide, `${path} at ${size.width}`).toBeLessThanOrEqual(0);
    }
  }
  await expect(page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Operations' })).toBeVisible();
  await page.setViewportSize(WIDE);
});

test('the steps of a rule show before it is added, follow the form, and are copied as a script that runs', async () => {
  await page.goto(`${panel.url}/servers/${busy}/firewall`);
  await hydrated(page);
  const form = page.getByRole('form', { name: 'Add a rule' });
  await form.getByText('Exact steps and commands').click();
  await expect(form).toContainText('Fill in the form to see them.');
  await form.getByLabel('Name').fill('Web');
  await form.getByLabel('Port', { exact: true }).fill('8081');
  await expect(form.getByRole('heading', { name: '1. Add the rule' })).toBeVisible();
  await expect(form).toContainText('# new port: 8081');
  await form.getByLabel('Port', { exact: true }).fill('8082');
  await expect(form).toContainText('# new port: 8082');
  await form.getByLabel('Port', { exact: true }).fill('443');
  await expect(form).toContainText('Port 443 is open already');
  await form.getByLabel('Port', { exact: true }).fill('8082');
  await expect(form).toContainText('# new port: 8082');
  await accessible(page);
  const script = await copied(form);
  expect(script).toContain('The panel confirms this over a new connection within 50 s');
  expect(script.match(/begin_change\(\) \{/g)).toHaveLength(1);
  understood(script);
});

test('the steps of a provisioning and of a reboot show before they are asked for', async () => {
  panel.sql(`UPDATE servers SET provision_status = NULL WHERE id = ${busy}`);
  panel.sql(`DELETE FROM operations WHERE server_id = ${busy} AND verb = 'provision'`);
  await page.goto(`${panel.url}/servers/${busy}`);
  await hydrated(page);
  const provision = page.getByRole('region', { name: 'Provision this server' });
  await provision.getByText('Exact steps and commands').click();
  await expect(provision.getByRole('heading', { name: '10. Verify' })).toBeVisible();
  await expect(provision.getByRole('heading', { name: /Redis/ })).toHaveCount(0);
  await provision.getByLabel('Redis').check();
  await expect(provision.getByRole('heading', { name: '10. Redis' })).toBeVisible();
  understood(await copied(provision));
  await accessible(page);

  await page.getByRole('button', { name: 'Reboot' }).click();
  const dialog = page.getByRole('dialog', { name: 'Reboot busy?' });
  await dialog.getByText('Exact steps and commands').click();
  await expect(dialog.getByRole('heading', { name: '2. Wait until it is back' })).toBeVisible();
  understood(await copied(dialog));
  await accessible(page);
});

test('an operation shows and copies the same words when it has run', async () => {
  await page.goto(`${panel.url}/operations?state=failed`);
  await hydrated(page);
  await page.getByRole('link', { name: 'Provision broken' }).first().click();
  await page.getByText('Commands', { exact: true }).click();
  await expect(page.getByRole('heading', { name: '1. Connect' })).toBeVisible();
  await page.getByText('Functions that the steps share').click();
  await accessible(page);
  const ran = await copied(page.getByRole('main'));
  understood(ran);
  const input = { server_id: broken, work: { provision: { choices: null } } };
  const { body } = await panel.call(page, 'operations/preview', input);
  for (const { title, script } of body.steps) {
    if (title !== 'Check the system') expect(ran).toContain(script);
  }
  expect(ran).toContain(body.shared);
});

test('output keeps the colours that a server gave it, as text, and each can be read in both themes', async () => {
  const [operation, step] = panel.sql(`SELECT operation_id || ' ' || MIN(position) FROM operation_steps
    WHERE status = 'failed' AND operation_id IN (SELECT id FROM operations WHERE server_id = ${broken})
    GROUP BY operation_id LIMIT 1`).split(' ');
  const words = COLOURS.map((name, number) => `'plain ' || char(27) || '[0;${30 + number}m${name} <b>' || char(27) || '[0m' || char(10)`);
  const output = [...words, `char(27) || '[0;1;2;4mstrong' || char(27) || '[0m' || char(27) || ']0;title' || char(10)`].join(' || ');
  panel.sql(`INSERT INTO operation_output (operation_id, step, text) VALUES (${operation}, ${step}, ${output})`);
  await page.goto(`${panel.url}/servers/${broken}/operations/${operation}`);
  await hydrated(page);
  const printed = page.locator('.output').filter({ hasText: 'plain red <b>' });
  await expect(printed).toBeVisible();
  expect(await printed.textContent()).not.toContain('\u001b');
  await expect(printed.locator('b')).toHaveCount(0);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    const colours = await Promise.all(COLOURS.map((name) => printed.locator(`.is-${name}`).evaluate((it) => getComputedStyle(it).color)));
    expect(new Set(colours).size).toBe(COLOURS.length);
    await accessible(page);
  }
  const strong = printed.locator('.is-bold.is-underlined');
  await expect(strong).toHaveText('strong');
  await expect(strong).toHaveCSS('text-decoration-line', 'underline');
  await page.emulateMedia({ colorScheme: null });
});

test('the search leads to the operations of a server', async () => {
  await page.goto(`${panel.url}/servers`);
  await hydrated(page);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('broken oper');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(`${panel.url}/servers/${broken}/operations`);
});

test('output beyond one answer is all there after a click, and a failure to load it is told', async () => {
  const now = Date.now();
  const operation = panel.sql(`INSERT INTO operations (server_id, verb, title, requested_by, state, fence, created_at, started_at, ended_at)
    VALUES (${broken}, 'reboot', 'Long output', 1, 'succeeded', 1, ${now}, ${now}, ${now}); SELECT last_insert_rowid()`);
  panel.sql(`INSERT INTO operation_steps (operation_id, position, title, script, status, started_at, ended_at)
    VALUES (${operation}, 0, 'Talk', '', 'succeeded', ${now}, ${now});
    WITH RECURSIVE line(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM line WHERE number < 1234)
    INSERT INTO operation_output (operation_id, step, text) SELECT ${operation}, 0, 'line ' || number || char(10) FROM line`);
  await page.goto(`${panel.url}/servers/${broken}/operations`);
  await hydrated(page);
  await expect(page.getByTestId('live')).toHaveAttribute('data-live', 'live');
  const link = page.getByRole('link', { name: 'Long output' });
  await link.click();
  const step = page.locator('[data-step="0"]');
  await step.locator('summary').click();
  await expect(step.locator('.output')).toContainText('line 1234');
  expect((await step.locator('.output').textContent()).trim().split('\n')).toHaveLength(1234);

  await page.goBack();
  await page.route('**/api/operations/output', (route) =>
    route.fulfill({ status: 429, json: { error: 'too_many', retry_after_seconds: 1 } }));
  await link.click();
  await expect(page.getByTestId('output-error')).toContainText('The output could not be loaded');
  await step.locator('summary').click();
  await expect(step).toContainText('The output could not be loaded.');
  await expect(step).not.toContainText('No output.');
  await accessible(page);
  await page.unroute('**/api/operations/output');
  await page.getByRole('button', { name: 'Load it again' }).click();
  await expect(step.locator('.output')).toContainText('line 1234', { timeout: 3_000 });
  await expect(page.getByTestId('output-error')).toBeHidden();
});

test('a step that is being read stays open when the next one starts', async () => {
  const now = Date.now();
  const operation = panel.sql(`INSERT INTO operations (server_id, verb, title, requested_by, state, fence, created_at, started_at, lease_owner, lease_until)
    VALUES (${broken}, 'reboot', 'Three steps', 1, 'running', 1, ${now}, ${now}, 'another worker', ${now + 3_600_000}); SELECT last_insert_rowid()`);
  panel.sql(`INSERT INTO operation_steps (operation_id, position, title, script, status, started_at) VALUES
    (${operation}, 0, 'First', '', 'succeeded', ${now}), (${operation}, 1, 'Second', '', 'running', ${now}),
    (${operation}, 2, 'Third', '', 'waiting', NULL), (${operation}, 3, 'Fourth', '', 'waiting', NULL)`);
  await page.goto(`${panel.url}/servers/${broken}/operations/${operation}`);
  await hydrated(page);
  await expect(page.getByTestId('live')).toHaveAttribute('data-live', 'live');
  const isOpen = (at) => page.locator(`[data-step="${at}"] details`).evaluate((details) => details.open);
  // As if news of it had come.
  const goOn = async (to) => {
    panel.sql(`UPDATE operation_steps SET status = 'succeeded' WHERE operation_id = ${operation} AND position < ${to};
      UPDATE operation_steps SET status = 'running' WHERE operation_id = ${operation} AND position = ${to}`);
    await page.evaluate(() => window.dispatchEvent(new Event('online')));
    await expect(page.locator(`[data-step="${to}"]`)).toHaveAttribute('data-status', 'running');
    await expect.poll(() => isOpen(to)).toBe(true);
  };
  await page.locator('[data-step="0"] summary').click();
  await goOn(2);
  expect([await isOpen(0), await isOpen(1)]).toEqual([true, false]);
  // Closed and opened again by the reader: from now on it is theirs.
  await page.locator('[data-step="2"] summary').click();
  await page.locator('[data-step="2"] summary').click();
  await page.locator('h1').click();
  await goOn(3);
  expect([await isOpen(0), await isOpen(2)]).toEqual([true, true]);
  panel.sql(`DELETE FROM operations WHERE id = ${operation}`);
});

test('a cancellation that is refused says so at its button', async () => {
  await panel.call(page, 'servers/provision', { server_id: busy });
  await page.goto(`${panel.url}/servers/${busy}/operations`);
  await hydrated(page);
  const row = page.locator('tr[data-operation-state="queued"]');
  await page.route('**/api/operations/cancel', (route) =>
    route.fulfill({ status: 409, json: { error: 'conflict', message: 'Not now, for a reason.' } }));
  await row.getByRole('button', { name: 'Cancel Provision busy' }).click();
  await expect(row.getByRole('alert')).toHaveText('Not now, for a reason.');
  await expect(row.getByRole('button', { name: 'Cancel Provision busy' })).toBeFocused();
  await page.unroute('**/api/operations/cancel');
  await row.getByRole('button', { name: 'Cancel Provision busy' }).click();
  await expect(row).toHaveCount(0);
});

test('nothing went wrong on the way, in either tab', () => {
  noTrouble();
  noTroubleWatching();
});

async function accessible(tab) {
  const { violations } = await new AxeBuilder({ page: tab }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`)).toEqual([]);
}

/** What the button for the whole script puts into the clipboard. */
async function copied(within) {
  await within.getByRole('button', { name: 'Copy as a shell script' }).click();
  await expect(page.getByText('Copied.').first()).toBeVisible();
  return page.evaluate(() => navigator.clipboard.readText());
}

/** A shell reads all of it without a complaint. */
function understood(script) {
  execFileSync('sh', ['-n'], { input: script });
}
