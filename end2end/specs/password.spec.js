// The password route on a real Debian host: a sudo user who needs a password, on a port of its own.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { Host, needsHosts } from '../support/host.js';
import { Panel } from '../support/panel.js';
import { expectSameDocument, markDocument, watchForTrouble } from '../support/watch.js';

const PASSWORD = `canary-3c8f '"; id #`;
const WRONG = 'canary-wrong-1d20';

test.describe.configure({ mode: 'serial' });

let panel, host, page, noTrouble;

test.beforeAll(async ({ browser }) => {
  test.setTimeout(300_000);
  needsHosts();
  [panel, host] = await Promise.all([
    Panel.start({ RUST_LOG: 'debug,russh=trace,ssh=trace,provisioner=trace,domain=trace,app=trace,server=trace' }),
    Host.start('password', '--release', '13', '--ssh-port', '2222'),
  ]);
  await host.sh(`useradd --create-home --shell /bin/bash --groups sudo admin`);
  await host.sh(`chpasswd <<'END'\nadmin:${PASSWORD}\nEND`);
  page = await (await browser.newContext()).newPage();
  // The key of port 22, where nothing listens, is asked for before the port is typed.
  noTrouble = watchForTrouble(page, /status of (502|4\d\d)/);
});

test.afterAll(async () => {
  await panel?.stop();
  await host?.destroy();
});

test('the page shows beforehand what the password will be used for', async () => {
  await panel.setUp(page);
  await page.getByRole('link', { name: 'Add a server' }).first().click();
  await page.getByLabel('Address').fill(host.address);
  await page.getByLabel('Name').fill('web-1');
  await page.getByLabel('SSH port').fill('2222');
  await page.getByLabel('User').fill('admin');
  await page.getByLabel('This is my server\'s host key').check({ timeout: 30_000 });
  await page.getByRole('button', { name: 'Add server' }).click();
  await page.waitForURL(/\/servers\/\d+$/);

  await expect(page.getByTestId('authorize-command')).toBeVisible();
  await expect(page.getByLabel('Password')).toBeHidden();
  await page.getByText('Or use the password of admin once').click();
  await expect(page.getByTestId('sudoers-path')).toHaveText('/etc/sudoers.d/brokeforge-admin');
  await expect(page.getByTestId('sudoers-content')).toHaveText('admin ALL=(ALL) NOPASSWD: ALL');
});

test('a wrong password is told, and the field asks again', async () => {
  test.setTimeout(120_000);
  await markDocument(page);
  await page.getByLabel('Password').fill(WRONG);
  await page.getByRole('button', { name: 'Connect with password' }).click();
  await expect(page.getByTestId('password-error')).toContainText('refused the password for admin', { timeout: 90_000 });
  await expect(page.getByLabel('Password')).toBeFocused();
  await expect(page.getByLabel('Password')).toHaveValue('');
  expect(await host.sh('ls -A /home/admin')).not.toContain('.ssh');
});

test('the right one puts the key and the drop-in in place, and the page goes on by itself', async () => {
  test.setTimeout(120_000);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Connect with password' }).click();
  await expect(page.getByRole('button', { name: 'Provision web-1' })).toBeVisible({ timeout: 90_000 });
  await expect(page.getByText('Or use the password of admin once')).toHaveCount(0);
  await expectSameDocument(page);

  const keys = (await host.sh('cat /home/admin/.ssh/authorized_keys')).trim().split('\n');
  expect(keys).toHaveLength(1);
  expect(keys[0]).toMatch(/^ssh-ed25519 \S+ brokeforge$/);
  const file = '/etc/sudoers.d/brokeforge-admin';
  expect(await host.sh(`cat ${file}`)).toBe('admin ALL=(ALL) NOPASSWD: ALL\n');
  expect(await host.sh(`stat -c '%a %U:%G' ${file}`)).toBe('440 root:root\n');
  expect(await host.sh('visudo -c')).toContain(`${file}: parsed OK`);
  expect(await host.sh('ls -A /etc/sudoers.d')).not.toContain('.brokeforge');
  expect(await host.sh('runuser -u admin -- sudo -n id -u')).toBe('0\n');
});

test('neither password stays anywhere in the panel', () => {
  const files = readdirSync(panel.data).map((name) => [name, readFileSync(join(panel.data, name), 'latin1')]);
  expect(files.some(([name, bytes]) => name.startsWith('brokeforge.db') && bytes.includes('admin'))).toBe(true);
  expect(panel.output).toContain('logged in over SSH');
  for (const [place, text] of [...files, ['output', panel.output]]) {
    expect(text.includes('canary'), place).toBe(false);
  }
  noTrouble();
});
