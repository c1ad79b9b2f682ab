// One call of the panel, whose answer may get lost.

import { request } from 'node:http';

/**
 * Calls a server function over a connection of its own. Without an answer the caller knows nothing:
 * `answered` is false then, and `sent` says whether the request left at all. `onSent` hears of that moment.
 */
export function call(panel, cookie, path, input, onSent = () => {}) {
  return new Promise((resolve) => {
    let sent = false;
    const lost = () => resolve({ answered: false, sent });
    const out = request(`${panel.url}/api/${path}`, {
      method: 'POST',
      agent: false,
      headers: { Origin: panel.url, Cookie: cookie, Accept: 'application/json', 'Content-Type': 'application/json' },
    });
    out.on('error', lost);
    out.on('finish', () => {
      sent = true;
      onSent();
    });
    out.on('response', async (response) => {
      try {
        let text = '';
        for await (const bytes of response) text += bytes;
        resolve({ answered: true, sent, status: response.statusCode, body: JSON.parse(text) });
      } catch {
        lost();
      }
    });
    out.end(JSON.stringify({ input }));
  });
}
