// Every text that a user, a server or a thief of the database can supply, full of payloads, on every page.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { ACCOUNT, hydrated, Panel } from '../support/panel.js';
import { PAYLOADS, unisolatedBidi, watchForExecution } from '../support/payloads.js';

const HOST_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
const HERE = dirname(fileURLToPath(import.meta.url));
const PARSED = readFileSync(join(HERE, '../../server/tests/integration/parsed_columns.txt'), 'utf8').split('\n');

let panel;

test.beforeEach(async () => {
  panel = await Panel.start();
});

test.afterEach(async () => {
  await panel.stop();
});

const quoted = (text) => `'${text.replaceAll("'", "''")}'`;

/** Makes `count` rows like the only one of a table, each with another payload in every text that is not parsed. */
function poison(table, count, fixed = {}) {
  const columns = panel.query(`SELECT name, type FROM pragma_table_info('${table}')`);
  const [{ first }] = panel.query(`SELECT max(rowid) AS first FROM ${table}`);
  for (let number = 0; number < count; number++) {
    const values = columns.map(({ name, type }) => {
      if (fixed[name]) return fixed[name](number);
      if (name === 'id') return `(SELECT max(id) + 1 FROM ${table})`;
      if (!/char|text/i.test(type) || PARSED.includes(`${table}.${name}`)) return name;
      // The number keeps columns unique that must be.
      return `${quoted(PAYLOADS[number % PAYLOADS.length])} || ' ${number}'`;
    });
    panel.sql(`INSERT INTO ${table} SELECT ${values.join(', ')} FROM ${table} WHERE rowid = ${first}`);
  }
}

/** An account and servers, rules, operations, steps, output and events, all of them hostile. */
async function poisonedPanel(page) {
  await panel.setUp(page);
  const { body: id } = await panel.call(page, 'servers/create', {
    name: 'web-1', address: '127.0.0.1', port: '1', user: 'root', host_key: HOST_KEY,
  });
  panel.sql(`UPDATE servers SET connection = 'connected', provision_status = 'active', firewall_installed = 1,
             firewall_enabled = 1`);
  await panel.call(page, 'firewall/create', {
    server_id: id,
    rule: { name: 'Web', port: '9100', protocol: 'tcp', source: '', action: 'allow' },
    request_key: 'form-of-the-spec',
  });
  await expect.poll(() => panel.query(`SELECT state FROM operations`)[0].state, { timeout: 30_000 }).toBe('failed');
  const [{ operation }] = panel.query('SELECT id AS operation FROM operations');
  panel.sql(`UPDATE operations SET verb = 'provision', resource_kind = NULL, resource_id = NULL`);
  panel.sql(`INSERT INTO operation_output (operation_id, step, text) VALUES (${operation}, 0, 'x')`);
  poison('operation_output', PAYLOADS.length);
  poison('operation_steps', PAYLOADS.length, { position: (number) => String(number + 100) });
  poison('firewall_rules', PAYLOADS.length);
  poison('audit_entries', PAYLOADS.length);
  poison('servers', PAYLOADS.length);
  poison('operations', PAYLOADS.length, { server_id: (number) => `(SELECT id FROM servers LIMIT 1 OFFSET ${number})` });
  poison('sessions', PAYLOADS.length, { token_hash: (number) => `'hash-${number}'` });
  panel.sql(`UPDATE servers SET connection = 'failed' WHERE id % 2 = 0`);
  panel.sql(`UPDATE users SET name = ${quoted(PAYLOADS.join(' '))}, email = ${quoted(PAYLOADS.slice(30).join(' '))}`);
  panel.sql(`UPDATE operations SET error = ${quoted(PAYLOADS.join(' '))}, title = ${quoted(PAYLOADS.join(' '))}
             WHERE id = ${operation}`);
  return { id, operation };
}

/** The page after its own code has taken over and read everything once more. */
async function expectNothingRan(page, path) {
  await page.goto(panel.url + path);
  await hydrated(page);
  // Whatever waits for a pointer or the focus gets it.
  await page.evaluate(() => {
    for (const element of document.querySelectorAll('main *')) {
      for (const kind of ['mouseover', 'focus', 'toggle']) element.dispatchEvent(new Event(kind));
    }
  });
  expect(await page.evaluate(() => [window.executions, ...window.violations]), path).toEqual([0]);
  expect(await page.evaluate(unisolatedBidi), path).toEqual([]);
  expect(await page.locator('main script, main iframe, main img, main base, main object, main form[action*=evil]').count(), path).toBe(0);
  expect(await page.locator('a[href^="javascript:"], a[href*="evil"]').count(), path).toBe(0);
}

test('the watch itself sees a script that runs and a script that the policy stops', async ({ browser }) => {
  for (const [bypassCSP, executions, violations] of [[true, 1, 0], [false, 0, 1]]) {
    const context = await browser.newContext({ bypassCSP });
    await watchForExecution(context);
    const page = await context.newPage();
    await page.goto(`${panel.url}/setup`);
    await page.evaluate(() => document.body.insertAdjacentHTML('beforeend', '<img src=/nothing onerror=hostile()>'));
    await expect.poll(() => page.evaluate(() => [window.executions, window.violations.length])).toEqual([executions, violations]);
    expect(await page.evaluate(() => {
      document.body.insertAdjacentHTML('beforeend', '<bdo>a\u202eb</bdo>');
      document.body.lastElementChild.style.unicodeBidi = 'normal';
    }).then(() => page.evaluate(unisolatedBidi))).toHaveLength(1);
    await context.close();
  }
});

test('payloads in every stored text run nowhere, with and without the policy that would stop them', async ({ browser, context, page }) => {
  test.setTimeout(600_000);
  expect(PAYLOADS.length).toBeGreaterThanOrEqual(50);
  await watchForExecution(context);
  const { id, operation } = await poisonedPanel(page);
  const detail = (server) => [`/servers/${server}`, `/servers/${server}/firewall`];
  const pages = ['/servers', '/servers/new', ...detail(id), `/servers/${id}/operations/${operation}`];
  const others = panel.query(`SELECT id FROM servers WHERE id <> ${id} ORDER BY id`).map((row) => row.id);
  expect(others).toHaveLength(PAYLOADS.length);

  for (const path of [...pages, ...others.map((server) => `/servers/${server}`)]) await expectNothingRan(page, path);
  // The text is there, as text.
  await page.goto(`${panel.url}/servers`);
  for (const [number, server] of others.entries()) {
    const shown = await page.locator(`[data-server-id="${server}"] a`).textContent();
    expect(shown.replaceAll('\r', '')).toContain(PAYLOADS[number].replaceAll('\r', '').trim());
  }

  // Without the policy nothing but our own escaping is in the way.
  const unprotected = await browser.newContext({ bypassCSP: true, storageState: await context.storageState() });
  await watchForExecution(unprotected);
  const bare = await unprotected.newPage();
  for (const path of [...pages, ...others.slice(0, 12).map((server) => `/servers/${server}`)]) {
    await expectNothingRan(bare, path);
  }
  await unprotected.close();
});

test('payloads typed into forms come back as text', async ({ context, page }) => {
  test.setTimeout(180_000);
  await watchForExecution(context);
  await page.goto(`${panel.url}/setup`);
  await hydrated(page);
  const name = PAYLOADS[7];
  await page.getByLabel('Setup token').fill(panel.setupToken);
  await page.getByLabel('Your name').fill(name);
  await page.getByLabel('E-mail').fill(ACCOUNT.email);
  await page.getByLabel('Password').fill(ACCOUNT.password);
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.locator('.account-name')).toHaveText(name);
  const { body: id } = await panel.call(page, 'servers/create', {
    name: PAYLOADS[1], address: '127.0.0.1', port: '1', user: 'root', host_key: HOST_KEY,
  });
  panel.sql(`UPDATE servers SET connection = 'connected', provision_status = 'active', firewall_installed = 1,
             firewall_enabled = 1`);
  await page.goto(`${panel.url}/servers/${id}/firewall`);
  await hydrated(page);
  const typed = PAYLOADS.filter((payload) => payload.length <= 100).slice(0, 12);
  let port = 9000;
  for (const payload of typed) {
    await page.getByLabel('Name').fill(payload);
    await page.getByLabel('Port', { exact: true }).fill(String(port++));
    await page.getByRole('button', { name: 'Add rule' }).click();
    await expect(page.locator('[data-rule-id]', { hasText: payload }).first()).toBeVisible();
  }
  // What a field refuses stays in it as it was typed, and the sentence beside it is text too.
  await page.getByLabel('Port', { exact: true }).fill(PAYLOADS[7]);
  await page.getByRole('button', { name: 'Add rule' }).click();
  await expect(page.getByLabel('Port', { exact: true })).toHaveValue(PAYLOADS[7]);
  expect(await page.evaluate(() => [window.executions, ...window.violations])).toEqual([0]);
});
