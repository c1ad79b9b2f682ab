// Runs the load generator.

import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Measures a peer and ends it. */
export async function measure(peer, numbers) {
  try {
    const { stdout } = await run(process.env.BROKEFORGE_FANOUT, ['measure', ...peer.args, ...flags({ pid: peer.pid, ...numbers })]);
    return JSON.parse(stdout);
  } finally {
    await peer.stop();
  }
}

/** Subscribers that only listen. `end` closes them and tells how many changes of servers they have heard of in all. */
export async function watch(peer, subscribers) {
  const args = ['watch', ...peer.args, ...flags({ subscribers })];
  const watcher = spawn(process.env.BROKEFORGE_FANOUT, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: watcher.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? '{}');
  if ((await next()).subscribed !== subscribers) throw new Error('the watchers did not subscribe');
  return {
    async end() {
      watcher.stdin.end();
      return (await next()).heard;
    },
  };
}

const flags = (numbers) => Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]);
