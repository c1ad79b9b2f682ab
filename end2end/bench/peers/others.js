// What the panel is compared with. Each is started anew for each measurement, and does nothing but hand on what is published.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROGRAM } from '../../support/nginx.js';
import { freePort } from '../../support/panel.js';
import { Process } from './process.js';

/** The bound: one thread and one write(2) for each delivery. */
export async function raw() {
  const port = await freePort();
  const started = await Process.start(process.env.BROKEFORGE_FANOUT, ['rawfan', '--listen', `127.0.0.1:${port}`], port);
  return peer('raw', started);
}

export async function socketio() {
  const port = await freePort();
  const server = fileURLToPath(new URL('socketio_server.js', import.meta.url));
  return peer('socketio', await Process.start(process.execPath, [server, String(port)], port));
}

/** A module of nginx that is written in C, with one worker. */
export async function nchan() {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'brokeforge-nchan-'));
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configuration(folder, port));
  const started = await Process.start(PROGRAM, ['-c', file], port);
  return peer('nchan', started, () => rmSync(folder, { recursive: true, force: true }));
}

function peer(kind, started, tidyUp = () => {}) {
  return {
    args: ['--kind', kind, '--address', started.address],
    pid: started.pid,
    async stop() {
      await started.stop();
      tidyUp();
    },
  };
}

function configuration(folder, port) {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
    load_module ${process.env.BROKEFORGE_NCHAN};
    ${process.getuid() === 0 ? 'user root;' : ''}
    daemon off;
    worker_processes 1;
    worker_rlimit_nofile 4096;
    pid ${folder}/nginx.pid;
    error_log stderr warn;
    events { worker_connections 4096; }
    http {
      access_log off;
      keepalive_requests 100000;
      ${kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join('\n      ')}
      server {
        listen 127.0.0.1:${port};
        location = /subscribe { nchan_subscriber websocket; nchan_channel_id servers; nchan_subscriber_first_message newest; }
        location = /publish { nchan_publisher http; nchan_channel_id servers; nchan_store_messages off; }
      }
    }
  `;
}
