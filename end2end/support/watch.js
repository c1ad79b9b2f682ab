// What must never happen on any page, and what a page that only watches must show.

import { expect } from '@playwright/test';

/** Collects console errors, page errors and violations of the content-security policy; `expected` belongs to the test. */
export function watchForTrouble(page, expected = /status of 4\d\d/) {
  const trouble = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !expected.test(message.text())) trouble.push(message.text());
  });
  page.on('pageerror', (error) => trouble.push(String(error)));
  return () => expect(trouble).toEqual([]);
}

/** Marks the document, so that a reload in between would show. */
export async function markDocument(page) {
  await page.evaluate(() => (window.sameDocument = true));
}

export async function expectSameDocument(page) {
  expect(await page.evaluate(() => window.sameDocument)).toBe(true);
}

/** Every refetch followed an event; none came from the slow fallback. */
export async function expectOnlyEventsRefetched(page) {
  const counts = await page.evaluate(() => ({ ...document.documentElement.dataset }));
  expect(Number(counts.fallbackRefetches ?? 0)).toBe(0);
  expect(Number(counts.events)).toBeGreaterThan(0);
  expect(Number(counts.refetches)).toBeLessThanOrEqual(Number(counts.events) + 1);
}
