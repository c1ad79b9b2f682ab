// A page that is refetched under its reader's hands: what they look at, hold, select and type stays; a burst costs two
// fetches; a tab that nobody sees waits.

import { expect, test } from '@playwright/test';
import { hydrated, Panel } from '../support/panel.js';
import { expectSameDocument, markDocument, watchForTrouble } from '../support/watch.js';
import { Wire } from '../support/wire.js';

let wire, panel, page, server, noTrouble;

test.beforeEach(async ({ page: fresh }) => {
  page = fresh;
  noTrouble = watchForTrouble(page);
  wire = await Wire.open();
  panel = await Panel.start({ BROKEFORGE_PUBLIC_URL: wire.url });
  wire.to(panel);
  panel.url = wire.url;
  await panel.setUp(page);
  server = await addServer();
});

test.afterEach(async () => {
  await panel.stop();
  wire.close();
});

/** A server that has a firewall and many rules; nothing listens at its address. */
async function addServer() {
  const id = await panel.addProvisionedServer(page, 'web-1');
  const rules = Array.from({ length: 60 }, (_, at) =>
    `(${id}, 'Rule ${String(at).padStart(2, '0')}', '${9000 + at}', 'tcp', '', 'allow', 'active', 'rule-${at}', ${at}, ${at})`);
  panel.sql(`UPDATE servers SET php_offered = '8.2' WHERE id = ${id};
             INSERT INTO firewall_rules (server_id, name, port, protocol, source, action, status, request_key, created_at, updated_at)
               VALUES ${rules}`);
  return id;
}

/** Opens a page of the server and waits until it hears of changes. */
async function open(path) {
  await page.goto(`${panel.url}/servers/${server}${path}`);
  await hydrated(page);
  await expect(page.getByTestId('live')).toHaveAttribute('data-live', 'live');
  await markDocument(page);
}

const changed = (channel) => ({
  event: 'ServerUpdated', channel,
  data: JSON.stringify({ server_id: server, timestamp: new Date().toISOString() }),
});

/** Changes something past the panel, tells of it as the panel does, and waits until the page has fetched. */
async function change(statement) {
  panel.sql(statement);
  const answered = page.waitForResponse(/\/api\/(firewall|servers|operations)\/show$/);
  wire.inject([changed(`private-servers.${server}`), changed('private-servers')]);
  await (await answered).finished();
}

const rule = (name) => page.locator('[data-rule-id]', { hasText: name });
const top = (locator) => locator.evaluate((element) => element.getBoundingClientRect().top);

test('where somebody reads, what they have selected and what they type stays, whatever changes above and below', async () => {
  await open('/firewall');
  await page.getByLabel('Name').fill('Half-typed');
  await page.getByLabel('Name').evaluate((input) => input.setSelectionRange(2, 6, 'backward'));
  await page.evaluate(() => window.scrollTo(0, 1200));
  const before = await top(rule('Rule 30'));
  await rule('Rule 30').evaluate((row) => (row.stays = true));

  await change(`UPDATE firewall_rules SET status = 'failed', error_log = 'A sentence that takes a line of its own.' WHERE name = 'Rule 02';
                DELETE FROM firewall_rules WHERE name IN ('Rule 00', 'Rule 01', 'Rule 50');
                INSERT INTO firewall_rules (server_id, name, port, protocol, source, action, status, request_key, created_at, updated_at)
                  VALUES (${server}, 'From elsewhere', '8080', 'tcp', '', 'allow', 'active', 'elsewhere', 99, 99)`);
  await expect(rule('From elsewhere')).toHaveCount(1);
  await expect(rule('Rule 50')).toHaveCount(0);
  await expect(rule('Rule 02')).toHaveAttribute('data-status', 'failed');

  expect(await rule('Rule 30').evaluate((row) => row.stays)).toBe(true);
  expect(Math.abs((await top(rule('Rule 30'))) - before)).toBeLessThanOrEqual(1);
  const field = page.getByLabel('Name');
  await expect(field).toBeFocused();
  await expect(field).toHaveValue('Half-typed');
  expect(await field.evaluate((input) => [input.selectionStart, input.selectionEnd, input.selectionDirection])).toEqual([2, 6, 'backward']);

  // Text of the very row that changes.
  await rule('Rule 31').locator('.is-code').first().evaluate((cell) => window.getSelection().selectAllChildren(cell));
  await change(`UPDATE firewall_rules SET status = 'failed', error_log = 'No.', updated_at = 100 WHERE name = 'Rule 31'`);
  await expect(rule('Rule 31')).toHaveAttribute('data-status', 'failed');
  expect(await page.evaluate(() => window.getSelection().toString().trim())).toBe('9031');
  await expectSameDocument(page);
  noTrouble();
});

test('the focus stays on a button whose row changes', async () => {
  await open('/firewall');
  await page.getByRole('button', { name: 'Edit Rule 07', exact: true }).focus();
  await change(`UPDATE firewall_rules SET status = 'failed', error_log = 'No.', updated_at = 100 WHERE name = 'Rule 07'`);
  await expect(rule('Rule 07')).toHaveAttribute('data-status', 'failed');
  await expect(page.getByRole('button', { name: 'Edit Rule 07', exact: true })).toBeFocused();
  await change(`UPDATE firewall_rules SET name = 'Renamed', updated_at = 101 WHERE name = 'Rule 07'`);
  await expect(page.getByRole('button', { name: 'Edit Renamed' })).toBeFocused();
  noTrouble();
});

test('an open dialog stays open with what is typed in it, also when its subject changes or goes', async () => {
  await open('/firewall');
  await page.getByRole('button', { name: 'Edit Rule 05', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Edit rule' });
  await dialog.getByLabel('Name').fill('Half-typed');
  await dialog.getByLabel('Source').fill('10.0.0');
  await dialog.getByLabel('Action').selectOption('deny');
  await dialog.getByLabel('Source').evaluate((input) => input.setSelectionRange(1, 3));
  for (const statement of [
    `UPDATE firewall_rules SET status = 'failed', error_log = 'No.', updated_at = 100 WHERE name = 'Rule 05'`,
    `UPDATE firewall_rules SET name = 'Renamed', port = '1', updated_at = 101 WHERE name = 'Rule 05'`,
    `DELETE FROM firewall_rules WHERE name = 'Renamed'`,
  ]) {
    await change(statement);
    await expect(dialog).toBeVisible();
    await expect(dialog.getByLabel('Name')).toHaveValue('Half-typed');
    await expect(dialog.getByLabel('Source')).toHaveValue('10.0.0');
    await expect(dialog.getByLabel('Action')).toHaveValue('deny');
    await expect(dialog.getByLabel('Source')).toBeFocused();
    expect(await dialog.getByLabel('Source').evaluate((input) => [input.selectionStart, input.selectionEnd])).toEqual([1, 3]);
  }
  await expect(rule('Renamed')).toHaveCount(0);
  noTrouble();
});

test('settings that are being typed stay, and the others follow', async () => {
  await open('/settings');
  await page.getByLabel('Notes').fill('Two lines\nof half a thought');
  await page.getByLabel('Notes').evaluate((area) => area.setSelectionRange(4, 9));
  await change(`UPDATE servers SET name = 'web-2', updated_at = 5 WHERE id = ${server}`);
  await expect(page.getByLabel('Name')).toHaveValue('web-2');
  await expect(page.getByLabel('Notes')).toHaveValue('Two lines\nof half a thought');
  await expect(page.getByLabel('Notes')).toBeFocused();
  expect(await page.getByLabel('Notes').evaluate((area) => [area.selectionStart, area.selectionEnd])).toEqual([4, 9]);
  noTrouble();
});

test('on a server\'s page the opened part, its boxes and the focus stay while operations come and end', async () => {
  const insert = (title, state, at) => `INSERT INTO operations (server_id, verb, title, requested_by, state, fence, created_at, started_at, ended_at)
    VALUES (${server}, '${title === 'Provision' ? 'provision' : 'reboot'}', '${title}', 1, '${state}', 1, ${at}, ${at}, ${at})`;
  panel.sql(insert('Provision', 'succeeded', 1));
  panel.sql(insert('First reboot', 'running', 2) + `; UPDATE operations SET lease_until = 9000000000000 WHERE title = 'First reboot'`);
  await open('');
  await page.getByText('Change software').click();
  await page.getByLabel('Redis').check();
  const link = page.getByRole('link', { name: 'First reboot' });
  await link.focus();
  await link.evaluate((element) => (element.stays = true));
  await change(`UPDATE operations SET state = 'failed', error = 'No.', ended_at = 3 WHERE title = 'First reboot'; ${insert('Second reboot', 'succeeded', 4)}`);
  await expect(page.getByRole('link', { name: 'Second reboot' })).toBeVisible();
  await expect(page.locator('li', { hasText: 'First reboot' })).toContainText('Failed');
  await expect(link).toBeFocused();
  expect(await link.evaluate((element) => element.stays)).toBe(true);
  await expect(page.getByLabel('Redis')).toBeVisible();
  await expect(page.getByLabel('Redis')).toBeChecked();
  await expectSameDocument(page);
  noTrouble();
});

test('output that somebody has scrolled back in and selected from stays while more is printed', async () => {
  const print = (first, count) => `INSERT INTO operation_output (operation_id, step, text) VALUES ` +
    Array.from({ length: count }, (_, at) => `(1, 0, 'line ${first + at}' || char(10))`);
  panel.sql(`INSERT INTO operations (id, server_id, verb, title, requested_by, state, fence, created_at, started_at, lease_until)
               VALUES (1, ${server}, 'reboot', 'Reboot', 1, 'running', 1, 1, 1, 9000000000000);
             INSERT INTO operation_steps (operation_id, position, title, script, status, vanished, started_at)
               VALUES (1, 0, 'Restart', 'true', 'running', 0, 1); ${print(1, 100)}`);
  await open('/operations/1');
  const output = page.locator('.output');
  await expect(output).toContainText('line 100');
  await output.evaluate((box) => box.scrollTo(0, 40));
  await output.locator('span').nth(4).evaluate((line) => window.getSelection().selectAllChildren(line));
  // The reader's own scrolling is noticed before more arrives.
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  panel.sql(print(101, 50));
  wire.inject([{
    event: 'OperationOutput', channel: `private-servers.${server}`,
    data: JSON.stringify({ operation_id: 1, timestamp: new Date().toISOString() }),
  }]);
  await expect(output).toContainText('line 150');
  expect(await output.evaluate((box) => box.scrollTop)).toBe(40);
  expect(await page.evaluate(() => window.getSelection().toString().trim())).toBe('line 5');
  await output.evaluate((box) => box.scrollTo(0, box.scrollHeight));
  noTrouble();
});

/** How often the page asks, from now on. */
function countFetches() {
  const fetches = {};
  page.on('request', (request) => {
    const path = new URL(request.url()).pathname;
    if (path.startsWith('/api/')) fetches[path] = (fetches[path] ?? 0) + 1;
  });
  return fetches;
}

const events = () => page.evaluate(() => Number(document.documentElement.dataset.events));

test('a burst of a thousand events costs two fetches, and the second one brings the last state', async () => {
  await open('/firewall');
  await page.waitForTimeout(500);
  const [before, fetches] = [await events(), countFetches()];
  const burst = Array.from({ length: 1000 }, () => changed(`private-servers.${server}`));
  wire.inject(burst);
  await expect.poll(events).toBe(before + 1000);
  await page.waitForTimeout(1000);
  expect(fetches).toEqual({ '/api/firewall/show': 2 });
  // As a burst is that goes on for as long as a dashboard of fifty servers takes to be saved.
  const began = performance.now();
  for (let at = 0; at < 100; at++) {
    wire.inject(burst.slice(0, 10));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  panel.sql(`UPDATE firewall_rules SET name = 'The last word' WHERE name = 'Rule 09'`);
  wire.inject(burst.slice(0, 1));
  await expect(rule('The last word')).toBeVisible();
  // The two of the burst before, two at once, and then no more than four a second, however many events there are.
  expect(fetches['/api/firewall/show']).toBeLessThanOrEqual(2 + 2 + (performance.now() - began) / 250);
  noTrouble();
});

test('a stream whose events come in bursts, each after the answers to the one before, costs four fetches a second', async () => {
  await open('/firewall');
  await page.waitForTimeout(500);
  const fetches = countFetches();
  const began = performance.now();
  const some = Array.from({ length: 10 }, () => changed(`private-servers.${server}`));
  for (let at = 0; at < 20; at++) {
    wire.inject(some);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  panel.sql(`UPDATE firewall_rules SET name = 'The last word' WHERE name = 'Rule 09'`);
  wire.inject([changed(`private-servers.${server}`)]);
  await expect(rule('The last word')).toBeVisible();
  // Until it is known for a stream, each burst has its two.
  expect(fetches['/api/firewall/show']).toBeLessThanOrEqual(4 + (performance.now() - began) / 250);
  noTrouble();
});

test('a tab that nobody sees fetches nothing, and everything once when it is seen', async () => {
  await open('/firewall');
  await page.waitForTimeout(500);
  const fetches = countFetches();
  const look = (state) => page.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);
  await look('hidden');
  panel.sql(`UPDATE firewall_rules SET name = 'Meanwhile' WHERE name = 'Rule 09'`);
  const before = await events();
  wire.inject(Array.from({ length: 1000 }, () => changed(`private-servers.${server}`)));
  await expect.poll(events).toBe(before + 1000);
  await page.waitForTimeout(500);
  expect(fetches).toEqual({});
  await expect(rule('Meanwhile')).toHaveCount(0);
  await look('visible');
  await expect(rule('Meanwhile')).toBeVisible();
  await page.waitForTimeout(500);
  expect(fetches).toEqual({ '/api/firewall/show': 1, '/api/servers/list': 1, '/api/accounts/show': 1 });
  noTrouble();
});
