// Keeps the network of the hosts up for the whole run: a browser aborts its requests whenever an address comes or goes,
// and it would with the first and the last host of every spec.

import { Host } from './host.js';

export default async function holdTheNetwork() {
  if (!process.env.BROKEFORGE_HOSTS) return undefined;
  const host = await Host.start('network');
  return () => host.destroy();
}
