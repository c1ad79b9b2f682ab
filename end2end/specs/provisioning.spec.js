// What is chosen before a provisioning decides what is installed; a failure names itself and its retry works.

import { expect, test } from '@playwright/test';
import { Host, needsHosts } from '../support/host.js';
import { hydrated, Panel } from '../support/panel.js';
import { watchForTrouble } from '../support/watch.js';

test.describe.configure({ mode: 'serial' });

let panel, host, page, noTrouble;

test.beforeAll(async ({ browser }) => {
  test.setTimeout(300_000);
  needsHosts();
  [panel, host] = await Promise.all([Panel.start(), Host.start('parts')]);
  page = await (await browser.newContext()).newPage();
  noTrouble = watchForTrouble(page);
  await panel.setUp(page);
  await addServer();
});

test.afterAll(async () => {
  await panel?.stop();
  await host?.destroy();
});

test('the page offers what the server has to offer and says what will be done', async () => {
  const php = page.getByLabel('PHP', { exact: true });
  await expect(php.locator('option').first()).toHaveText('8.2 (distribution default)');
  const preview = page.locator('.preview');
  await expect(preview.getByText('Installs PHP 8.2 with FPM')).toBeVisible();
  await expect(preview.getByText('Redis', { exact: true })).toHaveCount(0);

  await page.getByLabel('Redis').check();
  await expect(preview.getByText('Redis', { exact: true })).toBeVisible();
  await php.selectOption('none');
  await expect(preview.getByText('Installs PHP 8.2 with FPM')).toHaveCount(0);
  await php.selectOption('own');
});

test('a package that is missing is named, with the way on', async () => {
  test.setTimeout(180_000);
  await host.sh('mv /etc/apt/sources.list /root/ && : > /etc/apt/sources.list');
  await page.getByRole('button', { name: 'Provision web-1' }).click();
  const failure = page.getByTestId('operation-error');
  await expect(failure).toBeVisible({ timeout: 120_000 });
  await expect(failure).toHaveAttribute('data-cause', 'package_not_found');
  await expect(failure).toContainText('offer no PHP');
  const failed = page.locator('[data-step][data-status="failed"]');
  await expect(failed).toContainText('Prepare');
  await expect(failed).toContainText('exit code 1');
  await expect(failed.getByRole('button', { name: 'Retry' })).toBeEnabled();
  await expect(failed.locator('.output')).toBeVisible();
});

test('once it is mended on the server, the retry becomes green', async () => {
  test.setTimeout(600_000);
  await host.sh('mv /root/sources.list /etc/apt/ && touch /etc/apt/sources.list');
  await page.getByRole('button', { name: 'Retry' }).click();
  await expect(page.locator('[data-operation-state="succeeded"]').first()).toBeVisible({ timeout: 500_000 });
  await expect(page.locator('[data-step]').filter({ has: page.getByText('Redis', { exact: true }) })).toHaveAttribute('data-status', 'succeeded');
  expect((await host.sh('redis-cli ping')).trim()).toBe('PONG');
});

test('the page shows what is there, with versions, also after a reload', async () => {
  const php = (await host.sh(`php8.2 -r 'echo PHP_VERSION;'`)).trim();
  const redis = (await host.sh(`redis-server --version | sed 's/.* v=\\([^ ]*\\).*/\\1/'`)).trim();
  for (const reload of [false, true]) {
    if (reload) {
      await page.reload();
      await hydrated(page);
    }
    const software = page.getByTestId('software');
    await expect(software).toContainText(php);
    await expect(software).toContainText(redis);
    await expect(software).not.toContainText('MariaDB');
  }
});

test('what was chosen stands there the next time', async () => {
  await page.getByText('Change software').click();
  await expect(page.getByRole('checkbox', { name: 'Redis' })).toBeChecked();
  await expect(page.getByRole('checkbox', { name: 'MariaDB' })).not.toBeChecked();
  await expect(page.getByText('Software you deselect stays on the server')).toBeVisible();
});

test('nothing went wrong on the way', () => noTrouble());

/** Adds the host as a user does: confirms its key, pastes the shown line. */
async function addServer() {
  await page.getByRole('link', { name: 'Add a server' }).first().click();
  await page.getByLabel('Address').fill(host.address);
  await page.getByLabel('Name').fill('web-1');
  await page.getByLabel('This is my server\'s host key').check();
  await page.getByRole('button', { name: 'Add server' }).click();
  await host.sh(await page.getByTestId('authorize-command').textContent());
  await expect(page.getByRole('button', { name: 'Provision web-1' })).toBeVisible({ timeout: 30_000 });
}
