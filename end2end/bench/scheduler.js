import { createHash } from 'node:crypto';
import { hydrated, Panel } from '../support/panel.js';
import { median, openBrowser, percentile, report, sleep } from './support.js';

const ROUNDS = 5;
const SAMPLES = 100;
const WARM_UP = 10;
const RUNS = 10_000;
const TOKEN = 'a'.repeat(64);

/** Runs of a scheduled task: until an open page shows one that is told of, and until a page of a long history is there. */
export async function scheduler() {
  const browser = await openBrowser();
  const [told, shown] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    const bench = await Bench.start(browser);
    told.push(await bench.toldToPage());
    shown.push(await bench.historyShown());
    await bench.stop();
  }
  await browser.close();
  report('report to page, p50 of each round', told.map(median));
  report('report to page, p99 of each round', told.map((times) => percentile(times, 99)));
  report('page of a task with 10,000 runs, p50 of each round', shown.map(median));
  report('page of a task with 10,000 runs, p99 of each round', shown.map((times) => percentile(times, 99)));
  return {
    report_to_page_ms_p50: { value: median(told.map(median)), unit: 'ms', goal: 100 },
    runs_page_ms_p50: { value: median(shown.map(median)), unit: 'ms', goal: 50 },
  };
}

class Bench {
  static async start(browser) {
    const bench = new Bench();
    bench.panel = await Panel.start();
    bench.caller = await bench.panel.makeAccount();
    bench.server = await bench.panel.addProvisionedServer(bench.caller, 'web-1');
    const { status, body } = await bench.panel.call(bench.caller, 'scheduler/create', {
      server_id: bench.server,
      request_key: 'key-of-a-form',
      task: {
        name: 'Backup', command: 'true', run_as: 'app', frequency: 'hourly', expression: '0 * * * *', timeout: '300',
        overlap: 'skip', notify: true,
      },
    });
    if (status !== 200) throw new Error(`the task was not made: ${JSON.stringify(body)}`);
    bench.task = body;
    while (bench.panel.sql('SELECT status FROM scheduled_tasks').trim() !== 'failed') await sleep(50);
    const hash = createHash('sha256').update(TOKEN).digest('hex');
    bench.panel.sql(`UPDATE scheduled_tasks SET status = 'active', error_log = NULL, token_hash = '${hash}'`);
    bench.context = await browser.newContext({ storageState: await bench.caller.request.storageState() });
    return bench;
  }

  async stop() {
    await this.context.close();
    await this.panel.stop();
  }

  /** From before the server's request to the row in the page, both by the machine's clock. */
  async toldToPage() {
    const page = await this.context.newPage();
    await page.goto(`${this.panel.url}/servers/${this.server}/scheduler/${this.task}`);
    await hydrated(page);
    await page.locator('[data-live="live"]').waitFor();
    await page.evaluate(() => {
      window.seen = {};
      new MutationObserver(() => {
        for (const row of document.querySelectorAll('tr[data-run-id]')) window.seen[row.dataset.runId] ??= Date.now();
      }).observe(document.body, { subtree: true, childList: true });
    });
    const times = [];
    for (let sample = -WARM_UP; sample < SAMPLES; sample++) {
      const started = Date.now();
      const response = await fetch(`${this.panel.url}/scheduler/report`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${TOKEN}` },
        body: `run ${started}-0a1b2c3d running cron ${started} - -\n`,
      });
      if (response.status !== 204) throw new Error(`the report was answered with ${response.status}`);
      const id = this.panel.sql(`SELECT max(id) FROM task_runs`).trim();
      const changed = await page.waitForFunction((id) => window.seen[id], id, { polling: 20 });
      if (sample >= 0) times.push((await changed.jsonValue()) - started);
      await sleep(100 + Math.random() * 100);
    }
    await page.close();
    return times;
  }

  /** A task of so many runs: from the request for its page to the whole answer. */
  async historyShown() {
    this.panel.sql(`
      INSERT INTO task_runs (server_id, task_id, run_key, state, began_by, started_at, output, output_bytes)
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${RUNS})
      SELECT ${this.server}, ${this.task}, CAST(i AS TEXT), 'succeeded', 'cron', i * 60000, 'x', 1 FROM n`);
    const times = [];
    for (let sample = -WARM_UP; sample < SAMPLES; sample++) {
      const started = performance.now();
      const { body } = await this.panel.call(this.caller, 'scheduler/task', { server_id: this.server, task_id: this.task });
      if (body.runs.runs.length !== 25) throw new Error(`the page has ${body.runs.runs.length} runs`);
      if (sample >= 0) times.push(performance.now() - started);
    }
    return times;
  }
}
