// The line between a page and its panel, to put more onto it than one panel would send in a test.

import { connect, createServer } from 'node:net';

export class Wire {
  /** A port that passes everything on; whoever is to call through it needs its address as the panel's own. */
  static async open() {
    const wire = new Wire();
    wire.sockets = new Set();
    wire.server = createServer((client) => wire.#pass(client));
    await new Promise((resolve) => wire.server.listen(0, '127.0.0.1', resolve));
    wire.url = `http://127.0.0.1:${wire.server.address().port}`;
    return wire;
  }

  /** Where it leads. */
  to(panel) {
    this.port = panel.port;
  }

  #pass(client) {
    const panel = connect(this.port, '127.0.0.1');
    client.once('data', (bytes) => {
      if (!bytes.toString('latin1').startsWith('GET /app/')) return;
      this.sockets.add(client);
      client.once('close', () => this.sockets.delete(client));
    });
    client.pipe(panel).pipe(client);
    for (const [one, other] of [[client, panel], [panel, client]]) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  }

  /** Sends messages as the panel would, all in one go, on every open WebSocket. */
  inject(messages) {
    const frames = Buffer.concat(messages.map((message) => frame(JSON.stringify(message))));
    for (const socket of this.sockets) socket.write(frames);
  }

  close() {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

/** One whole text message of RFC 6455, from a server and so without a mask. */
function frame(text) {
  const bytes = Buffer.from(text);
  const head = bytes.length < 126 ? Buffer.from([0x81, bytes.length]) : Buffer.from([0x81, 126, bytes.length >> 8, bytes.length & 255]);
  return Buffer.concat([head, bytes]);
}
