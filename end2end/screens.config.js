// The suite that looks at every page: script/screenshots.

import base from './playwright.config.js';

export default {
  ...base,
  testDir: 'screens',
  timeout: 240_000,
  use: { ...base.use, trace: 'off', deviceScaleFactor: 1 },
};
