// A peer that is a process of its own: started for one measurement, on a free port of this machine, and ended by its id.

import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { sleep } from '../../support/sleep.js';

export class Process {
  /** Waits until something listens on the port. */
  static async start(command, args, port) {
    const started = new Process();
    started.address = `127.0.0.1:${port}`;
    started.output = '';
    started.process = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    started.process.stderr.on('data', (bytes) => (started.output += bytes));
    started.process.on('error', (error) => (started.output += error));
    for (let attempt = 0; attempt < 100; attempt++) {
      if (started.#isOver()) break;
      if (await opens(port)) return started;
      await sleep(50);
    }
    await started.stop();
    throw new Error(`${command} does not answer:\n${started.output}`);
  }

  get pid() {
    return this.process.pid;
  }

  async stop() {
    if (this.#isOver()) return;
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    await ended;
  }

  #isOver() {
    return this.pid === undefined || this.process.exitCode !== null || this.process.signalCode !== null;
  }
}

function opens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
