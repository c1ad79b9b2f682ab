// The whole chain, once, on a real Debian host: from the setup token to a rule that lets packets through.

import { connect } from 'node:net';
import { expect, test } from '@playwright/test';
import { Host, needsHosts } from '../support/host.js';
import { hydrated, Panel } from '../support/panel.js';
import { expectOnlyEventsRefetched, expectSameDocument, markDocument, watchForTrouble } from '../support/watch.js';

test.describe.configure({ mode: 'serial' });

let panel, host, page, watcher, noTrouble, noTroubleWatching;

test.beforeAll(async ({ browser }) => {
  test.setTimeout(300_000);
  needsHosts();
  [panel, host] = await Promise.all([Panel.start(), Host.start('day')]);
  // Two keys that are there already; the file does not end in a newline.
  await host.sh(`mkdir -p -m 700 ~/.ssh && printf 'ssh-ed25519 AAAAfirst a@b\\nssh-ed25519 AAAAsecond c@d' > ~/.ssh/authorized_keys`);
  const context = await browser.newContext();
  page = await context.newPage();
  noTrouble = watchForTrouble(page);
});

test.afterAll(async () => {
  await panel?.stop();
  await host?.destroy();
});

test('the setup token makes the first account', async () => {
  await panel.setUp(page);
  await expect(page.getByRole('link', { name: 'Add a server' }).first()).toBeVisible();
});

test('a server is added after its host key is confirmed', async () => {
  await page.getByRole('link', { name: 'Add a server' }).first().click();
  await page.getByLabel('Address').fill(host.address);
  await page.getByLabel('Name').fill('web-1');
  const fingerprint = (await host.sh('ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub')).split(' ')[1];
  await expect(page.getByText(fingerprint)).toBeVisible();
  await page.getByLabel('This is my server\'s host key').check();
  await page.getByRole('button', { name: 'Add server' }).click();
  await page.waitForURL(/\/servers\/\d+$/);
});

test('the shown command, pasted twice into a file without a final newline, lets the panel in', async () => {
  const command = await page.getByTestId('authorize-command').textContent();
  expect(command).not.toContain('\n');
  await host.sh(command);
  await host.sh(command);
  const keys = (await host.sh('cat ~/.ssh/authorized_keys')).trim().split('\n');
  expect(keys).toHaveLength(3);
  expect(keys.slice(0, 2)).toEqual(['ssh-ed25519 AAAAfirst a@b', 'ssh-ed25519 AAAAsecond c@d']);
  await expect(page.getByRole('button', { name: 'Provision web-1' })).toBeVisible({ timeout: 20_000 });
});

test('a second tab that only watches sees every step become green', async () => {
  test.setTimeout(600_000);
  watcher = await page.context().newPage();
  noTroubleWatching = watchForTrouble(watcher);
  await watcher.goto(page.url());
  await hydrated(watcher);
  await expect(watcher.getByTestId('live')).toHaveAttribute('data-live', 'live');
  await markDocument(watcher);

  await page.getByRole('button', { name: 'Provision web-1' }).click();
  await expect(watcher.locator('[data-step][data-status="running"]').first()).toBeVisible();
  for (const tab of [page, watcher]) {
    await expect(tab.locator('[data-operation-state="succeeded"]').first()).toBeVisible({ timeout: 500_000 });
    await expect(tab.locator('[data-step]')).toHaveCount(10);
    await expect(tab.locator('[data-step][data-status="succeeded"]')).toHaveCount(10);
  }
  await expectSameDocument(watcher);
  await expectOnlyEventsRefetched(watcher);
});

test('a rule opens a port that was closed, and its removal closes it again', async () => {
  await host.sh('systemd-run --unit=probe-8081 python3 -m http.server 8081 || systemd-run --unit=probe-8081 perl -MIO::Socket::INET -e \'$s=IO::Socket::INET->new(LocalPort=>8081,Listen=>5,ReuseAddr=>1);while($c=$s->accept){print $c "hello\\n";close $c}\'');
  await expect.poll(() => reachable(host.address, 8081)).toBe(false);

  await page.getByRole('link', { name: 'Firewall' }).click();
  await watcher.getByRole('link', { name: 'Firewall' }).click();
  await expect(watcher.getByRole('heading', { name: 'Rules', exact: true })).toBeVisible();
  await page.getByLabel('Name').fill('Probe');
  await page.getByLabel('Port', { exact: true }).fill('8081');
  await page.getByRole('button', { name: 'Add rule' }).click();
  for (const tab of [page, watcher]) {
    await expect(tab.locator('[data-rule-id]', { hasText: 'Probe' })).toHaveAttribute('data-status', 'active', { timeout: 30_000 });
  }
  await expect.poll(() => reachable(host.address, 8081)).toBe(true);

  const row = page.locator('[data-rule-id]', { hasText: 'Probe' });
  await row.getByRole('button', { name: /Remove/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: /Remove/ }).click();
  for (const tab of [page, watcher]) {
    await expect(tab.locator('[data-rule-id]', { hasText: 'Probe' })).toHaveCount(0, { timeout: 30_000 });
  }
  await expect.poll(() => reachable(host.address, 8081)).toBe(false);
  await expectSameDocument(watcher);
  await expectOnlyEventsRefetched(watcher);
});

test('a rule that cuts the panel off is taken back by the server, and the page says so', async () => {
  test.setTimeout(180_000);
  const server = Number(page.url().match(/servers\/(\d+)/)[1]);
  // The panel refuses such a rule; so it is put into the database past every check, and retried.
  panel.sql(`INSERT INTO firewall_rules (server_id, name, port, protocol, source, action, status, request_key, created_at, updated_at)
             VALUES (${server}, 'Cutter', '22', 'tcp', '10.213.0.1', 'deny', 'failed', 'past-the-checks', 0, 0)`);
  await page.reload();
  await hydrated(page);
  const before = await host.sh('cat /etc/ufw/user.rules');
  const row = page.locator('[data-rule-id]', { hasText: 'Cutter' });
  await row.getByRole('button', { name: /Retry/ }).click();
  await expect(row).toHaveAttribute('data-status', 'installing');
  await expect(row).toHaveAttribute('data-status', 'failed', { timeout: 100_000 });
  await expect(row).toContainText('cut the panel off');
  expect(await host.sh('cat /etc/ufw/user.rules')).toBe(before);
  expect((await panel.call(page, 'servers/check', { server_id: server })).status).toBe(200);
});

test('nothing went wrong on the way, in either tab', () => {
  noTrouble();
  noTroubleWatching();
});

function reachable(address, port) {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: 1500 });
    const end = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}
