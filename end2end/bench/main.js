// Measures what it is asked to and prints a JSON line for each figure.

import { binary } from './binary.js';
import { boot } from './boot.js';
import { firstVisit } from './first_visit.js';
import { idle } from './idle.js';
import { operations } from './operations.js';
import { provisioning } from './provisioning.js';
import { realtime } from './realtime.js';
import { saveToDom } from './save_to_dom.js';
import { scheduler } from './scheduler.js';

// Each returns its figures: { figure: { value, unit, goal } }. Less is better, unless they say `better: 'higher'`.
const MEASUREMENTS = {
  binary, boot, first_visit: firstVisit, save_to_dom: saveToDom, scheduler, idle, provisioning, operations, realtime,
};

const asked = process.argv.slice(2);
let isOver = false;
for (const [name, measure] of Object.entries(MEASUREMENTS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  for (const [figure, { value, unit, goal, better = 'lower' }] of Object.entries(await measure())) {
    isOver ||= goal !== null && !(better === 'lower' ? value <= goal : value >= goal);
    console.log(JSON.stringify({ figure, value: Number(value.toFixed(2)), unit, goal, better }));
  }
}
process.exit(isOver ? 1 : 0);
