// Every page as a picture, at two widths, light and dark. A picture with trouble fails: an error on the console, a
// violation of the content-security policy, something wider than the screen, an axe finding.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { expect } from '@playwright/test';
import { hydrated } from '../support/panel.js';
import { watchForTrouble } from '../support/watch.js';
import { SCREENS } from './table.js';
import { test } from './worlds.js';

const FOLDER = process.env.SCREENSHOTS ?? 'test-results/screenshots';
const WIDTHS = [1280, 390];
const THEMES = ['light', 'dark'];
// A picture of a page is as long as the page; one of what floats is as high as a screen.
const HEIGHT = { 1280: 800, 390: 844 };
const LONGEST = 4000;

for (const screen of SCREENS) {
  test(screen.name, async ({ browser, world }) => {
    const { panel, session, ids } = await world(screen.world);
    const context = await browser.newContext({ storageState: session });
    const page = await context.newPage();
    const noTrouble = watchForTrouble(page, screen.expected);
    await screen.before?.(page);
    await page.goto(panel.url + screen.path(ids));
    await hydrated(page);
    await screen.prepare?.(page, ids);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: HEIGHT[width] });
      for (const theme of THEMES) {
        await page.emulateMedia({ colorScheme: theme });
        await take(page, screen, width, theme);
      }
    }
    noTrouble();
    await context.close();
  });
}

test('every route of the app has a picture', () => {
  const map = readFileSync(new URL('../../app/src/lib.rs', import.meta.url), 'utf8');
  const routes = routesOf(map);
  expect(routes.length).toBeGreaterThan(5);
  const pictured = new Set(SCREENS.map((screen) => screen.route));
  expect(routes.filter((route) => !pictured.has(route))).toEqual([]);
});

/** The routes of the map, each with the paths of those around it. One whose view is written in place only leads on. */
function routesOf(map) {
  const around = [];
  const routes = [];
  for (const [tag, kind, path] of map.matchAll(/<(ParentRoute|Route)\s+path=path!\("([^"]*)"\)\s+view=\w|<\/ParentRoute>/g)) {
    if (tag === '</ParentRoute>') around.pop();
    else if (kind === 'ParentRoute') around.push(path);
    else routes.push([...around, path].join(''));
  }
  return routes;
}

async function take(page, screen, width, theme) {
  const name = `${screen.name}-${width}-${theme}`;
  const { length, overflow } = await page.evaluate(() => ({
    length: document.documentElement.scrollHeight,
    overflow: document.documentElement.scrollWidth - window.innerWidth,
  }));
  if (!screen.floats) {
    await page.setViewportSize({ width, height: Math.min(Math.max(length, HEIGHT[width]), LONGEST) });
  }
  // Output follows its end; a change of width in the middle of it is ours.
  await page.evaluate(() => document.querySelectorAll('.output').forEach((output) => (output.scrollTop = output.scrollHeight)));
  await page.screenshot({ path: join(FOLDER, `${name}.png`), animations: 'disabled', caret: 'initial' });
  // Our pages have no frames, for which alone the other mode opens a page of its own each time.
  const axe = new AxeBuilder({ page }).setLegacyMode();
  // Only colours differ from theme to theme: all rules once for each width.
  if ((theme === 'dark') !== (width === 390)) axe.withRules('color-contrast');
  const { violations } = await axe.analyze();
  expect.soft(violations.map((violation) => `${violation.id}: ${violation.nodes[0].html}`), name).toEqual([]);
  expect.soft(overflow, `${name} is wider than the screen`).toBeLessThanOrEqual(0);
}
