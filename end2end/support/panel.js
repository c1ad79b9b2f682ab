// A panel of its own for each spec: the real binary, a fresh database, a free port.

import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from '@playwright/test';

/** A host key that can be read; whose it is does not matter. */
export const HOST_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
/** What a server shows that was installed anew. */
export const OTHER_HOST_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEW/89rgfpjgD6cj7r7am0pkDNY8viOug4/qiphq2b9V';
export const ACCOUNT = { name: 'Ada', email: 'ada@example.com', password: 'correct horse battery' };

export class Panel {
  static async start(env = {}) {
    const panel = await Panel.#prepare(env);
    await panel.boot();
    return panel;
  }

  /** A further panel on the database of another one, with the same key file. */
  static async beside(other) {
    const panel = await Panel.#prepare(other.env);
    copyFileSync(join(other.data, 'brokeforge.key'), join(panel.data, 'brokeforge.key'));
    await panel.boot();
    return panel;
  }

  static async #prepare(env) {
    const panel = new Panel();
    panel.env = env;
    panel.data = mkdtempSync(join(tmpdir(), 'brokeforge-e2e-'));
    panel.port = await freePort();
    panel.url = `http://127.0.0.1:${panel.port}`;
    return panel;
  }

  /** Starts the process, for the first time or again on the same data, and waits until it answers. */
  async boot() {
    this.spawn();
    for (let attempt = 0; attempt < 150; attempt++) {
      if (await answers(`${this.url}/health`)) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`the panel does not answer:\n${this.output}`);
  }

  spawn() {
    this.output = '';
    this.process = spawn(this.env.BROKEFORGE_BINARY ?? process.env.BROKEFORGE_BINARY, ['serve'], {
      env: {
        ...process.env,
        BROKEFORGE_LISTEN: `127.0.0.1:${this.port}`,
        BROKEFORGE_DATA: this.data,
        BROKEFORGE_SITE: process.env.BROKEFORGE_SITE,
        // Servers that nobody answers for stand on this machine.
        BROKEFORGE_ALLOW_LOCAL_ADDRESSES: '1',
        ...this.env,
      },
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.on('data', (bytes) => (this.output += bytes));
    }
  }

  get setupToken() {
    return this.output.match(/Setup token: (\S+)/)?.[1];
  }

  /** Reads or writes the database past the panel. */
  sql(statement) {
    const database = join(this.data, 'brokeforge.db');
    return execFileSync('sqlite3', ['-cmd', '.timeout 5000', database, statement], { encoding: 'utf8' }).trim();
  }

  /** Reads from the database past the panel: rows as objects. */
  query(statement) {
    const file = join(this.data, 'brokeforge.db');
    const rows = execFileSync('sqlite3', ['-json', '-cmd', '.timeout 5000', file, statement], { encoding: 'utf8' });
    return rows.trim() ? JSON.parse(rows) : [];
  }

  async kill(signal = 'SIGKILL') {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill(signal);
    await ended;
  }

  async stop() {
    await this.kill();
    rmSync(this.data, { recursive: true, force: true });
  }

  /** Makes the first account without a page; returns who can `call`, and whose session a browser can take over. */
  async makeAccount(account = ACCOUNT) {
    const caller = { request: await request.newContext() };
    const { status } = await this.call(caller, 'accounts/setup', { token: this.setupToken, ...account });
    if (status !== 200) throw new Error(`the account was not made: ${status}`);
    return caller;
  }

  /** Makes the first account through the page and stays signed in. */
  async setUp(page) {
    await page.goto(`${this.url}/setup`);
    await hydrated(page);
    await page.getByLabel('Setup token').fill(this.setupToken);
    await page.getByLabel('Your name').fill(ACCOUNT.name);
    await page.getByLabel('E-mail').fill(ACCOUNT.email);
    await page.getByLabel('Password').fill(ACCOUNT.password);
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.waitForURL(`${this.url}/servers`);
  }

  /** Adds a server through the panel; nothing listens at its address. Returns its id. */
  async addServer(caller, name, port = '1') {
    return this.#answered(caller, 'servers/create', {
      name, address: '127.0.0.1', port, user: 'root', host_key: HOST_KEY,
    });
  }

  /** A real host as a server that lets the panel in, past the pages for that; returns its id. */
  async addHost(caller, host) {
    const place = { address: host.address, port: '22' };
    const { host_key } = await this.#answered(caller, 'servers/host_key', place);
    const server_id = await this.#answered(caller, 'servers/create', { ...place, name: 'web-1', user: 'root', host_key });
    const { authorize_command } = await this.#answered(caller, 'servers/show', { server_id });
    await host.sh(authorize_command);
    await this.#answered(caller, 'servers/check', { server_id });
    return server_id;
  }

  async #answered(caller, path, input) {
    const { status, body } = await this.call(caller, path, input);
    if (status !== 200) throw new Error(`${path} answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  /** As `addServer`, and by the database it is provisioned and has a firewall and a scheduler. */
  async addProvisionedServer(caller, name, port) {
    const id = await this.addServer(caller, name, port);
    this.sql(`UPDATE servers SET connection = 'connected', provision_status = 'active', firewall_installed = 1,
                firewall_enabled = 1 WHERE id = ${id};
              INSERT INTO schedulers (server_id, status, created_at, updated_at) VALUES (${id}, 'active', 0, 0)`);
    return id;
  }

  /** Calls a server function as the page does, with the session of a page or of `makeAccount`. */
  async call(caller, path, input) {
    const response = await caller.request.post(`${this.url}/api/${path}`, {
      headers: { Origin: this.url },
      data: { input },
    });
    return { status: response.status(), body: await response.json() };
  }
}

/** Waits until the page's code has taken over. */
export async function hydrated(page) {
  await page.waitForFunction(() => document.documentElement.dataset.hydrated === 'true');
}

async function answers(url) {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
