// A real panel, a real Debian host, and what is known of both.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Host, SCRIPT } from '../support/host.js';
import { Panel } from '../support/panel.js';
import { call } from './calls.js';

/** In front of the real one: notes each change that is asked for, and which step asks. */
const UFW = `#!/bin/sh
case " $* " in
  *' allow '* | *' deny '* | *' delete '* | *' default '* | *' enable '*) echo "\${BROKEFORGE_STEP:-nobody} $*" >>/var/log/ufw-changes ;;
esac
exec /usr/sbin/ufw "$@"
`;

/** In front of the real one: a server on which it takes its time, while /run/slow is there. */
const SYSTEMCTL = `#!/bin/sh
case "$1" in
  stop | disable | daemon-reload) [ ! -e /run/slow ] || sleep "0.$(($$ % 9))" ;;
esac
exec /usr/bin/systemctl "$@"
`;

export class World {
  isPrepared = false;
  log = '';
  nextPort = 10_000;
  listeners = new Set();

  constructor(number) {
    this.name = `chaos${number}`;
  }

  /** A panel with an account, and a fresh host that it gets into. */
  async start() {
    this.panel = await Panel.start({ NO_COLOR: '1' });
    const caller = await this.panel.makeAccount();
    const { cookies } = await caller.request.storageState();
    this.cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    this.host = await Host.start(this.name);
    const way = { address: this.host.address, port: '22' };
    const { host_key } = await this.answered('servers/host_key', way);
    this.server = await this.answered('servers/create', { ...way, name: 'chaos', user: 'root', host_key });
    const { authorize_command } = await this.answered('servers/show', { server_id: this.server });
    await this.host.sh(authorize_command);
    await this.answered('servers/check', { server_id: this.server });
    this.watch();
  }

  /** From now on the host counts what is done to its firewall, and can be slow. */
  async prepare() {
    for (const [name, script] of Object.entries({ ufw: UFW, systemctl: SYSTEMCTL })) {
      await this.host.sh(`cat >/usr/local/sbin/${name} <<'END'\n${script}END\nchmod 755 /usr/local/sbin/${name}`);
    }
    await this.host.sh(': >/var/log/ufw-changes');
    this.isPrepared = true;
    this.countsFrom = Number(this.panel.sql('SELECT max(id) FROM operations'));
  }

  call(path, input, onSent) {
    return call(this.panel, this.cookie, path, input, onSent);
  }

  /** A call that must work. */
  async answered(path, input) {
    const { status, body } = await this.call(path, input);
    if (status !== 200) throw new Error(`${path} answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  async kill() {
    await this.panel.kill();
    this.log += `${this.panel.output}--- killed\n`;
  }

  /** Follows what happens on the host, as fast as it can be seen. */
  watch() {
    const script = readFileSync(new URL('watch.pl', import.meta.url), 'utf8');
    this.watcher = spawn(SCRIPT, ['exec', this.host.name, 'perl', '-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
    createInterface({ input: this.watcher.stdout }).on('line', (line) => {
      for (const listener of this.listeners) listener(line.split(' ')[0]);
    });
  }

  /** Resolves when `word` has been told `times` times from now on, or after `limit` ms. */
  told(word, times, limit) {
    return new Promise((resolve) => {
      const end = (seen) => {
        clearTimeout(timer);
        this.listeners.delete(listener);
        resolve(seen);
      };
      const listener = (said) => {
        if (said === word && --times === 0) end(true);
      };
      const timer = setTimeout(() => end(false), limit);
      this.listeners.add(listener);
    });
  }

  async stop() {
    this.watcher?.kill();
    await this.panel?.stop();
    await this.host?.destroy();
  }
}
