// The panel as a peer: with a server that can be watched, and sessions for as many sockets as are wanted.

import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Panel } from '../../support/panel.js';

/** Fewer than one session may have, so that those of a moment ago need not be gone yet. */
const SOCKETS_OF_A_SESSION = 80;
const DAY_MS = 24 * 3_600_000;

/** `binary` is the panel's; with its route for benchmarks where something is to be published. */
export async function panel(binary, subscribers) {
  const panel = await Panel.start({ BROKEFORGE_BINARY: binary });
  const server = await panel.addServer(await panel.makeAccount(), 'watched');
  const user = panel.sql('SELECT id FROM users').trim();
  const tokens = makeSessions(panel, Math.ceil(subscribers / SOCKETS_OF_A_SESSION));
  const file = join(panel.data, 'tokens');
  writeFileSync(file, tokens.join('\n'));
  const address = `127.0.0.1:${panel.port}`;
  return {
    url: panel.url,
    server,
    cookie: `brokeforge_session=${tokens[0]}`,
    args: ['--kind', 'brokeforge', '--address', address, '--server', String(server), '--user', user, '--sessions', file],
    pid: panel.process.pid,
    stop: () => panel.stop(),
  };
}

/** Past the panel, which lets nobody sign in that often; for the sockets they are sessions like any other. */
function makeSessions(panel, count) {
  const tokens = Array.from({ length: count }, () => randomBytes(32).toString('base64url'));
  const now = Date.now();
  const rows = tokens.map((token) => {
    const hash = createHash('sha256').update(token).digest('base64url');
    return `('${hash}', (SELECT id FROM users), '127.0.0.1', 'fanout', ${now}, ${now}, ${now + DAY_MS})`;
  });
  panel.sql(`INSERT INTO sessions (token_hash, user_id, peer, user_agent, created_at, seen_at, expires_at)
             VALUES ${rows.join(', ')}`);
  return tokens;
}
