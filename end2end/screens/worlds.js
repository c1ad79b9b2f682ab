// The panels that pictures are taken of. Each is made when the first picture asks for it.

import { test as base } from '@playwright/test';
import { ACCOUNT, Panel } from '../support/panel.js';
import { buildFleet } from './fleet.js';

const WORLDS = {
  /** No account yet. */
  untouched: async () => ({ panel: await Panel.start(), ids: {} }),
  /** An account, and nobody is signed in. */
  signedOut: async () => ({ ...(await withAccount()), session: undefined }),
  /** Signed in, no server yet. */
  empty: () => withAccount(),
  /** Signed in, servers in every status. */
  fleet: () => withAccount(buildFleet),
};

export const test = base.extend({
  world: [
    async ({}, use) => {
      const made = {};
      await use((name) => (made[name] ??= WORLDS[name]()));
      for (const world of Object.values(made)) await world.then(({ panel }) => panel.stop());
    },
    { scope: 'worker' },
  ],
});

async function withAccount(fill = () => ({})) {
  const panel = await Panel.start();
  const caller = await panel.makeAccount({ ...ACCOUNT, name: 'Ada Wong' });
  const ids = await fill(panel, caller);
  return { panel, ids, session: await caller.request.storageState() };
}
