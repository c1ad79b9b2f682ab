// How long a change of a server takes, from the first byte of the call to the last of its answer.

import { Agent, request } from 'node:http';
import { sleep } from '../../support/sleep.js';

const BLOCKS = 12;
const SAVES = 25;
const WARM_UP = 5;
const FIELDS = { name: 'watched', address: '127.0.0.1', port: '1', user: 'root', provider: '', notes: '' };

/** Blocks with nobody who listens and with watchers in turns; returns the times of each block in ms. */
export async function saves(peer, watch, watchers) {
  const editor = new Editor(peer);
  const [alone, watched] = [[], []];
  for (let block = 0; block < BLOCKS; block++) {
    // Each goes first as often as the other.
    const order = block % 2 === 0 ? [aloneBlock, watchedBlock] : [watchedBlock, aloneBlock];
    for (const measure of order) await measure();
  }
  editor.agent.destroy();
  return { alone, watched };

  async function aloneBlock() {
    alone.push(await editor.block());
  }

  async function watchedBlock() {
    const watching = await watch();
    watched.push(await editor.block());
    const heard = await watching.end();
    const least = (SAVES + WARM_UP) * watchers;
    if (!(heard >= least)) throw new Error(`the watchers heard ${heard} of ${least} changes`);
  }
}

class Editor {
  constructor(peer) {
    this.peer = peer;
    this.agent = new Agent({ keepAlive: true, maxSockets: 1 });
    this.shown = FIELDS;
    this.count = 0;
  }

  async block() {
    const times = [];
    for (let save = -WARM_UP; save < SAVES; save++) {
      const time = await this.#save();
      if (save >= 0) times.push(time);
      // All have heard of it by then, and it is out of step with what the panel does by the clock.
      await sleep(30 + Math.random() * 30);
    }
    return times;
  }

  async #save() {
    const fields = { ...FIELDS, notes: `change ${this.count++}` };
    const input = { server_id: this.peer.server, fields, shown: this.shown, host_key: 'keep_pinned' };
    const body = JSON.stringify({ input });
    const started = performance.now();
    const { status, text } = await this.#post('/api/servers/update', body);
    const time = performance.now() - started;
    if (status !== 200 || JSON.parse(text).outcome !== 'saved') throw new Error(`the change was not saved: ${status} ${text}`);
    this.shown = fields;
    return time;
  }

  #post(path, body) {
    const headers = {
      Origin: this.peer.url, Cookie: this.peer.cookie, Accept: 'application/json',
      'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body),
    };
    return new Promise((resolve, reject) => {
      const call = request(this.peer.url + path, { method: 'POST', agent: this.agent, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part) => (text += part));
        response.on('end', () => resolve({ status: response.statusCode, text })).on('error', reject);
      });
      call.on('error', reject).end(body);
    });
  }
}
