import { measure, watch } from './peers/fanout.js';
import { nchan, raw, socketio } from './peers/others.js';
import { panel } from './peers/panel.js';
import { saves } from './peers/saves.js';
import { median, report } from './support.js';

const ROUNDS = 5;
const SUBSCRIBERS = 1000;
const LOAD = { subscribers: SUBSCRIBERS, rate: 20, 'warm-up': 20, events: 200, burst: 200 };
const MANY = { subscribers: 10_000, rate: 4, 'warm-up': 4, events: 20, burst: 20 };

/** What it costs and how long it takes that an event reaches those who listen, beside others whose trade that is. */
export async function realtime() {
  return { ...(await compared()), ...(await many()), ...(await saving()) };
}

/** The peers take turns, each round in another order, so that whatever else the machine does hits all of them. */
async function compared() {
  const ours = () => panel(process.env.BROKEFORGE_BENCH_BINARY, SUBSCRIBERS);
  const peers = Object.entries({ raw, nchan, socketio, panel: ours });
  const results = Object.fromEntries(peers.map(([name]) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    const turn = round % peers.length;
    for (const [name, start] of [...peers.slice(turn), ...peers.slice(0, turn)]) {
      results[name].push(await measure(await start(), LOAD));
    }
  }

  /** The median of each peer's rounds. */
  const medians = (what, read) => {
    const values = Object.entries(results).map(([name, rounds]) => [name, rounds.map(read)]);
    for (const [name, rounds] of values) report(`${what}, ${name}`, rounds);
    return Object.fromEntries(values.map(([name, rounds]) => [name, median(rounds)]));
  };
  const cpu = medians('us of CPU for a delivery', (result) => result.paced.cpu_us_per_delivery);
  const p50 = medians('p50 (ms)', (result) => result.paced.p50_ms);
  const p99 = medians('p99 (ms)', (result) => result.paced.p99_ms);
  const publish = medians('the answer to who publishes, p50 (ms)', (result) => result.paced.publish_ms_p50);
  const burst = medians('burst: deliveries in a second', (result) => result.burst.deliveries_per_s);
  const burstCpu = medians('burst: us of CPU for a delivery', (result) => result.burst.cpu_us_per_delivery);
  const memory = medians('memory of a socket (kB)', (result) => result.kb_per_subscriber);
  medians('lost or doubled', missing);
  return {
    realtime_cpu_us: { value: cpu.panel, unit: 'us/delivery', goal: null },
    realtime_cpu_to_rawfan: { value: cpu.panel / cpu.raw, unit: 'ratio', goal: 2 },
    realtime_cpu_to_nchan: { value: cpu.panel / cpu.nchan, unit: 'ratio', goal: null },
    realtime_cpu_to_socketio: { value: cpu.panel / cpu.socketio, unit: 'ratio', goal: 0.6 },
    realtime_p50_ms: { value: p50.panel, unit: 'ms', goal: null },
    realtime_p50_to_socketio: { value: p50.panel / p50.socketio, unit: 'ratio', goal: 0.6 },
    realtime_p99_ms: { value: p99.panel, unit: 'ms', goal: null },
    realtime_p99_to_socketio: { value: p99.panel / p99.socketio, unit: 'ratio', goal: 0.7 },
    realtime_burst_per_s: { value: burst.panel, unit: 'deliveries/s', goal: null, better: 'higher' },
    realtime_burst_to_rawfan: { value: burst.panel / burst.raw, unit: 'ratio', goal: 1, better: 'higher' },
    realtime_burst_cpu_us: { value: burstCpu.panel, unit: 'us/delivery', goal: null },
    realtime_kb_per_socket: { value: memory.panel, unit: 'kB', goal: null },
    realtime_publish_ms_p50: { value: publish.panel, unit: 'ms', goal: null },
    realtime_lost: { value: results.panel.map(missing).reduce((sum, count) => sum + count, 0), unit: 'deliveries', goal: 0 },
  };
}

async function many() {
  const peer = await panel(process.env.BROKEFORGE_BENCH_BINARY, MANY.subscribers);
  const result = await measure(peer, MANY);
  report('10,000 subscribers: p50, p99, longest (ms)', [result.paced.p50_ms, result.paced.p99_ms, result.paced.max_ms]);
  report('10,000 subscribers: subscribed in a second', [result.subscribed_per_s]);
  return {
    realtime_10k_lost: { value: missing(result), unit: 'deliveries', goal: 0 },
    realtime_10k_kb_per_socket: { value: result.kb_per_subscriber, unit: 'kB', goal: 10 },
  };
}

/** The panel that is given to users, while nobody and while many listen. */
async function saving() {
  const peer = await panel(process.env.BROKEFORGE_BINARY, SUBSCRIBERS);
  try {
    const { alone, watched } = await saves(peer, () => watch(peer, SUBSCRIBERS), SUBSCRIBERS);
    const [without, among] = [alone.map(median), watched.map(median)];
    report('a save, median of each block, nobody listens (ms)', without);
    report('a save, median of each block, 1,000 listen (ms)', among);
    // Block by block: from one minute to the next, the disk alone makes more of a difference.
    const slowed = among.map((time, block) => time - without[block]);
    return {
      realtime_save_ms_p50: { value: median(among), unit: 'ms', goal: null },
      realtime_save_slowed_ms: { value: median(slowed), unit: 'ms', goal: 0.5 },
    };
  } finally {
    await peer.stop();
  }
}

/** What came twice is as wrong as what did not come. */
function missing({ warm_up, paced, burst }) {
  return [warm_up, paced, burst].reduce((sum, { lost, doubled }) => sum + lost + doubled, 0);
}
