// Accounts: one's own, where one is signed in, and others by invitation. No server is needed for it.

import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { ACCOUNT, hydrated, Panel } from '../support/panel.js';
import { expectSameDocument, markDocument, watchForTrouble } from '../support/watch.js';

const HOST_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
const BOB = { name: 'Bob', email: 'bob@example.com', password: 'another horse battery' };

let panel, page, noTrouble;

test.beforeEach(async ({ page: fresh }) => {
  panel = await Panel.start();
  page = fresh;
  noTrouble = watchForTrouble(page);
  await panel.setUp(page);
});

test.afterEach(async () => {
  await panel.stop();
});

async function open(visitor, path) {
  await visitor.goto(panel.url + path);
  await hydrated(visitor);
}

async function signIn(visitor, { email, password }) {
  await open(visitor, '/sign-in');
  await visitor.getByLabel('E-mail').fill(email);
  await visitor.getByLabel('Password').fill(password);
  await visitor.getByRole('button', { name: 'Sign in' }).click();
  await visitor.waitForURL(`${panel.url}/servers`);
}

/** Signs in again in the dialog over the page. */
async function signInAgain(visitor, { email, password }) {
  const dialog = visitor.getByRole('dialog', { name: 'Sign in to continue' });
  await dialog.getByLabel('E-mail').fill(email);
  await dialog.getByLabel('Password').fill(password);
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await expect(dialog).toBeHidden();
}

/** Makes a link on the page of all accounts and returns it. */
async function invite(email) {
  await open(page, '/accounts');
  await page.getByLabel('E-mail').fill(email);
  await page.getByRole('button', { name: 'Create invitation link' }).click();
  await expect(page.getByTestId('invitation-link')).toBeVisible();
  return page.getByTestId('invitation-link').textContent();
}

async function accept(visitor, link) {
  await visitor.goto(link);
  await hydrated(visitor);
  await visitor.getByLabel('Your name').fill(BOB.name);
  await visitor.getByLabel('Password').fill(BOB.password);
  await visitor.getByRole('button', { name: 'Create account' }).click();
  await visitor.waitForURL(`${panel.url}/servers`);
}

test('somebody invited makes an account in another browser, and each sees only their own servers', async ({ browser }) => {
  const link = await invite(BOB.email);
  expect(link).toMatch(new RegExp(`^${panel.url}/invitation#[\\w-]{43}$`));
  await expect(page.getByRole('row', { name: BOB.email })).toBeVisible();
  await markDocument(page);

  const context = await browser.newContext();
  const bob = await context.newPage();
  const bobsTrouble = watchForTrouble(bob);
  const asked = [];
  bob.on('request', (request) => asked.push(request.url(), ...Object.values(request.headers())));
  await accept(bob, link);

  // The administrator's page finds out by itself.
  await expect(page.getByRole('row', { name: 'Bob' }).getByText('Member')).toBeVisible();
  await expectSameDocument(page);

  const adas = await panel.addServer(page, 'adas-server');
  const bobs = await panel.addServer(bob, 'bobs-server');
  await open(page, '/servers');
  await expect(page.getByRole('link', { name: 'adas-server' })).toBeVisible();
  await expect(page.getByText('bobs-server')).toHaveCount(0);
  await open(bob, '/servers');
  await expect(bob.getByRole('link', { name: 'bobs-server' })).toBeVisible();
  await expect(bob.getByText('adas-server')).toHaveCount(0);
  for (const [visitor, foreign] of [[bob, adas], [page, bobs]]) {
    expect((await visitor.goto(`${panel.url}/servers/${foreign}`)).status()).toBe(404);
  }
  // All accounts are not for Bob.
  await open(bob, '/account');
  await expect(bob.getByRole('link', { name: 'All accounts' })).toHaveCount(0);
  expect((await bob.goto(`${panel.url}/accounts`)).status()).toBe(404);

  // A used link says so, and the token went nowhere but into the calls that need it.
  const stranger = await context.newPage();
  await context.clearCookies();
  await stranger.goto(link);
  await expect(stranger.getByText('This invitation was used.')).toBeVisible();
  const token = link.split('#')[1];
  expect(asked.filter((text) => text.includes(token))).toEqual([]);
  expect(panel.output).not.toContain(token);
  noTrouble();
  bobsTrouble();
  await context.close();
});

test('a withdrawn link opens nothing, and an account that owns a server stays', async ({ browser }) => {
  const context = await browser.newContext();
  const bob = await context.newPage();
  const withdrawn = await invite('eve@example.com');
  await page.getByRole('button', { name: 'Withdraw the invitation of eve@example.com' }).click();
  await expect(page.getByRole('row', { name: 'eve@example.com' })).toHaveCount(0);
  await bob.goto(withdrawn);
  await expect(bob.getByText('This invitation was withdrawn.')).toBeVisible();

  await accept(bob, await invite(BOB.email));
  const server = await panel.addServer(bob, 'bobs-server');
  await page.getByRole('button', { name: 'Remove the account of Bob' }).click();
  const dialog = page.getByRole('dialog');
  const confirm = async (text) => {
    await dialog.getByLabel('E-mail of the account').fill(text);
    await dialog.getByRole('button', { name: 'Remove account' }).click();
  };
  await confirm('somebody else');
  await expect(dialog.getByText('Type bob@example.com to remove it.')).toBeVisible();
  await confirm(BOB.email);
  await expect(dialog.getByText('Bob still owns bobs-server.')).toBeVisible();
  expect((await panel.call(bob, 'servers/remove', { server_id: server, confirm_name: 'bobs-server' })).status).toBe(200);
  await confirm(BOB.email);
  await expect(dialog).toBeHidden();
  await expect(page.getByRole('row', { name: 'Bob' })).toHaveCount(0);
  await expect(bob.getByRole('dialog', { name: 'Sign in to continue' })).toBeVisible();
  noTrouble();
  await context.close();
});

test('a revoked session is asked to sign in again, and what was typed there stays', async ({ browser }) => {
  const context = await browser.newContext();
  const other = await context.newPage();
  await signIn(other, ACCOUNT);
  await open(other, '/servers/new');
  await other.getByLabel('Name').fill('half-typed');
  await expect(other.getByTestId('live')).toHaveAttribute('data-live', 'live');
  await markDocument(other);

  await open(page, '/account');
  const rows = page.locator('[data-session-id]');
  await expect(rows).toHaveCount(2);
  await expect(rows.first().getByText('This browser')).toBeVisible();
  await expect(rows.last().getByText('127.0.0.1')).toBeVisible();
  await rows.last().getByRole('button', { name: /^Sign out/ }).click();
  await expect(rows).toHaveCount(1);

  await expect(other.getByRole('dialog', { name: 'Sign in to continue' })).toBeVisible({ timeout: 6_000 });
  await signInAgain(other, ACCOUNT);
  await expect(other.getByLabel('Name')).toHaveValue('half-typed');
  await expectSameDocument(other);
  // The list hears of it.
  await expect(rows).toHaveCount(2);
  noTrouble();
  await context.close();
});

test('name, e-mail and password are changed; other tabs show it and other browsers are signed out', async ({ browser, context }) => {
  const elsewhere = await browser.newContext();
  const other = await elsewhere.newPage();
  await signIn(other, ACCOUNT);
  const tab = await context.newPage();
  await open(tab, '/servers');
  await expect(tab.getByTestId('live')).toHaveAttribute('data-live', 'live');
  await markDocument(tab);

  await open(page, '/account');
  const profile = page.getByRole('region', { name: 'Name and e-mail' });
  await profile.getByLabel('Name', { exact: true }).fill('Ada Lovelace');
  await profile.getByLabel('E-mail').fill('ada@example.org');
  await profile.getByRole('button', { name: 'Save' }).click();
  await expect(profile.getByText('Enter your current password.')).toBeVisible();
  await profile.getByLabel('Current password').fill('not the password');
  await profile.getByRole('button', { name: 'Save' }).click();
  await expect(profile.getByText('The current password is wrong.')).toBeVisible();
  await expect(profile.getByLabel('Name', { exact: true })).toHaveValue('Ada Lovelace');
  await profile.getByLabel('Current password').fill(ACCOUNT.password);
  await profile.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Name and e-mail saved.')).toBeVisible();
  await expect(profile.getByLabel('Current password')).toHaveCount(0);
  await expect(tab.getByRole('link', { name: 'Ada Lovelace' })).toBeVisible();

  const password = page.getByRole('region', { name: 'Password', exact: true });
  await password.getByLabel('Current password').fill(ACCOUNT.password);
  await password.getByLabel('New password').fill('short');
  await password.getByRole('button', { name: 'Change password' }).click();
  await expect(password.getByText('Use at least 10 characters.')).toBeVisible();
  await password.getByLabel('New password').fill('a new horse battery');
  await password.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByText('You are signed out everywhere else.').first()).toBeVisible();
  await expect(page.locator('[data-session-id]')).toHaveCount(1);
  await expect(other.getByRole('dialog', { name: 'Sign in to continue' })).toBeVisible({ timeout: 6_000 });
  await signInAgain(other, { email: 'ada@example.org', password: 'a new horse battery' });
  await expect(page.locator('[data-session-id]')).toHaveCount(2);

  // The browser that changed it was never asked.
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(tab.getByRole('dialog')).toBeHidden();
  await expectSameDocument(tab);
  noTrouble();
  await elsewhere.close();
});

test('signing out everywhere leaves no browser signed in', async ({ browser }) => {
  const context = await browser.newContext();
  const other = await context.newPage();
  await signIn(other, ACCOUNT);
  await open(page, '/account');
  await page.getByRole('button', { name: 'Sign out everywhere', exact: true }).click();
  await page.waitForURL(`${panel.url}/sign-in`);
  await expect(other.getByRole('dialog', { name: 'Sign in to continue' })).toBeVisible({ timeout: 6_000 });
  for (const visitor of [page, other]) {
    expect((await panel.call(visitor, 'servers/list', {})).status).toBe(401);
  }
  noTrouble();
  await context.close();
});

test('the pages of accounts are accessible and fit a phone', async ({ browser }) => {
  // Each look with axe takes seconds on a busy machine.
  test.setTimeout(180_000);
  const context = await browser.newContext();
  const bob = await context.newPage();
  await accept(bob, await invite(BOB.email));
  const link = await invite('somebody.with.a.long.address@department.example.com');
  const guest = await (await browser.newContext()).newPage();
  for (const [visitor, path] of [[page, '/account'], [page, '/accounts'], [guest, link.replace(panel.url, '')]]) {
    if (path !== '/accounts') await open(visitor, path);
    if (visitor === guest) await expect(guest.getByLabel('Your name')).toBeVisible();
    for (const [width, colorScheme] of [[1280, 'light'], [1280, 'dark'], [390, 'light'], [390, 'dark']]) {
      await visitor.setViewportSize({ width, height: 844 });
      await visitor.emulateMedia({ colorScheme });
      const { violations } = await new AxeBuilder({ page: visitor }).analyze();
      expect(violations.map((violation) => `${path} ${width} ${violation.id}: ${violation.nodes[0].html}`)).toEqual([]);
      expect(await visitor.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
    }
  }
  noTrouble();
  await guest.context().close();
  await context.close();
});
