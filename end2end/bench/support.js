// What measurements share.

import { chromium } from '@playwright/test';
import config from '../playwright.config.js';

export { sleep } from '../support/sleep.js';

/** The browser of the end-to-end tests. */
export const openBrowser = () => chromium.launch(config.use.launchOptions);

export function median(values) {
  return percentile(values, 50);
}

/** The smallest value that `percent` of all values do not exceed; for an even count the lower of the two in the middle. */
export function percentile(values, percent) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)];
}

/** What was measured one by one, for those who read along. */
export function report(name, values) {
  console.error(`    ${name}: ${values.map((value) => Number(value.toFixed(2))).join(' ')}`);
}

