import { get } from 'node:http';
import { Panel } from '../support/panel.js';
import { median, report, sleep } from './support.js';

const RUNS = 11;

/** From exec to the first 200 of the sign-in page, on a database that has its tables and an account. */
export async function boot() {
  const panel = await Panel.start();
  await panel.makeAccount();
  const times = [];
  for (let run = 0; run < RUNS; run++) {
    await panel.kill('SIGTERM');
    const started = performance.now();
    panel.spawn();
    while ((await status(`${panel.url}/sign-in`)) !== 200) await sleep(1);
    times.push(performance.now() - started);
  }
  await panel.stop();
  report('boot', times);
  return { boot_ms: { value: median(times), unit: 'ms', goal: 300 } };
}

function status(url) {
  return new Promise((resolve) => {
    get(url, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', () => resolve(undefined));
  });
}
