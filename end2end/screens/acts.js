// What is done before a picture is taken.

import { expect } from '@playwright/test';
import { ACCOUNT, HOST_KEY } from '../support/panel.js';
import { LOG_LINES } from './data.js';

export const click = (name) => async (page) => {
  await page.getByRole('button', { name, exact: true }).first().click();
  await page.mouse.move(0, 0);
};

export const submit = click;

export const open = (summary) => async (page) => {
  await page.locator('summary', { hasText: summary }).click();
};

export const type = (label, text) => async (page) => {
  await page.getByLabel(label, { exact: true }).fill(text);
};

export const awaitLive = (state) => async (page) => {
  await expect(page.getByTestId('live')).toHaveAttribute('data-live', state, { timeout: 30_000 });
};

export async function signInWrongly(page) {
  await page.getByLabel('E-mail').fill(ACCOUNT.email);
  await page.getByLabel('Password').fill('not the password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByText('E-mail or password is wrong.')).toBeVisible();
}

/** A proxy that lets no WebSocket through. */
export async function refuseSocket(page) {
  await page.routeWebSocket(/\/app\//, (socket) => socket.close());
}

/** A socket that works for a moment, is cut, and does not come back. */
export async function cutSocketAfterwards(page) {
  let opened = false;
  await page.routeWebSocket(/\/app\//, (socket) => {
    if (opened) return socket.close();
    opened = true;
    socket.connectToServer();
    setTimeout(() => socket.close(), 2_000);
  });
}

export async function endSession(page) {
  await page.getByLabel('Name').fill('web-8');
  await page.context().clearCookies();
  await page.getByLabel('Address').fill('203.0.113.14');
  await expect(page.getByRole('dialog')).toBeVisible();
}

/** Nothing listens at the addresses in the pictures; what a server would have answered is put in its place. */
export async function answerHostKey(page) {
  await page.route('**/api/servers/host_key', (route) => route.fulfill({ json: {
    host_key: HOST_KEY,
    algorithm: 'ssh-ed25519',
    fingerprint: 'SHA256:T2o9sb0pYH0Jp4y8S1lmcG3nVb9qE5uGm2cXfGv7yQk',
  } }));
}

export async function typeServer(page) {
  await page.getByLabel('Address').fill('203.0.113.14');
  await page.getByLabel('Name').fill('web-8');
  await expect(page.getByText('SHA256:')).toBeVisible();
  await page.getByLabel(`This is my server's host key`).check();
}

export async function typeUnreachableServer(page) {
  await page.getByLabel('SSH port').fill('1');
  await page.getByLabel('Address').fill('127.0.0.1');
  await page.getByLabel('Name').fill('web-8');
  await expect(page.getByRole('button', { name: 'Try again' })).toBeVisible({ timeout: 20_000 });
}

/** The page knocks on the server every 3 s; here nobody is home. */
export async function keepKnocking(page) {
  await page.route('**/api/servers/check', (route) => route.fulfill({ json: null }));
}

export async function typeWrongRule(page) {
  await page.getByLabel('Name').fill('Database');
  await page.getByLabel('Port', { exact: true }).fill('90:80');
  await page.getByLabel('Source').fill('10.0.0.1/24');
  await page.getByRole('button', { name: 'Add rule' }).click();
  await expect(page.getByText('Put the lower port first')).toBeVisible();
}

/** They are asked for when the page has come. */
export async function awaitNextRuns(page) {
  await expect(page.getByText('Next runs.').first()).toBeVisible();
}

export async function typeWrongTask(page) {
  await page.getByLabel('Name').fill('Clean up');
  await page.getByLabel('Cron expression').fill('60 * * * *');
  await page.getByRole('button', { name: 'Add task' }).click();
  await expect(page.getByText('use 0 to 59')).toBeVisible();
}

export async function previewTask(page) {
  const form = page.getByRole('form', { name: 'Add a task' });
  await form.getByLabel('Name').fill('Clean up');
  await form.getByLabel('Command', { exact: true }).fill('find ~/shop/tmp -mtime +2 -delete');
  await form.getByText('Exact steps and commands').click();
  await expect(form.getByText('# when: 0 0 * * *')).toBeVisible();
}

export async function previewScheduler(page) {
  const form = page.getByRole('form', { name: 'Install the scheduler' });
  await form.getByText('Exact steps and commands').click();
  await expect(form.getByRole('heading', { name: '3. Scheduler' })).toBeVisible();
}

/** What the server would have told. */
export async function answerLog(page) {
  await page.route('**/api/programs/log', (route) => route.fulfill({ json: {
    lines: LOG_LINES.map(([process, text, about], place) => ({ at: 1_795_819_860_000 + place * 4_000, process, is_about_it: about, text })),
  } }));
}

export async function awaitLog(page) {
  await expect(page.getByRole('log')).toContainText('Processing');
}

export async function typeWrongProgram(page) {
  await page.getByLabel('Name', { exact: true }).fill('Queue worker');
  await page.getByLabel('Directory').fill('shop');
  await page.getByLabel('Processes').fill('21');
  await page.getByRole('button', { name: 'Add a variable' }).click();
  await page.getByLabel('Name of the variable').fill('APP_KEY');
  await page.getByLabel('Value of APP_KEY').fill('base64:w1p');
  await page.getByRole('button', { name: 'Add program' }).click();
  await expect(page.getByText('Write the whole path')).toBeVisible();
}

export async function refuseRetry(page) {
  await page.route('**/api/lifecycle/retry', (route) => route.fulfill({
    status: 429, json: { error: 'too_many', retry_after_seconds: 42 },
  }));
}

export async function previewRule(page) {
  const form = page.getByRole('form', { name: 'Add a rule' });
  await form.getByLabel('Name').fill('Metrics of the shop');
  await form.getByLabel('Port', { exact: true }).fill('9101');
  await form.getByText('Exact steps and commands').click();
  await expect(form.getByText('# new port: 9101')).toBeVisible();
}

export async function previewProvisioning(page) {
  await page.getByRole('region', { name: 'Provision this server' }).getByText('Exact steps and commands').click();
}

export async function previewReboot(page) {
  await page.getByRole('button', { name: 'Reboot' }).click();
  const dialog = page.getByRole('dialog', { name: /Reboot/ });
  await dialog.getByText('Exact steps and commands').click();
  await expect(dialog.getByRole('heading', { name: '2. Wait until it is back' })).toBeVisible();
}
