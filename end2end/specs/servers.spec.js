// A server in daily use, on a real Debian host: changed, moved, rebooted, found, and its host key decided about.

import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { Host, needsHosts } from '../support/host.js';
import { hydrated, Panel } from '../support/panel.js';
import { expectSameDocument, markDocument, watchForTrouble } from '../support/watch.js';

test.describe.configure({ mode: 'serial' });

const HOSTILE = '</textarea><script>window.hacked = 1</script>\n\n  <img src=x onerror="window.hacked = 1"> \u202e end';

let panel, host, page, watcher, id, noTrouble, noTroubleWatching;

test.beforeAll(async ({ browser }) => {
  test.setTimeout(300_000);
  needsHosts();
  [panel, host] = await Promise.all([Panel.start(), Host.start('daily')]);
  const context = await browser.newContext();
  page = await context.newPage();
  noTrouble = watchForTrouble(page);
  await panel.setUp(page);
  id = await panel.addHost(page, host);
  await page.goto(`${panel.url}/servers/${id}`);
  await hydrated(page);
  watcher = await context.newPage();
  noTroubleWatching = watchForTrouble(watcher);
  await watcher.goto(`${panel.url}/servers/${id}`);
  await hydrated(watcher);
  await expect(watcher.getByTestId('live')).toHaveAttribute('data-live', 'live');
  await markDocument(watcher);
});

test.afterAll(async () => {
  await panel?.stop();
  await host?.destroy();
});

test('the connection is checked by a button, with the result in words', async () => {
  await page.getByRole('button', { name: 'Check connection' }).click();
  await expect(page.getByTestId('connection-state')).toContainText('Connected, checked just now');
});

test('an edit reaches a second tab without a reload, and hostile notes are text', async () => {
  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByLabel('Name', { exact: true }).fill('web-one');
  await page.getByLabel('Provider').fill('Hetzner');
  await page.getByLabel('Notes').fill(HOSTILE);
  await page.getByRole('button', { name: 'Save changes' }).click();
  await expect(page.getByRole('status', { name: 'Messages' })).toContainText('Saved.');
  for (const tab of [page, watcher]) {
    await expect(tab.getByRole('heading', { level: 1, name: 'web-one' })).toBeVisible();
    await expect(tab.locator('.subject')).toContainText('Hetzner');
  }
  expect(await watcher.getByTestId('notes').textContent()).toBe(HOSTILE);
  await page.reload();
  await hydrated(page);
  await expect(page.getByLabel('Notes')).toHaveValue(HOSTILE);
  for (const tab of [page, watcher]) expect(await tab.evaluate(() => window.hacked)).toBeUndefined();
  await expectSameDocument(watcher);
});

test('two tabs that edit at once do not overwrite each other, and nothing typed is lost', async () => {
  await watcher.getByRole('link', { name: 'Settings' }).click();
  await page.getByLabel('Notes').fill('mine');
  await watcher.getByLabel('Notes').fill('theirs');
  await watcher.getByLabel('Provider').fill('Vultr');
  await watcher.getByRole('button', { name: 'Save changes' }).click();
  // A field that nobody touched here follows; the one that is being typed in does not.
  await expect(page.getByLabel('Provider')).toHaveValue('Vultr');
  await expect(page.getByLabel('Notes')).toHaveValue('mine');
  await page.getByRole('button', { name: 'Save changes' }).click();
  await expect(page.getByRole('alert').first()).toContainText('the notes changed');
  await expect(page.getByText('theirs')).toBeVisible();
  await expect(page.getByLabel('Notes')).toHaveValue('mine');
  await page.getByRole('button', { name: 'Save changes' }).click();
  await expect(watcher.getByLabel('Notes')).toHaveValue('mine');
  await expectSameDocument(watcher);
});

test('a port where nobody listens is named, and can be saved with the pin kept', async () => {
  await page.getByLabel('SSH port').fill('2222');
  await page.getByRole('button', { name: 'Save changes' }).click();
  await expect(page.getByText('refused the connection')).toBeVisible();
  await expect(page.getByLabel('Address', { exact: true })).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByRole('button', { name: 'Save anyway' })).toBeVisible();
  await page.getByLabel('SSH port').fill('22');
  await expect(page.getByRole('button', { name: 'Save anyway' })).toBeHidden();
});

test('another key at the new port is a decision with both fingerprints', async () => {
  await host.sh(`ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/other_key && mkdir -p /run/sshd &&
    systemd-run --quiet --unit=other-sshd /usr/sbin/sshd -D -p 2222 -h /etc/ssh/other_key -o HostKeyAlgorithms=ssh-ed25519`);
  const print = async (file) => (await host.sh(`ssh-keygen -lf ${file}`)).split(' ')[1];
  const [pinned, found] = [await print('/etc/ssh/ssh_host_ed25519_key.pub'), await print('/etc/ssh/other_key.pub')];
  await page.getByLabel('SSH port').fill('2222');
  const dialog = page.getByRole('dialog', { name: 'Different host key' });
  await expect(async () => {
    if (!(await dialog.isVisible())) await page.getByRole('button', { name: 'Save changes' }).click();
    await expect(dialog).toBeVisible({ timeout: 3000 });
  }).toPass({ timeout: 30_000 });
  await expect(dialog.getByTestId('pinned-host-key')).toContainText(pinned);
  await expect(dialog.getByTestId('found-host-key')).toContainText(found);
  await accessible(page);
  await dialog.getByLabel('Server name').fill('web-two');
  await dialog.getByRole('button', { name: 'Accept the new key' }).click();
  await expect(dialog.getByText('Type web-one to accept the new key.')).toBeVisible();
  await dialog.getByRole('button', { name: 'Do not accept' }).click();
  expect((await panel.call(page, 'servers/show', { server_id: id })).body.summary.port).toBe(22);
  await expect(page.getByLabel('SSH port')).toHaveValue('2222');

  await page.getByRole('button', { name: 'Save changes' }).click();
  await dialog.getByLabel('Server name').fill('web-one');
  await dialog.getByRole('button', { name: 'Accept the new key' }).click();
  await expect(dialog).toBeHidden();
  await page.getByRole('link', { name: 'Overview' }).click();
  await expect(page.getByText(found)).toBeVisible();
  await expect(page.getByTestId('connection-state')).toContainText('Connected', { timeout: 20_000 });
});

test('a key that changed behind the panel stops it, and accepting lets it in again', async () => {
  await host.sh(`rm /etc/ssh/other_key* && ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/other_key && systemctl restart other-sshd ||
    systemd-run --quiet --unit=other-sshd-2 /usr/sbin/sshd -D -p 2222 -h /etc/ssh/other_key`);
  // The kept connection outlives the listening sshd; its session has to go, too.
  await host.sh(`pkill -f '[s]shd: root' || true; sleep 1`);
  const found = (await host.sh('ssh-keygen -lf /etc/ssh/other_key.pub')).split(' ')[1];
  await expect(async () => {
    await page.getByRole('button', { name: /^(Check connection|Try again)$/ }).first().click();
    await expect(page.getByRole('heading', { name: 'The host key has changed' })).toBeVisible({ timeout: 3000 });
  }).toPass({ timeout: 40_000 });
  await expect(page.getByText('Host key changed', { exact: true })).toBeVisible();
  await accessible(page);
  await page.getByRole('button', { name: 'Review the new key' }).click();
  const dialog = page.getByRole('dialog', { name: 'Accept the new host key?' });
  await expect(dialog.getByTestId('found-host-key')).toContainText(found);
  await dialog.getByLabel('Server name').fill('web-one');
  await dialog.getByRole('button', { name: 'Accept the new key' }).click();
  await expect(page.getByRole('heading', { name: 'The host key has changed' })).toBeHidden();
  await expect(page.getByTestId('connection-state')).toContainText('Connected', { timeout: 20_000 });
});

test('a reboot is watched to its end in the page, and in a second tab', async () => {
  test.setTimeout(180_000);
  // Back to the sshd that is there after a boot.
  panel.sql(`UPDATE servers SET port = 22, host_key = '${(await host.sh('cut -d" " -f1,2 /etc/ssh/ssh_host_ed25519_key.pub')).trim()}' WHERE id = ${id}`);
  const boot = await host.sh('cat /proc/sys/kernel/random/boot_id');
  await page.reload();
  await hydrated(page);
  await page.getByRole('button', { name: 'Reboot', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Reboot web-one?' });
  await accessible(page);
  await dialog.getByRole('button', { name: 'Reboot web-one' }).click();
  await page.waitForURL(/operations\/\d+$/);
  await watcher.goto(page.url());
  for (const tab of [page, watcher]) {
    await expect(tab.locator('[data-operation-state="succeeded"]')).toBeVisible({ timeout: 150_000 });
    await expect(tab.locator('[data-step][data-status="succeeded"]')).toHaveCount(2);
    await expect(tab.locator('.step-summary', { hasText: 'running again, kernel' })).toBeVisible();
  }
  expect(await host.sh('cat /proc/sys/kernel/random/boot_id')).not.toBe(boot);
});

test('the search finds servers and their pages by the keyboard, and on a phone by a button', async () => {
  await page.goto(`${panel.url}/servers/new`);
  await hydrated(page);
  await page.getByLabel('Name').focus();
  await page.keyboard.press('Control+k');
  const search = page.getByRole('combobox', { name: 'Find a server' });
  await expect(search).toBeFocused();
  await accessible(page);
  await page.keyboard.press('Escape');
  await expect(search).toBeHidden();
  await expect(page.getByLabel('Name')).toBeFocused();

  await page.keyboard.press('Control+k');
  await page.keyboard.type('web set');
  await expect(page.getByRole('option')).toHaveCount(1);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${panel.url}/servers/${id}/settings`);

  await page.keyboard.press('Control+k');
  await page.keyboard.type(host.address);
  await expect(page.getByRole('option').first()).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('ArrowDown');
  await expect(page.getByRole('option', { name: /Firewall/ })).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${panel.url}/servers/${id}/firewall`);

  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('option', { name: 'web-one' }).first().click();
  await page.waitForURL(`${panel.url}/servers/${id}`);
  await page.setViewportSize({ width: 1280, height: 720 });
});

test('what is typed before the search is loaded is not lost, and goes nowhere else', async () => {
  await page.goto(`${panel.url}/servers/new`);
  await hydrated(page);
  const held = [];
  await page.route(/search.*\.wasm/, (route) => held.push(route));
  await page.getByLabel('Name').focus();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('web sex');
  await page.keyboard.press('Backspace');
  await page.keyboard.type('t');
  await page.keyboard.press('Enter');
  await expect.poll(() => held.length).toBe(1);
  await expect(page.getByLabel('Name')).toHaveValue('');
  await held[0].continue();
  await page.waitForURL(`${panel.url}/servers/${id}/settings`);
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.unroute(/search.*\.wasm/);
});

test('a search that is opened again before the browser tells that it was closed stays open', async () => {
  const search = page.getByRole('dialog', { name: 'Search' });
  for (const way of ['Escape', 'Enter']) {
    await page.keyboard.press('Control+k');
    await expect(search).toBeVisible();
    await page.evaluate(async (way) => {
      const press = (to, key, more) => to.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }));
      const dialog = document.querySelector('dialog.search');
      // What the browser does at Escape; a script cannot press that.
      if (way === 'Escape') dialog.close();
      else press(dialog.querySelector('input'), 'Enter');
      for (let turn = 0; turn < 50 && dialog.open; turn++) await Promise.resolve();
      press(window, 'k', { ctrlKey: true });
      await new Promise((done) => setTimeout(done, 200));
    }, way);
    await expect(search).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(search).toBeHidden();
  }
});

test('a long list is filtered, paged, and keeps both in its address', async () => {
  const values = Array.from({ length: 130 }, (_, n) => `(1, 'node-${String(n).padStart(3, '0')}', '198.51.100.${n}', 22, 'root', 'x', 'x', 'x', 'connected', 0, 0, '${n % 2 ? 'Vultr' : 'Linode'}')`);
  panel.sql(`INSERT INTO servers (owner_id, name, address, port, user, host_key, public_key, sealed_private_key, connection, created_at, updated_at, provider) VALUES ${values.join(',')}`);
  await page.goto(`${panel.url}/servers`);
  await hydrated(page);
  await expect(page.locator('[data-server-id]')).toHaveCount(100);
  await page.getByRole('link', { name: 'Next' }).click();
  await expect(page.locator('[data-server-id]')).toHaveCount(31);
  await page.getByLabel('Filter servers').fill('vultr');
  await expect(page.locator('[data-server-id]')).toHaveCount(66);
  await expect(page).toHaveURL(/\/servers\?q=vultr$/);
  await page.reload();
  await expect(page.locator('[data-server-id]')).toHaveCount(66);
  await hydrated(page);
  await accessible(page);
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: /Servers/ }).click();
  await expect(page.locator('[data-server-id]')).toHaveCount(100);
  await expect(page.getByLabel('Filter servers')).toHaveValue('');
});

test('nothing went wrong on the way, in either tab', () => {
  noTrouble();
  noTroubleWatching();
});

async function accessible(page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((violation) => `${violation.id}: ${violation.nodes[0].html}`)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
}
