// Kills the panel at random moments of its work on a real server, and proves that nothing is lost by that.
// The last line is `cycles=N stuck=0 lost=0 doubled=0`, and the exit code says the same.

import { Checker } from './checker.js';
import { isProvisioning, runCycle } from './cycle.js';
import { settled } from './settled.js';
import { World } from './world.js';

const cycles = Number(process.argv[2]);
// The first cycle is a provisioning, unless somebody repeats another one.
const first = process.argv[3] ? Number(process.argv[3]) : 1 + 10 * Math.floor(Math.random() * 1e7);
const counts = { stuck: 0, lost: 0, doubled: 0 };
let done = 0;

console.log(`${cycles} cycles from seed ${first}`);
const world = new World();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => world.stop().finally(() => process.exit(130)));
try {
  await world.start();
  const checker = new Checker(world);
  if (!isProvisioning(first)) await provisionInPeace();
  for (let seed = first; done < cycles; seed++, done++) {
    const started = performance.now();
    const result = await runCycle(world, seed);
    const violations = await checker.check(result);
    tell(seed, result, violations, (performance.now() - started) / 1000);
    if (!world.counts) await count();
  }
} finally {
  await world.stop();
}
console.log(`cycles=${done} stuck=${counts.stuck} lost=${counts.lost} doubled=${counts.doubled}`);
process.exit(counts.stuck + counts.lost + counts.doubled > 0 ? 1 : 0);

/** The host for a repetition of a cycle that found a provisioned one. */
async function provisionInPeace() {
  await world.answered('servers/provision', { server_id: world.server });
  await settled(world);
  await count();
}

async function count() {
  await world.count();
  world.countsFrom = Number(world.panel.sql('SELECT max(id) FROM operations'));
}

function tell(seed, { requests, moments }, violations, seconds) {
  const asked = requests.map(({ what, answer }) => (answer.answered ? what : `${what} (no answer)`)).join(', ');
  console.log(`seed ${seed}: ${asked}; killed ${moments.join(', ')}; ${seconds.toFixed(1)} s`);
  for (const { kind, seen } of violations) {
    counts[kind]++;
    console.log(`  ${kind}: ${seen}\n  again: script/chaos 1 --seed ${seed}`);
  }
  if (violations.length > 0) console.log(world.log.trimEnd().split('\n').slice(-40).map((line) => `  | ${line}`).join('\n'));
  world.log = '';
}
