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
  const line = (await host.sh('cat /etc/ssh/ssh_host_ed25519_key.pub')).trim();
  const created = await panel.call(page, 'servers/create', {
    name: 'web-1', address: host.address, port: '22', user: 'root', host_key: line.split(' ').slice(0, 2).join(' '),
  });
  expect(created.status).toBe(200);
  id = created.body;
  const shown = await panel.call(page, 'servers/show', { server_id: id });
  await host.sh(shown.body.authorize_command);
  await panel.call(page, 'servers/check', { server_id: id });
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
  await expect(page.getByTestId('connection-state')).toContainText('The panel gets in, checked just now');
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
  await expect(page.getByRole('button', { name: 'Save without asking' })).toBeVisible();
  await page.getByLabel('SSH port').fill('22');
  await expect(page.getByRole('button', { name: 'Save without asking' })).toBeHidden();
});

test('another key at the new port is a decision with both fingerprints', async () => {
  await host.sh(`ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/other_key && mkdir -p /run/sshd &&
    systemd-run --quiet --unit=other-sshd /usr/sbin/sshd -D -p 2222 -h /etc/ssh/other_key -o HostKeyAlgorithms=ssh-ed25519`);
  const print = async (file) => (await host.sh(`ssh-keygen -lf ${file}`)).split(' ')[1];
  const [pinned, found] = [await print('/etc/ssh/ssh_host_ed25519_key.pub'), await print('/etc/ssh/other_key.pub')];
  await page.getByLabel('SSH port').fill('2222');
  const dialog = page.getByRole('dialog', { name: 'Another host key is there' });
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
  await dialog.getByRole('button', { name: 'Keep refusing' }).click();
  expect((await panel.call(page, 'servers/show', { server_id: id })).body.summary.port).toBe(22);
  await expect(page.getByLabel('SSH port')).toHaveValue('2222');

  await page.getByRole('button', { name: 'Save changes' }).click();
  await dialog.getByLabel('Server name').fill('web-one');
  await dialog.getByRole('button', { name: 'Accept the new key' }).click();
  await expect(dialog).toBeHidden();
  await page.getByRole('link', { name: 'Overview' }).click();
  await expect(page.getByText(found)).toBeVisible();
  await expect(page.getByTestId('connection-state')).toContainText('The panel gets in', { timeout: 20_000 });
});

async function accessible(page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((violation) => `${violation.id}: ${violation.nodes[0].html}`)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
}
