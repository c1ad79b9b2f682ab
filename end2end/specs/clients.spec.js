// Clients as npm has them: pusher-js and laravel-echo, in a page of another address and in Node. And what the panel's
// own tabs are told at once.

import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import Echo from 'laravel-echo';
import Pusher from 'pusher-js';
import { hydrated, Panel } from '../support/panel.js';
import { watchForTrouble } from '../support/watch.js';

const packages = join(dirname(createRequire(import.meta.url).resolve('pusher-js/package.json')), '..');
const SCRIPTS = {
  '/pusher.js': readFileSync(join(packages, 'pusher-js/dist/web/pusher.js')),
  '/echo.js': readFileSync(join(packages, 'laravel-echo/dist/echo.iife.js')),
};

let foreign, panel, page, own, others;

test.beforeEach(async ({ page: fresh }) => {
  page = fresh;
  foreign = await serveForeignPage();
  panel = await Panel.start({ BROKEFORGE_ALLOWED_ORIGINS: foreign.url });
  await panel.setUp(page);
  own = await panel.addProvisionedServer(page, 'web-1', '1');
  others = await panel.addProvisionedServer(page, 'not-mine', '2');
  panel.sql(`INSERT INTO users (name, email, password_hash, created_at, role) VALUES ('Bob', 'bob@example.com', 'none', 0, 'member');
             UPDATE servers SET owner_id = (SELECT id FROM users WHERE name = 'Bob') WHERE id = ${others}`);
});

test.afterEach(async () => {
  await panel.stop();
  foreign.server.close();
});

/** A page that has nothing but the clients' own scripts. */
async function serveForeignPage() {
  const server = createServer((request, response) => {
    const script = SCRIPTS[request.url];
    response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html');
    response.end(script ?? '<!doctype html><title>Elsewhere</title><script src="/pusher.js"></script><script src="/echo.js"></script>');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${server.address().port}` };
}

/** A change that the channels of the server tell of. */
async function change(server) {
  const { status } = await panel.call(page, 'firewall/create', {
    server_id: server,
    rule: { name: 'Metrics', port: '9100', protocol: 'tcp', source: '', action: 'allow' },
    request_key: `change-of-${server}`,
  });
  expect(status).toBe(200);
}

/** The code of the account page, made runnable where there are no modules. */
async function snippet(name) {
  await page.goto(`${panel.url}/account`);
  await hydrated(page);
  await page.getByText(`With ${name}`).click();
  const code = await page.getByTestId(name).textContent();
  return code.replace(/^import .*$/gm, '').replaceAll('servers.1', `servers.${own}`);
}

for (const name of ['laravel-echo', 'pusher-js']) {
  test(`the code shown for ${name} works in a page of an allowed address`, async ({ context }) => {
    const code = await snippet(name);
    const elsewhere = await context.newPage();
    const heard = [];
    elsewhere.on('console', (message) => heard.push(message.text()));
    await elsewhere.goto(foreign.url);
    await elsewhere.evaluate((code) => {
      window.Echo = window.Echo.default ?? window.Echo;
      const made = new Function(`${code}; return typeof echo === 'undefined' ? pusher : echo.connector.pusher`)();
      const channel = made.allChannels()[0];
      return new Promise((resolve) => channel.bind('pusher:subscription_succeeded', resolve));
    }, code);
    await change(own);
    await expect.poll(() => heard.join('\n')).toMatch(new RegExp(`server ${own} changed at 20\\d\\d-`));
  });
}

test('laravel-echo hears of a change by id and time only, and not of another owner', async ({ context }) => {
  const key = await appKey();
  const elsewhere = await context.newPage();
  await elsewhere.goto(foreign.url);
  const answers = await elsewhere.evaluate(
    ({ key, url, port, own, others }) => {
      const Echo = window.Echo.default ?? window.Echo;
      const echo = new Echo({
        broadcaster: 'reverb', key, wsHost: '127.0.0.1', wsPort: port, forceTLS: false, enabledTransports: ['ws'],
        channelAuthorization: {
          customHandler: async ({ socketId, channelName }, done) => {
            const answer = await fetch(`${url}/broadcasting/auth`, {
              method: 'POST', credentials: 'include',
              body: new URLSearchParams({ socket_id: socketId, channel_name: channelName }),
            });
            done(answer.ok ? null : new Error(answer.status), answer.ok ? await answer.json() : null);
          },
        },
      });
      window.heard = [];
      const outcome = (channel) => new Promise((resolve) => {
        channel.subscribed(() => resolve('subscribed')).error(() => resolve('refused'));
      });
      const mine = echo.private(`servers.${own}`).listen('.ServerUpdated', (data) => window.heard.push(data));
      return Promise.all([outcome(mine), outcome(echo.private(`servers.${others}`)), outcome(echo.private('servers.999'))]);
    },
    { key, url: panel.url, port: panel.port, own, others },
  );
  expect(answers).toEqual(['subscribed', 'refused', 'refused']);
  await change(own);
  await expect.poll(() => elsewhere.evaluate(() => window.heard.length)).toBeGreaterThan(0);
  const [event] = await elsewhere.evaluate(() => window.heard);
  expect(Object.keys(event).sort()).toEqual(['server_id', 'timestamp']);
  expect(event.server_id).toBe(own);
  expect(Date.parse(event.timestamp)).toBeGreaterThan(Date.now() - 60_000);
});

test('laravel-echo and pusher-js connect from Node, and signing out ends what they hear', async () => {
  const key = await appKey();
  const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  const echo = new Echo({
    broadcaster: 'reverb', Pusher, key, wsHost: '127.0.0.1', wsPort: panel.port, forceTLS: false, enabledTransports: ['ws'],
    channelAuthorization: {
      customHandler: async ({ socketId, channelName }, done) => {
        const answer = await fetch(`${panel.url}/broadcasting/auth`, {
          method: 'POST',
          headers: { Origin: panel.url, Cookie: cookie },
          body: new URLSearchParams({ socket_id: socketId, channel_name: channelName }),
        });
        done(answer.ok ? null : new Error(answer.status), answer.ok ? await answer.json() : null);
      },
    },
  });
  try {
    const heard = [];
    const channel = echo.private(`servers.${own}`).listen('.ServerUpdated', (data) => heard.push(data));
    await new Promise((resolve, reject) => channel.subscribed(resolve).error(reject));
    const refused = await new Promise((resolve, reject) => {
      echo.private(`servers.${others}`).error(resolve).subscribed(reject);
    });
    expect(refused).toBeTruthy();
    await change(own);
    await expect.poll(() => heard.length).toBeGreaterThan(0);
    expect(Object.keys(heard[0]).sort()).toEqual(['server_id', 'timestamp']);

    const { pusher } = echo.connector;
    const ended = new Promise((resolve) => pusher.connection.bind('error', (error) => resolve((error.error ?? error).data.code)));
    await panel.call(page, 'accounts/sign_out', {});
    expect(await ended).toBe(4009);
  } finally {
    echo.disconnect();
  }
});

test('an operation that ends is told in a tab that shows something else, as text', async ({ context }) => {
  const name = '<img src=x onerror="window.hacked=1">';
  const server = await panel.addProvisionedServer(page, name, '3');
  panel.sql(`UPDATE servers SET connection = 'awaiting_key' WHERE id = ${server}`);
  const elsewhere = await context.newPage();
  const noTrouble = watchForTrouble(elsewhere);
  await elsewhere.goto(`${panel.url}/account`);
  await hydrated(elsewhere);
  await expect(elsewhere.getByTestId('live')).toHaveAttribute('data-live', 'live');
  // The page of an operation that will end, open before it does.
  const { body: operation } = await panel.call(page, 'servers/authorize', { server_id: server, password: 'not the right one' });
  await page.goto(`${panel.url}/servers/${server}/operations/${operation}`);
  await hydrated(page);
  const toast = elsewhere.locator('.toast', { hasText: `Put the panel's key on ${name}: failed.` });
  await expect(toast).toBeVisible({ timeout: 40_000 });
  expect(await elsewhere.evaluate(() => window.hacked)).toBeUndefined();
  await expect(page.locator('[data-operation-state="failed"]')).toBeVisible();
  await expect(page.locator('.toast')).toHaveCount(0);
  for (const [width, colorScheme] of [[1280, 'light'], [390, 'dark']]) {
    await elsewhere.setViewportSize({ width, height: 844 });
    await elsewhere.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page: elsewhere }).analyze();
    expect(violations.map((violation) => `${width} ${violation.id}: ${violation.nodes[0].html}`)).toEqual([]);
    expect(await elsewhere.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
  }
  await toast.getByRole('link', { name: 'Show' }).click();
  await elsewhere.waitForURL(`${panel.url}/servers/${server}/operations/${operation}`);
  await expect(toast).toHaveCount(0);
  noTrouble();
});

async function appKey() {
  const { body } = await panel.call(page, 'broadcasting/show', {});
  return body.key;
}
