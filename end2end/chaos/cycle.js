// One cycle: requests, a kill or more, a restart, and the end of all that was begun.

import { sleep } from '../support/sleep.js';
import { choose, chooseAfterRestart, chooseInProvisioning } from './moments.js';
import { Random } from './random.js';
import { provisioning, ruleRequests } from './requests.js';
import { settled } from './settled.js';

/** Longer than a change of the firewall waits to be confirmed. */
const LONG_ABSENCE = 70_000;

/** What a seed means, so that a run and its repetition agree. */
export const isProvisioning = (seed) => seed % 10 === 1;
const isLongAbsence = (seed) => seed % 50 === 30;
const isSlow = (seed) => seed % 6 === 0;

/** Runs it; returns what was asked for and what came of that: `{ requests, kills, isAway, stuck }`. */
export async function runCycle(world, seed) {
  const random = new Random(seed);
  const { rules } = await world.answered('firewall/show', { server_id: world.server });
  const active = rules.filter(({ status }) => status === 'active');
  world.lastOperation = Number(world.panel.sql('SELECT coalesce(max(id), 0) FROM operations'));
  const isRules = !isProvisioning(seed);
  const requests = isRules ? ruleRequests(world, random, active) : [provisioning(world)];
  await world.host.sh(isSlow(seed) ? ': >/run/slow' : 'rm -f /run/slow');
  const moments = await sendAndKill(world, random, requests, isRules);

  const isAway = isLongAbsence(seed);
  if (isAway) await sleep(LONG_ABSENCE);
  for (let more = moreKills(random, isRules); more > 0; more--) {
    const moment = isRules ? chooseAfterRestart(world, random) : chooseInProvisioning(world, random, 3);
    if (isRules || random.chance(0.3)) world.panel.spawn();
    else await world.panel.boot();
    await moment.there;
    await world.kill();
    moments.push(moment.name);
  }
  await world.panel.boot();

  for (const request of requests.filter(({ answer }) => !answer.answered)) {
    // Somebody who heard nothing may send the same form again, or not.
    if (random.chance(0.5)) request.again = await world.call(request.path, request.input);
  }
  const stuck = await settled(world);
  return { requests, moments, isAway, stuck };
}

function moreKills(random, isRules) {
  return isRules ? random.pick([0, 0, 0, 0, 0, 0, 1, 1, 1, 2]) : random.between(0, 2);
}

/** Sends everything, and kills at a moment that has to do with one of the requests. */
async function sendAndKill(world, random, requests, isRules) {
  const target = random.between(0, requests.length - 1);
  let moment, killed;
  const sending = [];
  for (const [index, request] of requests.entries()) {
    const isTarget = index === target;
    let tellSent;
    const sent = new Promise((resolve) => (tellSent = resolve));
    const answered = world.call(request.path, request.input, tellSent).then((answer) => (request.answer = answer));
    if (isTarget) {
      moment = isRules ? choose(world, random, { sent, answered }) : chooseInProvisioning(world, random, 6);
      killed = moment.there.then(() => world.kill());
    }
    sending.push(answered);
    if (random.chance(0.5)) await answered;
    else await sleep(random.fraction() * 40);
  }
  await killed;
  await Promise.all(sending);
  return [moment.name];
}
