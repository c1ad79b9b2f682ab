// Proves after each cycle that the panel told the truth, by what the server says.

import { linesOf, look } from './server_state.js';

/** Ends of operations for which being killed again and again, or being away for long, is a good reason. */
const SET_ASIDE = /^The panel stopped 3 times/;
const TAKEN_BACK = /so the server took it back/;

/** Finds violations: `{ kind: 'stuck' | 'lost' | 'doubled', seen }`, each once in a run. */
export class Checker {
  constructor(world) {
    this.world = world;
    this.told = new Set();
    this.ends = new Map();
  }

  async check({ requests, moments, isAway, stuck }) {
    this.found = stuck.map((seen) => ({ kind: 'stuck', seen }));
    const { panel, server } = this.world;
    const operations = panel.query('SELECT * FROM operations ORDER BY id');
    for (const request of requests) this.checkAccepted(request);
    this.checkEnds(operations, moments.length, isAway);
    this.checkAudit();
    const state = await look(this.world);
    const shown = await this.world.answered('firewall/show', { server_id: server });
    this.checkRules(shown.rules, state);
    this.checkEffects(operations, state);
    this.checkQuiet(state);
    this.checkOutput(operations, state);
    return this.found.filter(({ seen }) => !this.told.has(seen) && this.told.add(seen));
  }

  violation(kind, seen) {
    this.found.push({ kind, seen });
  }

  /** Accepted means one operation; what was not answered is accepted or not, and nothing in between. */
  checkAccepted({ what, path, input, answer, again, operations, record }) {
    const { panel, lastOperation } = this.world;
    const name = `${what} ${JSON.stringify(input)}`;
    const rows = panel.query(`SELECT id, state FROM operations WHERE id > ${lastOperation} AND ${operations}`);
    const answers = [answer, again].filter((it) => it?.answered);
    const accepted = answers.some(({ status }) => status === 200);
    if (accepted && rows.length === 0) this.violation('lost', `${name} was accepted, and there is no operation`);
    if (rows.length > 1) this.violation('doubled', `${name} made ${rows.length} operations: ${JSON.stringify(rows)}`);
    for (const { status, body } of answers) {
      // The one that was lost had been accepted: now it is under way, or done.
      const isExplained = answers.length === 1 && again && rows.length === 1 && [404, 409].includes(status);
      if (status !== 200 && !isExplained) this.violation('lost', `${name} was answered with ${status}: ${JSON.stringify(body)}`);
    }
    if (what !== 'add') return;
    const records = panel.query(`SELECT id FROM firewall_rules WHERE ${record}`);
    if (records.length !== rows.length) this.violation('lost', `${name} made ${records.length} records and ${rows.length} operations`);
  }

  /** Each operation has ended once, for a reason, and its end stays what it was. */
  checkEnds(operations, kills, isAway) {
    for (const { id, title, state, error, ended_at, lease_until } of operations) {
      const end = `${state} at ${ended_at}`;
      const before = this.ends.get(id);
      if (before !== undefined && before !== end) this.violation('doubled', `operation ${id} (${title}) had ended (${before}), and is ${end}`);
      if (before !== undefined) continue;
      this.ends.set(id, end);
      if (lease_until !== null) this.violation('stuck', `operation ${id} (${title}) is ${state} and has a lease`);
      if (state === 'succeeded') continue;
      const isExplained = (kills >= 3 && SET_ASIDE.test(error)) || (isAway && TAKEN_BACK.test(error));
      if (!isExplained) this.violation('lost', `operation ${id} (${title}) is ${state}: ${error}`);
    }
    const steps = this.world.panel.query(`
      SELECT o.id, s.position, s.status, s.vanished FROM operation_steps s JOIN operations o ON o.id = s.operation_id
      WHERE s.status IN ('waiting', 'running') OR s.vanished > 0 OR (o.state = 'succeeded' AND s.status <> 'succeeded')`);
    for (const step of steps) this.violation('lost', `a step of an operation that has ended: ${JSON.stringify(step)}`);
  }

  /** What was asked for stands in the log of who did what, once. */
  checkAudit() {
    const wrong = this.world.panel.query(`
      SELECT title, count(*) AS operations, (SELECT count(*) FROM audit_entries WHERE sentence = title) AS entries
      FROM operations GROUP BY title HAVING operations <> entries`);
    for (const row of wrong) this.violation(row.operations > row.entries ? 'lost' : 'doubled', `the audit log has another count than the queue: ${JSON.stringify(row)}`);
  }

  /** An active rule is there once, and nothing is there that is no rule of the panel. */
  checkRules(rules, { status, base, kernel }) {
    const counts = new Map();
    for (const line of status) counts.set(line, (counts.get(line) ?? 0) + 1);
    for (const [line, count] of counts) if (count > 1) this.violation('doubled', `ufw has ${count} times: ${line}`);
    for (const rule of rules) {
      for (const line of linesOf(rule)) {
        if (rule.status === 'active' && !counts.has(line)) this.violation('lost', `rule ${rule.id} is active, and ufw does not have: ${line}`);
        counts.delete(line);
      }
    }
    for (const line of counts.keys()) this.violation('lost', `ufw has what is no rule of the panel (any more): ${line}`);
    if (base.length !== 6 || new Set(base).size !== 6) this.violation('lost', `ufw has not the rules of provisioning: ${base}`);
    if (kernel !== status.length + base.length) {
      this.violation('lost', `the kernel has ${kernel} rules, and ufw ${status.length + base.length}`);
    }
  }

  /** Each step has begun once, and each change was made once. */
  checkEffects(operations, { started, changes, installed }) {
    const starts = new Map();
    for (const name of started) {
      const step = name.split('-').slice(0, 2).join('-');
      starts.set(step, [...(starts.get(step) ?? []), name]);
    }
    for (const [step, names] of starts) if (names.length > 1) this.violation('doubled', `step ${step} was begun as ${names}`);
    const made = new Map();
    for (const line of changes.filter(Boolean)) {
      const [, operation, words] = line.match(/^([^- ]+)\S* (.*)$/);
      const list = made.get(operation) ?? made.set(operation, []).get(operation);
      if (list.includes(words)) this.violation('doubled', `operation ${operation} asked twice: ufw ${words}`);
      list.push(words);
    }
    for (const { id, verb, title, state } of operations) {
      const count = made.get(String(id))?.length ?? 0;
      const expected = expectedChanges(verb, title);
      const isRight = state === 'succeeded' ? count === expected : count <= expected;
      if (id > this.world.countsFrom && !isRight) {
        this.violation(count > expected ? 'doubled' : 'lost', `operation ${id} (${title}), which ${state}, made ${count} changes: ${made.get(String(id))}`);
      }
    }
    const seen = new Set();
    for (const name of installed.filter(Boolean)) {
      if (seen.has(name)) this.violation('doubled', `the package ${name} was installed twice`);
      seen.add(name);
    }
  }

  /** Nothing of a step is left, and no change waits for anything. */
  checkQuiet({ units, processes, rollback, folders }) {
    const left = [...units, ...processes, ...rollback.filter((name) => name && name !== 'taken-back')];
    if (left.length > 0) this.violation('stuck', `left on the server: ${left.join(' ')}`);
    const open = folders.filter((line) => line && line.endsWith(' '));
    if (folders.length > 1 || open.length > 0) this.violation('stuck', `step folders on the server: ${folders.join(', ')}`);
  }

  /** What the page shows of the last step is what that printed. */
  checkOutput(operations, { folders, output }) {
    if (folders.length !== 1) return;
    const [, operation, step] = folders[0].match(/\/(\d+)-(\d+)-/);
    // What may be the cause of all the crashes is stopped, and not read once more.
    if (SET_ASIDE.test(operations.find(({ id }) => id === Number(operation))?.error)) return;
    const stored = this.world.panel
      .query(`SELECT text FROM operation_output WHERE operation_id = ${operation} AND step = ${step} ORDER BY id`)
      .map(({ text }) => text).join('').split('\n').filter(Boolean);
    const printed = output.filter((line) => line && !line.startsWith('::'));
    if (stored.join('\n') === printed.join('\n')) return;
    const kind = stored.length > printed.length ? 'doubled' : 'lost';
    this.violation(kind, `output of step ${operation}-${step}\n  on the server: ${JSON.stringify(printed)}\n  in the panel:  ${JSON.stringify(stored)}`);
  }
}

/** How often ufw has to be asked for an operation on a rule: a rule for any protocol is two. */
function expectedChanges(verb, title) {
  if (verb === 'provision') return 0;
  return title.includes('/any') ? 2 : 1;
}
