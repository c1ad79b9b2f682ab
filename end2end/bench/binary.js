import { statSync } from 'node:fs';

/** The size of the one file that is installed. */
export async function binary() {
  const megabytes = statSync(process.env.BROKEFORGE_BINARY).size / 1e6;
  return { binary_mb: { value: megabytes, unit: 'MB', goal: null } };
}
