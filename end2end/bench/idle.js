import { readFileSync } from 'node:fs';
import { hydrated, Panel } from '../support/panel.js';
import { median, openBrowser, report, sleep } from './support.js';

const RUNS = 5;
const SECONDS = 60;

/** Resident memory of the whole panel (pages, socket, workers) with one page open for a minute. Five panels at once. */
export async function idle() {
  const browser = await openBrowser();
  const panels = [];
  for (let run = 0; run < RUNS; run++) {
    const panel = await Panel.start();
    const caller = await panel.makeAccount();
    const context = await browser.newContext({ storageState: await caller.request.storageState() });
    const page = await context.newPage();
    await page.goto(`${panel.url}/servers`);
    await hydrated(page);
    await page.locator('[data-live="live"]').waitFor();
    panels.push(panel);
  }
  await sleep(SECONDS * 1000);
  const sizes = panels.map((panel) => residentMegabytes(panel.process.pid));
  await browser.close();
  for (const panel of panels) await panel.stop();
  report('idle', sizes);
  return { idle_rss_mb: { value: median(sizes), unit: 'MB', goal: 48 } };
}

function residentMegabytes(pid) {
  const [, kibibytes] = readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+) kB/);
  return (Number(kibibytes) * 1024) / 1e6;
}
