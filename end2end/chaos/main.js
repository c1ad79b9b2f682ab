// Kills the panel at random moments of its work on a real server, and proves that nothing is lost by that.
// The last line is `cycles=N stuck=0 lost=0 doubled=0`, and the exit code says the same.

import { Checker } from './checker.js';
import { isProvisioning, runCycle } from './cycle.js';
import { settled } from './settled.js';
import { World } from './world.js';

/** Panels with a host each that work side by side, where there is much to do. */
const AT_ONCE = 3;
const MUCH = 100;

const cycles = Number(process.argv[2]);
// The first cycle is a provisioning, unless somebody repeats another one.
const first = process.argv[3] ? Number(process.argv[3]) : 1 + 50 * Math.floor(Math.random() * 1e6);
const counts = { stuck: 0, lost: 0, doubled: 0 };
const worlds = Array.from({ length: cycles < MUCH ? 1 : AT_ONCE }, (_, number) => new World(number));
let [begun, done] = [0, 0];

console.log(`${cycles} cycles from seed ${first}`);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop().finally(() => process.exit(130)));
try {
  await Promise.all(worlds.map(work));
} finally {
  await stop();
}
console.log(`cycles=${done} stuck=${counts.stuck} lost=${counts.lost} doubled=${counts.doubled}`);
process.exit(counts.stuck + counts.lost + counts.doubled > 0 ? 1 : 0);

async function work(world) {
  await world.start();
  const checker = new Checker(world);
  while (begun < cycles) {
    const seed = first + begun++;
    if (!world.isPrepared && !isProvisioning(seed)) await provisionInPeace(world);
    const started = performance.now();
    const result = await runCycle(world, seed);
    const violations = await checker.check(result);
    tell(world, seed, result, violations, (performance.now() - started) / 1000);
    if (!world.isPrepared) await world.prepare();
    done++;
  }
}

/** For a cycle that wants a host that is provisioned. */
async function provisionInPeace(world) {
  await world.answered('servers/provision', { server_id: world.server });
  await settled(world);
  await world.prepare();
}

function tell(world, seed, { requests, moments }, violations, seconds) {
  const asked = requests.map(({ what, answer }) => (answer.answered ? what : `${what} (no answer)`)).join(', ');
  console.log(`seed ${seed}: ${asked}; killed ${moments.join(', ')}; ${seconds.toFixed(1)} s`);
  for (const { kind, seen } of violations) {
    counts[kind]++;
    console.log(`  ${kind}: ${seen}\n  again: script/chaos 1 --seed ${seed}`);
  }
  if (violations.length > 0) console.log(world.log.trimEnd().split('\n').slice(-40).map((line) => `  | ${line}`).join('\n'));
  world.log = '';
}

async function stop() {
  await Promise.all(worlds.map((world) => world.stop()));
}
