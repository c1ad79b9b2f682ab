// Real Debian hosts, by script/hosts.

import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from '@playwright/test';

const run = promisify(execFile);
export const SCRIPT = join(dirname(fileURLToPath(import.meta.url)), '../../script/hosts');

/** Skips the spec where no host can boot; in CI that is a failure. */
export function needsHosts() {
  test.skip(
    !process.env.BROKEFORGE_HOSTS && !process.env.BROKEFORGE_REQUIRE_HOSTS,
    'real hosts cannot boot on this machine; script/hosts doctor says why',
  );
}

export class Host {
  static async start(name, ...options) {
    const host = new Host();
    host.name = `${name}-${process.pid}`;
    const { stdout } = await run(SCRIPT, ['start', host.name, ...options]);
    host.address = stdout.trim().split('\n').at(-1).split(' ')[1];
    return host;
  }

  /** Runs a shell line as root on the host, not over SSH. */
  async sh(line) {
    const { stdout } = await run(SCRIPT, ['exec', this.name, line], { maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  }

  async destroy() {
    await run(SCRIPT, ['destroy', this.name]);
  }
}
