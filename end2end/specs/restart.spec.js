// The panel is killed in the middle of provisioning a real host: the same tab watches it finish. And what
// is cancelled leaves nothing behind on its server.

import { expect, test } from '@playwright/test';
import { Host, needsHosts } from '../support/host.js';
import { hydrated, Panel } from '../support/panel.js';
import { expectSameDocument, markDocument } from '../support/watch.js';

test.describe.configure({ mode: 'serial' });

let panel, host, page, server;

test.beforeAll(async ({ browser }) => {
  test.setTimeout(300_000);
  needsHosts();
  [panel, host] = await Promise.all([Panel.start(), Host.start('restart')]);
  page = await (await browser.newContext()).newPage();
  await panel.setUp(page);
  server = await panel.addHost(page, host);
});

test.afterAll(async () => {
  await panel?.stop();
  await host?.destroy();
});

test('a panel killed twice while it provisions finishes in the same tab, and no line of output is lost', async () => {
  test.setTimeout(600_000);
  await page.goto(`${panel.url}/servers/${server}`);
  await hydrated(page);
  await markDocument(page);
  await page.getByRole('button', { name: /^Provision web-1/ }).click();
  for (const step of ['Prepare', 'PHP']) {
    await expect(page.locator('[data-step][data-status="running"]', { hasText: step })).toBeVisible({ timeout: 300_000 });
    await expect.poll(() => host.sh(`systemctl list-units --no-legend 'brokeforge-*.service' | wc -l`)).not.toBe('0\n');
    await panel.kill();
    await panel.boot();
  }
  await expect(page.locator('[data-operation-state="succeeded"]').first()).toBeVisible({ timeout: 500_000 });
  await expect(page.locator('[data-step]:not([data-status="succeeded"])')).toHaveCount(0);
  await expectSameDocument(page);

  // Each package was set up once, and the page says so once.
  const output = await page.locator('[data-step] .output').allTextContents();
  const lines = output.join('').split('\n').filter((line) => /^Setting up nginx \(/.test(line));
  expect(lines).toHaveLength(1);
});

test('a cancelled step leaves no process on its server', async () => {
  test.setTimeout(180_000);
  // Something holds the package lock, so that the step waits for it.
  await host.sh(
    `systemd-run --quiet --unit=holder perl -MFcntl -e 'open F, "+>>", "/var/lib/dpkg/lock-frontend"; ` +
      `$lock = pack("s s l! l! l!", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $lock) or die $!; sleep 600' && sleep 1`,
  );
  await page.getByRole('button', { name: 'Provision again' }).click();
  await expect(page.getByText(/Waiting for perl/).first()).toBeVisible({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel operation' }).click();
  await expect(page.locator('[data-operation-state="cancelled"]').first()).toBeVisible({ timeout: 60_000 });
  await expect(page.getByTestId('operation-error')).toContainText('Cancelled by Ada');
  expect((await host.sh(`systemctl list-units --no-legend 'brokeforge-*.service' | wc -l`)).trim()).toBe('0');
  // Its processes carry a mark in their environment, whatever they call themselves.
  expect((await host.sh(`grep -lzs '^BROKEFORGE_STEP=' /proc/[0-9]*/environ | wc -l`)).trim()).toBe('0');
  await host.sh('systemctl stop holder');
});
