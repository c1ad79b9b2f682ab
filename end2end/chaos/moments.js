// When the panel is killed.

import { sleep } from '../support/sleep.js';
import { isUnderWay } from './settled.js';

/** Ways to choose the moment of the first kill of a cycle about rules. */
const MOMENTS = [
  'between request and answer', 'after the answer', 'while it is claimed', 'when its files are there',
  'while the step runs', 'right after the step', 'while it is confirmed', 'at any time',
];

/** How long an event is waited for; a request that was refused causes none. */
const LIMIT = 8_000;

/**
 * Begins to wait for a moment; `request` says when the target was sent and answered, as promises.
 * Returns its name, and a promise that is kept when it is there.
 */
export function choose(world, random, request) {
  const name = random.pick(MOMENTS);
  return { name, there: wait(world, random, request, name) };
}

function wait(world, random, { sent, answered }, name) {
  const after = (event, most) => {
    const delay = random.fraction() * most;
    return event.then(() => sleep(delay));
  };
  switch (name) {
    // Twice as long as an answer usually takes.
    case 'between request and answer': return after(sent, 30);
    case 'after the answer': return after(answered, 6);
    case 'while it is claimed': return after(answered, 60);
    case 'when its files are there': return after(world.told('there', 1, LIMIT), 50);
    case 'while the step runs': return after(world.told('begun', 1, LIMIT), 1200);
    case 'right after the step': return after(world.told('ended', 1, LIMIT), 60);
    case 'while it is confirmed': return after(world.told('decided', 1, LIMIT), 40);
    case 'at any time': return after(answered, 2500);
    default: throw new Error(`no moment is called ${name}`);
  }
}

/** A moment within a provisioning: some steps on, and then any time within one; or when it has ended before that. */
export function chooseInProvisioning(world, random, steps) {
  const [word, times] = [random.pick(['begun', 'ended']), random.between(1, steps)];
  const rest = random.fraction() * random.pick([50, 3000]);
  return { name: `when ${times} steps had ${word}`, there: toldOrEnded(world, word, times).then(() => sleep(rest)) };
}

async function toldOrEnded(world, word, times) {
  let told = false;
  const telling = world.told(word, times, 600_000).then(() => (told = true));
  do await Promise.race([telling, sleep(1000)]);
  while (!told && isUnderWay(world));
}

/** A moment in the life of a panel that has just been started again. */
export function chooseAfterRestart(world, random) {
  const name = random.pick(['at any time', 'at any time', 'right after the step', 'while it is confirmed']);
  const delay = random.fraction() * (name === 'at any time' ? 1500 : 60);
  const word = { 'right after the step': 'ended', 'while it is confirmed': 'decided' }[name];
  const event = word ? world.told(word, 1, 2000) : Promise.resolve();
  return { name: `after a restart ${name}`, there: event.then(() => sleep(delay)) };
}
