import { existsSync } from 'node:fs';
import { defineConfig, devices } from '@playwright/test';

// A browser that is there already is taken before one that Playwright would download.
const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);

export default defineConfig({
  testDir: 'specs',
  outputDir: 'test-results',
  globalSetup: './support/network.js',
  // Every spec brings its own panel, database and host, and waits for them more than it computes.
  workers: 2,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  use: {
    ...devices['Desktop Chrome'],
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: chromium,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
