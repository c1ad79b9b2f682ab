import { get } from 'node:http';
import { hydrated, Panel } from '../support/panel.js';
import { openBrowser, report } from './support.js';

/** What a browser that was never here fetches beside the page itself: program, loader and styles, as sent. */
export async function firstVisit() {
  const panel = await Panel.start();
  const caller = await panel.makeAccount();
  const browser = await openBrowser();
  const context = await browser.newContext({ storageState: await caller.request.storageState() });
  const page = await context.newPage();
  const files = new Set();
  page.on('request', (request) => {
    if (request.url().startsWith(panel.url) && request.method() === 'GET' && !request.isNavigationRequest()) files.add(request.url());
  });
  await page.goto(`${panel.url}/servers`);
  await hydrated(page);
  await page.locator('[data-live="live"]').waitFor();
  await browser.close();
  if (![...files].some((url) => url.endsWith('.wasm'))) throw new Error(`the program is not among ${[...files]}`);
  const sizes = await Promise.all([...files].map(async (url) => [new URL(url).pathname, await bytesSent(url)]));
  await panel.stop();
  for (const [path, bytes] of sizes) report(path, [bytes / 1000]);
  return { first_visit_kb: { value: sizes.reduce((sum, [, bytes]) => sum + bytes, 0) / 1000, unit: 'kB', goal: 290 } };
}

/** The body as it comes over the wire; a browser's own count leaves out what its cache had. */
function bytesSent(url) {
  return new Promise((resolve, reject) => {
    get(url, { headers: { 'Accept-Encoding': 'br' } }, async (response) => {
      if (response.statusCode !== 200 || response.headers['content-encoding'] !== 'br') {
        reject(new Error(`${url}: ${response.statusCode}, encoding ${response.headers['content-encoding']}`));
      }
      let bytes = 0;
      for await (const chunk of response) bytes += chunk.length;
      resolve(bytes);
    }).on('error', reject);
  });
}
