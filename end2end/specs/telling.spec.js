// What a page says of itself: that it is old, signed out, busy, and where one is. No server is needed for it.

import { expect, test } from '@playwright/test';
import { ACCOUNT, HOST_KEY, hydrated, OTHER_HOST_KEY, Panel } from '../support/panel.js';
import { watchForTrouble } from '../support/watch.js';

let panel, page, noTrouble;

test.beforeEach(async ({ page: fresh }) => {
  panel = await Panel.start();
  page = fresh;
  noTrouble = watchForTrouble(page);
});

test.afterEach(async () => {
  await panel.stop();
});

test('whoever closes the sign-in dialog is still told, and can sign in from there', async () => {
  await panel.setUp(page);
  const id = await panel.addProvisionedServer(page, 'web-1');
  await page.goto(`${panel.url}/servers/${id}/firewall`);
  await hydrated(page);
  await expect(page.getByTestId('live')).toHaveAttribute('data-live', 'live');
  await page.getByLabel('Name').fill('Metrics');
  await page.getByLabel('Port', { exact: true }).fill('9100');
  panel.sql('DELETE FROM sessions');
  const dialog = page.getByRole('dialog');
  const note = page.getByTestId('signed-out');
  const close = async () => {
    await expect(dialog).toBeVisible({ timeout: 20_000 });
    await page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
    await expect(note).toContainText('You are signed out.');
    await expect(page.getByTestId('live')).toHaveAttribute('data-live', 'signed-out');
  };
  // The page has noticed by itself.
  await close();
  // What needs a session asks again, however often.
  await page.getByRole('button', { name: 'Add rule' }).click();
  await close();
  await note.getByRole('button', { name: 'Sign in' }).click();
  await dialog.getByLabel('E-mail').fill(ACCOUNT.email);
  await dialog.getByLabel('Password').fill(ACCOUNT.password);
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await expect(note).toBeHidden();
  await expect(page.getByLabel('Name')).toHaveValue('Metrics');
  await expect(page.getByTestId('live')).toHaveAttribute('data-live', 'live', { timeout: 20_000 });
});

test('whoever signs in again in one tab goes on in the others, with what was typed there', async ({ context }) => {
  await panel.setUp(page);
  const id = await panel.addProvisionedServer(page, 'web-1');
  const other = await context.newPage();
  for (const tab of [page, other]) {
    await tab.goto(`${panel.url}/servers/${id}/firewall`);
    await hydrated(tab);
    await expect(tab.getByTestId('live')).toHaveAttribute('data-live', 'live');
  }
  await other.getByLabel('Name').fill('Metrics');
  panel.sql('DELETE FROM sessions');
  for (const tab of [page, other]) {
    await expect(tab.getByRole('dialog', { name: 'Sign in to continue' })).toBeVisible({ timeout: 20_000 });
  }
  const dialog = page.getByRole('dialog', { name: 'Sign in to continue' });
  await expect(dialog.getByLabel('E-mail')).toBeFocused();
  await dialog.getByLabel('E-mail').fill(ACCOUNT.email);
  await dialog.getByLabel('Password').fill(ACCOUNT.password);
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  for (const tab of [page, other]) {
    await expect(tab.getByTestId('live')).toHaveAttribute('data-live', 'live', { timeout: 45_000 });
    await expect(tab.getByRole('dialog', { name: 'Sign in to continue' })).toBeHidden();
    await expect(tab.getByTestId('signed-out')).toBeHidden();
  }
  await expect(other.getByLabel('Name')).toHaveValue('Metrics');
});

test('signing in leads back to the page that asked for it, and to no other site', async () => {
  await panel.setUp(page);
  await page.context().clearCookies();
  await page.goto(`${panel.url}/operations?state=failed`);
  await expect(page).toHaveURL(/\/sign-in\?to=/);
  await hydrated(page);
  await page.getByLabel('E-mail').fill(ACCOUNT.email);
  await page.getByLabel('Password').fill(ACCOUNT.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(`${panel.url}/operations?state=failed`);
  // Signed in, the page only leads on.
  const leadsTo = async (query) => {
    const answer = await page.request.get(`${panel.url}/sign-in${query}`, { maxRedirects: 0 });
    return new URL(answer.headers().location, panel.url).href;
  };
  expect(await leadsTo('?to=/servers/5/settings')).toBe(`${panel.url}/servers/5/settings`);
  for (const hostile of [
    '//evil.example', '/\\evil.example', '\\\\evil.example', 'https://evil.example', '/\t/evil.example', '/\r\n/evil.example',
    'javascript:alert(1)', 'evil.example', '/sign-in', '',
  ]) {
    expect(await leadsTo(`?to=${encodeURIComponent(hostile)}`), hostile).toBe(`${panel.url}/servers`);
  }
  expect(await leadsTo('?to=//evil.example')).toBe(`${panel.url}/servers`);
  await page.context().clearCookies();
  await page.goto(`${panel.url}/sign-in?to=%2F%5Cevil.example`);
  await hydrated(page);
  await page.getByLabel('E-mail').fill(ACCOUNT.email);
  await page.getByLabel('Password').fill(ACCOUNT.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(`${panel.url}/servers`);
  noTrouble();
});

test('an open socket is no proof: while changes cannot be loaded, the sign says so', async ({ context }) => {
  await panel.setUp(page);
  const id = await panel.addProvisionedServer(page, 'web-1');
  await page.goto(`${panel.url}/servers`);
  await hydrated(page);
  const sign = page.getByTestId('live');
  await expect(sign).toHaveAttribute('data-live', 'live');
  await page.route('**/api/servers/list', (route) => route.fulfill({ status: 429, json: { error: 'too_many', retry_after_seconds: 1 } }));
  const other = await context.newPage();
  await panel.call(other, 'firewall/create', {
    server_id: id,
    rule: { name: 'From elsewhere', port: '9100', protocol: 'tcp', source: '', action: 'allow' },
    request_key: 'from-elsewhere',
  });
  await expect(sign).toHaveAttribute('data-live', 'stale');
  await expect(sign).toContainText('out of date since');
  await page.unroute('**/api/servers/list');
  await expect(sign).toHaveAttribute('data-live', 'live');
  noTrouble();
});

test('a password can be looked at while it is typed', async () => {
  await page.goto(`${panel.url}/setup`);
  await hydrated(page);
  const password = page.getByLabel('Password');
  const show = page.getByRole('button', { name: 'Show' });
  await password.fill('correct horse');
  await expect(password).toHaveAttribute('type', 'password');
  await expect(show).toHaveAttribute('aria-pressed', 'false');
  await show.click();
  await expect(password).toHaveAttribute('type', 'text');
  await expect(password).toHaveValue('correct horse');
  await expect(show).toHaveAttribute('aria-pressed', 'true');
  await show.click();
  await expect(password).toHaveAttribute('type', 'password');
  noTrouble();
});

test('a button that is pressed twice sends once and keeps the focus', async () => {
  await panel.setUp(page);
  const id = await panel.addProvisionedServer(page, 'web-1');
  await page.goto(`${panel.url}/servers/${id}/firewall`);
  await hydrated(page);
  let sent = 0;
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route('**/api/firewall/create', async (route) => {
    sent++;
    await held;
    await route.continue();
  });
  await page.getByLabel('Name').fill('Metrics');
  await page.getByLabel('Port', { exact: true }).fill('9100');
  const button = page.locator('form button[type=submit]');
  await button.focus();
  for (let press = 0; press < 5; press++) await page.keyboard.press('Enter');
  await expect(button).toHaveText('Adding rule...');
  await expect(button).toHaveAttribute('aria-disabled', 'true');
  await expect(button).toBeFocused();
  release();
  await expect(page.locator('[data-rule-id]', { hasText: 'Metrics' })).toBeVisible();
  expect(sent).toBe(1);
  noTrouble();
});

test('where a page may not copy, the text is selected for the keyboard', async () => {
  await page.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  await panel.setUp(page);
  const id = await panel.addProvisionedServer(page, 'web-1');
  panel.sql(`UPDATE servers SET connection = 'awaiting_key'`);
  await page.goto(`${panel.url}/servers/${id}`);
  await hydrated(page);
  const selected = () => page.evaluate(() => {
    const { activeElement: active } = document;
    return active.select ? active.value.slice(active.selectionStart, active.selectionEnd) : String(getSelection());
  });
  await page.getByRole('button', { name: 'Copy the address' }).click();
  await expect(page.getByRole('textbox', { name: 'Copy the address' })).toBeFocused();
  await expect.poll(selected).toBe('127.0.0.1');
  await expect(page.getByRole('status', { name: 'Messages' })).toContainText('Press Ctrl+C');
  await page.getByRole('button', { name: 'Copy the command' }).click();
  await expect(page.getByRole('textbox', { name: 'Copy the address' })).toHaveCount(0);
  const command = await page.getByTestId('authorize-command').textContent();
  await expect.poll(selected).toBe(command.trim());
  noTrouble();
});

test('a page reached by a link announces itself, and a server keeps its header', async () => {
  await panel.setUp(page);
  await panel.addProvisionedServer(page, 'web-1');
  await page.goto(`${panel.url}/servers`);
  await hydrated(page);
  await expect(page).toHaveTitle(/^Servers/);
  expect(await page.evaluate(() => document.activeElement.tagName)).toBe('BODY');
  const heading = page.getByRole('heading', { level: 1 });
  await page.getByRole('link', { name: 'web-1' }).click();
  await expect(heading).toHaveText('web-1: Overview');
  await expect(heading).toBeFocused();
  await expect(page).toHaveTitle(/^web-1/);
  await page.evaluate(() => (document.querySelector('.subject').isTheSame = true));
  for (const [tab, title] of [['Firewall', 'Firewall of web-1'], ['Settings', 'Settings of web-1'], ['Operations', 'Operations of web-1']]) {
    await page.getByRole('navigation', { name: 'Server' }).getByRole('link', { name: tab }).click();
    await expect(heading).toHaveText(`web-1: ${tab}`);
    await expect(heading).toBeFocused();
    await expect(heading).toHaveCSS('outline-style', 'none');
    await expect(page).toHaveTitle(new RegExp(`^${title}`));
    expect(await page.evaluate(() => document.querySelector('.subject').isTheSame)).toBe(true);
  }
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Servers' }).click();
  await expect(heading).toHaveText('Servers');
  await expect(heading).toBeFocused();
  await page.goBack();
  await expect(heading).toHaveText('web-1: Operations');
  await expect(heading).toBeFocused();
  noTrouble();
});

test('a check that finds the same as before shows that it was made', async () => {
  await panel.setUp(page);
  const id = await panel.addProvisionedServer(page, 'web-1');
  await panel.call(page, 'servers/check', { server_id: id });
  panel.sql(`UPDATE servers SET connection_checked_at = connection_checked_at - 3600000`);
  await page.goto(`${panel.url}/servers/${id}`);
  await hydrated(page);
  const problem = page.getByRole('region', { name: 'Connection problem' });
  await expect(problem).toContainText('refused the connection');
  await expect(problem).toContainText('Last checked 1 h ago');
  await problem.getByRole('button', { name: 'Try again' }).click();
  await expect(problem.getByTestId('just-checked')).toHaveText('Checked just now');
  await expect(problem).toContainText('Last checked just now');
  await expect(page.getByTestId('connection-state')).toContainText('Cannot connect, checked just now');
  noTrouble();
});

test('servers that need attention are counted and found', async () => {
  await panel.setUp(page);
  for (const name of ['web-1', 'web-2', 'web-3']) {
    panel.sql(`UPDATE servers SET port = port + 1`);
    await panel.addProvisionedServer(page, name);
  }
  await page.goto(`${panel.url}/servers`);
  await hydrated(page);
  await expect(page.getByRole('link', { name: /attention/ })).toHaveCount(0);
  panel.sql(`UPDATE servers SET connection = 'failed' WHERE name = 'web-2'`);
  await page.reload();
  await hydrated(page);
  await page.getByRole('link', { name: '1 needs attention' }).click();
  await expect(page.locator('[data-server-id]')).toHaveCount(1);
  await expect(page.locator('[data-server-id]')).toContainText('Cannot connect');
  await page.getByLabel('Filter servers').fill('active web');
  await expect(page.locator('[data-server-id]')).toHaveCount(2);
  noTrouble();
});

test('a server that shows another key than the confirmed one is not said to have changed', async () => {
  await panel.setUp(page);
  const id = await panel.addProvisionedServer(page, 'web-1');
  panel.sql(`UPDATE servers SET connection = 'host_key_changed', provision_status = NULL, found_host_key = '${OTHER_HOST_KEY}'`);
  await page.goto(`${panel.url}/servers/${id}`);
  await expect(page.getByRole('heading', { name: 'This is not the host key you confirmed' })).toBeVisible();
  panel.sql(`UPDATE servers SET os = 'Debian 12.11'`);
  await page.reload();
  await expect(page.getByRole('heading', { name: 'The host key has changed' })).toBeVisible();
  noTrouble();
});
