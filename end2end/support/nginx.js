// A real nginx with TLS in front of a panel, set up by what docs/install.md says and by nothing else.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from 'node:net';
import { freePort } from './panel.js';

const PAPER = join(dirname(fileURLToPath(import.meta.url)), '../../docs/install.md');
export const PROGRAM = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find(existsSync) ?? 'nginx';

/** The name that the paper gives the panel. */
export const NAME = 'panel.example.com';

export class Nginx {
  static async start(panel) {
    const nginx = new Nginx();
    nginx.folder = mkdtempSync(join(tmpdir(), 'brokeforge-nginx-'));
    nginx.port = await freePort();
    nginx.panel = panel;
    execFileSync('openssl', [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${NAME}`,
      '-addext', `subjectAltName=DNS:${NAME}`, '-keyout', join(nginx.folder, 'privkey.pem'), '-out', join(nginx.folder, 'fullchain.pem'),
    ], { stdio: 'ignore' });
    nginx.#write(nginx.#site());
    nginx.process = spawn(PROGRAM, ['-c', join(nginx.folder, 'nginx.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
    nginx.process.stderr.on('data', (bytes) => (nginx.errors = (nginx.errors ?? '') + bytes));
    await nginx.#answers();
    return nginx;
  }

  /** Takes lines out of the site and reads it anew; what is open already stays as it is. */
  async without(pattern) {
    const lines = this.#site().split('\n');
    const rest = lines.filter((line) => !pattern.test(line));
    if (rest.length === lines.length) throw new Error(`no line of the site is like ${pattern}`);
    this.#write(rest.join('\n'));
    this.process.kill('SIGHUP');
    await this.#answers();
  }

  async stop() {
    if (this.process.exitCode === null) {
      const ended = new Promise((resolve) => this.process.once('exit', resolve));
      this.process.kill('SIGTERM');
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The paper's site; only ports and files of this machine are others. */
  #site() {
    const [, site] = readFileSync(PAPER, 'utf8').match(/```nginx\n([^]*?)```/);
    const replace = (text, from, to) => {
      if (text.split(from).length !== 2) throw new Error(`docs/install.md has ${from} not once in its lines for nginx`);
      return text.replace(from, to);
    };
    return [
      ['listen 443 ssl', `listen 127.0.0.1:${this.port} ssl`],
      [`/etc/letsencrypt/live/${NAME}/fullchain.pem`, join(this.folder, 'fullchain.pem')],
      [`/etc/letsencrypt/live/${NAME}/privkey.pem`, join(this.folder, 'privkey.pem')],
      ['http://127.0.0.1:3000', `http://127.0.0.1:${this.panel.port}`],
    ].reduce((text, [from, to]) => replace(text, from, to), site);
  }

  /** What Debian's own nginx.conf has around its sites, in a folder of its own. */
  #write(site) {
    const { folder } = this;
    const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    writeFileSync(join(folder, 'site.conf'), site);
    writeFileSync(join(folder, 'nginx.conf'), `
      ${process.getuid() === 0 ? 'user root;' : ''}
      daemon off;
      worker_processes 1;
      pid ${folder}/nginx.pid;
      error_log stderr warn;
      events { worker_connections 256; }
      http {
        access_log off;
        ${kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join('\n        ')}
        include ${folder}/site.conf;
      }
    `);
  }

  async #answers() {
    for (let attempt = 0; attempt < 100; attempt++) {
      if (this.process.exitCode !== null) break;
      if (await opens(this.port)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`nginx does not answer:\n${this.errors}`);
  }
}

function opens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
