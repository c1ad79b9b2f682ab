import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Host } from '../support/host.js';
import { Panel } from '../support/panel.js';
import { median, report, sleep } from './support.js';

const run = promisify(execFile);
const ROUNDS = 3;
const INSTALLED = `dpkg-query -Wf '\${Package}\\n' | sort`;

/** How much longer a server takes that the panel provisions than one on which the same packages are just installed. */
export async function provisioning() {
  const folder = mkdtempSync(join(tmpdir(), 'brokeforge-bench-'));
  const key = join(folder, 'key');
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const panel = await Panel.start();
  const caller = await panel.makeAccount();
  // Fills the package cache, and tells which packages it is about.
  const packages = (await provisioned(panel, caller)).packages;
  const ratios = [];
  for (let round = 0; round < ROUNDS; round++) {
    const ways = [() => provisioned(panel, caller), () => installed(key, packages)];
    if (round % 2 === 1) ways.reverse();
    const results = [await ways[0](), await ways[1]()];
    if (round % 2 === 1) results.reverse();
    const [ours, plain] = results;
    const missing = ours.packages.filter((name) => !plain.packages.includes(name));
    const surplus = plain.packages.filter((name) => !ours.packages.includes(name));
    if (missing.length + surplus.length > 0) throw new Error(`not the same packages: without ${missing}, and with ${surplus}`);
    report('provisioned by the panel, plainly installed (s)', [ours.seconds, plain.seconds]);
    ratios.push(ours.seconds / plain.seconds);
  }
  await panel.stop();
  rmSync(folder, { recursive: true });
  report('ratio of each round', ratios);
  return { provisioning_overhead: { value: median(ratios), unit: 'ratio', goal: 1.25 } };
}

async function provisioned(panel, caller) {
  const host = await Host.start('bench');
  try {
    const before = await lines(host, INSTALLED);
    const server = await addServer(panel, caller, host);
    const operation = await answered(panel, caller, 'servers/provision', { server_id: server });
    const seconds = await ended(panel, operation);
    const packages = (await lines(host, INSTALLED)).filter((name) => !before.includes(name));
    // The next host may get this address, which the panel takes once only.
    await answered(panel, caller, 'servers/remove', { server_id: server, confirm_name: host.name });
    return { seconds, packages };
  } finally {
    await host.destroy();
  }
}

async function addServer(panel, caller, host) {
  const { host_key } = await answered(panel, caller, 'servers/host_key', { address: host.address, port: '22' });
  const server_id = await answered(panel, caller, 'servers/create', {
    name: host.name, address: host.address, port: '22', user: 'root', host_key,
  });
  const { authorize_command } = await answered(panel, caller, 'servers/show', { server_id });
  await host.sh(authorize_command);
  await answered(panel, caller, 'servers/check', { server_id });
  return server_id;
}

async function answered(panel, caller, path, input) {
  const { status, body } = await panel.call(caller, path, input);
  if (status !== 200) throw new Error(`${path} answered ${status}: ${JSON.stringify(body)}`);
  return body;
}

/** The seconds an operation took, from being asked for; by the panel's own clock. */
async function ended(panel, operation) {
  for (;;) {
    const [state, took, error] = panel
      .sql(`SELECT state, (ended_at - created_at) / 1000.0, error FROM operations WHERE id = ${operation}`)
      .split('|');
    if (state === 'succeeded') return Number(took);
    if (state !== 'queued' && state !== 'running') throw new Error(`provisioning ${state}: ${error}`);
    await sleep(500);
  }
}

/** What somebody would type instead. */
async function installed(key, packages) {
  const host = await Host.start('bench', '--key', `${key}.pub`);
  try {
    const before = await lines(host, INSTALLED);
    const started = performance.now();
    await run('ssh', [
      '-i', key, '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', `root@${host.address}`,
      `apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${packages.join(' ')}`,
    ], { maxBuffer: 64 * 1024 * 1024 });
    const seconds = (performance.now() - started) / 1000;
    return { seconds, packages: (await lines(host, INSTALLED)).filter((name) => !before.includes(name)) };
  } finally {
    await host.destroy();
  }
}

async function lines(host, command) {
  return (await host.sh(command)).trim().split('\n');
}
