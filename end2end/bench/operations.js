import { readFileSync, writeFileSync } from 'node:fs';
import { Host } from '../support/host.js';
import { Panel } from '../support/panel.js';
import { median, report, sleep } from './support.js';

const SESSIONS = 100;
const LINES = 2000;
const FIRST_PORT = 2201;
const SAMPLES = 50;
/** As in the script below. */
const GIGABYTE = 1_000_000_000;

/**
 * In front of the real apt-get, so that a step of provisioning prints what is measured, and fails. What it does
 * stands in /run/mode.
 */
const APT_GET = `#!/usr/bin/perl
$| = 1;
open my $file, '<', '/run/mode' or exit 100;
my $mode = <$file>;
if ($mode =~ /stream/) {
    open my $here, '>', "/run/waiting/$$";
    select undef, undef, undef, 0.05 until -e '/run/go';
    for my $line (1 .. ${LINES}) {
        printf "line %06d of a stream that says nothing but which line it is\\n", $line;
        select undef, undef, undef, 0.1 if $line % 10 == 0;
    }
} elsif ($mode =~ /gigabyte/) {
    my $text = ('x' x 99 . "\\n") x 1000;
    print $text for 1 .. ${GIGABYTE / 100_000};
}
exit 100;
`;

/** What a hacked server does with each session: it prints a gigabyte, and says that it has done the work. */
const FLOOD = `#!/usr/bin/perl
my $text = ('x' x 99 . "\\n") x 1000;
print $text for 1 .. ${GIGABYTE / 100_000};
`;

/** Remote work of the real panel on a real host that is as many servers as it has ports of sshd. */
export async function operations() {
  const bench = new Bench();
  try {
    await bench.start();
    return {
      ...(await bench.latency()),
      ...(await bench.sessions()),
      ...(await bench.gigabyte('operation_1gb_growth_mib', bench.servers[0])),
      ...(await bench.gigabyte('hostile_1gb_growth_mib', bench.hostile)),
    };
  } finally {
    await bench.stop();
  }
}

class Bench {
  async start() {
    [this.panel, this.host] = await Promise.all([Panel.start(), Host.start('bench')]);
    this.caller = await this.panel.makeAccount();
    await this.write('/usr/local/sbin/apt-get', APT_GET);
    await this.write('/usr/local/sbin/flood', FLOOD);
    const ports = Array.from({ length: SESSIONS }, (_, index) => FIRST_PORT + index);
    const sshd = (port, options) => `systemd-run --quiet --unit=sshd-${port} /usr/sbin/sshd -D -p ${port} -o PidFile=none ${options}`;
    await this.host.sh(`for port in ${ports.join(' ')}; do ${sshd('$port', '-o LogLevel=VERBOSE')}; done`);
    const [type, key] = (await this.host.sh('cat /etc/ssh/ssh_host_ed25519_key.pub')).split(' ');
    this.servers = [];
    for (const port of ports) this.servers.push(await this.add(port, `${type} ${key}`));
    const hostilePort = FIRST_PORT + SESSIONS;
    await this.host.sh(sshd(hostilePort, ''));
    this.hostile = await this.add(hostilePort, `${type} ${key}`);
    await this.host.sh(`systemctl stop sshd-${hostilePort}; ${sshd(hostilePort, '-o ForceCommand=/usr/local/sbin/flood')}`);
  }

  async stop() {
    await this.panel?.stop();
    await this.host?.destroy();
  }

  async write(path, script) {
    await this.host.sh(`cat >${path} <<'END'\n${script}END\nchmod 755 ${path}`);
  }

  async add(port, host_key) {
    const way = { address: this.host.address, port: String(port) };
    const server_id = await this.answered('servers/create', { ...way, name: `port-${port}`, user: 'root', host_key });
    const { authorize_command } = await this.answered('servers/show', { server_id });
    await this.host.sh(authorize_command);
    // More looks a minute than a user has: a panel that starts again counts anew.
    if (port % 50 === 0) await this.restart();
    await this.answered('servers/check', { server_id });
    return server_id;
  }

  async restart() {
    await this.panel.kill('SIGTERM');
    await this.panel.boot();
  }

  async answered(path, input) {
    const { status, body } = await this.panel.call(this.caller, path, input);
    if (status !== 200) throw new Error(`${path} answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  provision(server_id) {
    return this.answered('servers/provision', { server_id });
  }

  async ended() {
    while (Number(this.panel.sql(`SELECT count(*) FROM operations WHERE state IN ('queued', 'running')`)) > 0) await sleep(200);
  }

  /** From the request's own time to the beginning of its first step, one operation after the other. */
  async latency() {
    await this.host.sh('rm -f /run/mode');
    const times = [];
    for (let sample = 0; sample < SAMPLES; sample++) {
      const operation = await this.provision(this.servers[sample]);
      await this.ended();
      times.push(Number(this.panel.sql(`
        SELECT s.started_at - o.created_at FROM operations o JOIN operation_steps s ON s.operation_id = o.id
        WHERE o.id = ${operation} AND s.position = 0`)));
    }
    report('claim to start', times);
    return { claim_to_start_ms_p50: { value: median(times), unit: 'ms', goal: 20 } };
  }

  /** All servers stream at once. */
  async sessions() {
    await this.host.sh('rm -f /run/go; mkdir -p /run/waiting');
    const growth = await this.grows('stream', async () => {
      const operations = [];
      // One after the other, over one connection: a hundred of HTTP would be counted as well.
      for (const server of this.servers) operations.push(await this.provision(server));
      while (Number(await this.host.sh('ls /run/waiting | wc -l')) < SESSIONS) await sleep(500);
      await this.host.sh(': >/run/go');
      await this.ended();
      this.streams = operations;
    });
    const wrong = this.streams.map((operation) => this.wrongLines(operation));
    return {
      sessions_growth_mb: { value: growth / 1e6, unit: 'MB', goal: 15 },
      sessions_lines_lost: { value: wrong.reduce((sum, count) => sum + count, 0), unit: 'lines', goal: 0 },
      sessions_handshakes: { value: await this.handshakes(), unit: 'per server', goal: 8 },
    };
  }

  /** Lines that are missing, out of place or there twice. */
  wrongLines(operation) {
    const rows = this.panel.query(`SELECT text FROM operation_output WHERE operation_id = ${operation} ORDER BY id`);
    const lines = [...rows.map(({ text }) => text).join('').matchAll(/^line (\d+) /gm)].map(([, line]) => Number(line));
    const right = lines.filter((line, index) => line === index + 1).length;
    return LINES - right + Math.max(0, lines.length - LINES);
  }

  /** The most logins to one sshd that were under way at once, by what each sshd wrote down. */
  async handshakes() {
    const journal = await this.host.sh(`journalctl -q -o json --output-fields=MESSAGE -t sshd | grep -E 'Connection from|Accepted publickey'`);
    const [under, ports] = [new Map(), new Map()];
    let most = 0;
    for (const { MESSAGE: message } of journal.trim().split('\n').map((line) => JSON.parse(line))) {
      const begun = message.match(/^Connection from \S+ port (\d+) on \S+ port (\d+)/);
      if (begun) {
        const [, from, port] = begun;
        ports.set(from, port);
        under.set(port, (under.get(port) ?? 0) + 1);
        most = Math.max(most, under.get(port));
        continue;
      }
      const [, from] = message.match(/ from \S+ port (\d+) /);
      const port = ports.get(from);
      if (port) under.set(port, under.get(port) - 1);
    }
    return most;
  }

  async gigabyte(figure, server) {
    const growth = await this.grows('gigabyte', async () => {
      await this.provision(server);
      await this.ended();
    });
    return { [figure]: { value: growth / 1024 ** 2, unit: 'MiB', goal: 32 } };
  }

  /** By how many bytes the panel's memory is larger at its largest than after the first operation since its start. */
  async grows(mode, work) {
    await this.restart();
    await this.answered('servers/list', {});
    // So that the program is in memory: it is read from its file as it is needed.
    await this.host.sh('rm -f /run/mode');
    await this.provision(this.servers[0]);
    await this.ended();
    await this.host.sh(`echo ${mode} >/run/mode`);
    await sleep(3000);
    const { pid } = this.panel.process;
    const before = memory(pid, 'VmRSS');
    // The mark of the largest size begins anew.
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    await work();
    const after = memory(pid, 'VmHWM');
    report('resident before, at most, at the end (MB)', [before, after, memory(pid, 'VmRSS')].map((bytes) => bytes / 1e6));
    return after - before;
  }
}

function memory(pid, field) {
  return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`${field}:\\s+(\\d+) kB`))[1]) * 1024;
}
