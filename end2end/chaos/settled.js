// Waits until nothing is on its way any more.

import { sleep } from '../support/sleep.js';

/** How long something may be on its way without anybody working on it, ms. */
const PATIENCE = 60_000;
/** More than any operation takes here, ms. */
const LONGEST = 900_000;

const ON_THEIR_WAY = `SELECT id, title, state, lease_until FROM operations WHERE state IN ('queued', 'running')`;
const IN_BETWEEN = `
  SELECT 'rule ' || id AS record, status FROM firewall_rules WHERE status IN ('pending', 'installing', 'removing')
  UNION ALL SELECT 'server ' || id, provision_status FROM servers WHERE provision_status IN ('pending', 'installing', 'removing')`;

/** Whether the panel has work. */
export const isUnderWay = (world) => world.panel.query(ON_THEIR_WAY).length > 0;

/** Returns what was given up on: sentences, none where all ended. */
export async function settled(world) {
  const began = Date.now();
  // Since when each is without a worker.
  const alone = new Map();
  for (;;) {
    const now = Date.now();
    const operations = world.panel.query(ON_THEIR_WAY);
    const records = world.panel.query(IN_BETWEEN);
    if (operations.length === 0 && records.length === 0) return [];
    const names = [
      ...operations.map(({ id, title, state }) => `operation ${id} (${title}) is ${state}`),
      ...records.map(({ record, status }) => `${record} is ${status}`),
    ];
    // One after the other on a server: while one is worked on, the others wait rightly.
    const isWorkedOn = operations.some(({ state, lease_until }) => state === 'running' && lease_until >= now);
    const waiting = isWorkedOn ? [] : names;
    for (const name of alone.keys()) if (!waiting.includes(name)) alone.delete(name);
    for (const name of waiting) if (!alone.has(name)) alone.set(name, now);
    const stuck = [...alone].filter(([, since]) => now - since > PATIENCE).map(([name]) => `${name}, and nobody works on it`);
    if (stuck.length > 0) return stuck;
    if (now - began > LONGEST) return names.map((name) => `${name} after ${LONGEST / 1000} s`);
    await sleep(100);
  }
}
