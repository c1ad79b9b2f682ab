// Fills a panel with servers, operations and rules in every status. Nothing listens at their addresses: what a page
// shows of a server stands in the database, and is written there past the panel.

import { HOST_KEY, OTHER_HOST_KEY } from '../support/panel.js';
import { DIAGNOSIS, DISK_IS_FULL, INSTALLED, INSTALLING, PROGRAMS, RULES, SCHEDULERS, SERVERS, TASKS, summaries } from './data.js';

const MINUTE = 60_000;

/** Returns the ids that the addresses of pages are made of: `servers`, `tasks` and `programs` by name, `operations` by how they ended. */
export async function buildFleet(panel, caller) {
  const servers = await addServers(panel, caller);
  const operations = {};
  operations.failed = await provisionInVain(panel, caller, servers['web-4']);
  operations.done = copyProvisioning(panel, operations.failed, servers['web-1'], 'web-1', 42 * MINUTE);
  operations.running = copyProvisioning(panel, operations.failed, servers['web-3'], 'web-3', 73_000);
  stopAt(panel, operations.done, 'web-1', 'Verify', 'succeeded');
  stopAt(panel, operations.running, 'web-3', 'PHP', 'running', INSTALLING);
  stopAt(panel, operations.failed, 'web-4', 'PHP', 'failed', DISK_IS_FULL);
  operations.rule = addRules(panel, servers['web-1']);
  const tasks = addTasks(panel, servers['web-1']);
  const programs = addPrograms(panel, servers['web-1']);
  waitInLine(panel, servers['web-7']);
  setStatuses(panel, servers);
  addSchedulers(panel, servers);
  panel.sql(`UPDATE servers SET time_zone = 'Europe/Berlin', scheduler_running = 1 WHERE id = ${servers['web-1']}`);
  return { servers, operations, tasks, programs };
}

async function addServers(panel, caller) {
  const ids = {};
  for (const { name, user, address, port } of SERVERS) {
    // Work on this one must fail at once and for real; it gets its own address back with its status.
    const at = name === 'web-4' ? { address: '127.0.0.1', port: '1' } : { address, port: String(port) };
    const { status, body } = await panel.call(caller, 'servers/create', { name, user, ...at, host_key: HOST_KEY });
    if (status !== 200) throw new Error(`${name} was not added: ${JSON.stringify(body)}`);
    ids[name] = body;
  }
  return ids;
}

/** A real provisioning, for its steps and their scripts are the real ones; it fails at the first. */
async function provisionInVain(panel, caller, server) {
  panel.sql(`UPDATE servers SET connection = 'connected' WHERE id = ${server}`);
  const { body: operation } = await panel.call(caller, 'servers/provision', { server_id: server });
  for (let attempt = 0; attempt < 300; attempt++) {
    if (panel.sql(`SELECT state FROM operations WHERE id = ${operation}`) === 'failed') return operation;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('a provisioning of port 1 has not failed within 30 s');
}

function copyProvisioning(panel, template, server, name, ago) {
  const at = Date.now() - ago;
  const operation = panel.sql(`
    INSERT INTO operations (server_id, verb, title, requested_by, state, fence, created_at, started_at)
    SELECT ${server}, verb, 'Provision ${name}', requested_by, state, fence, ${at}, ${at} FROM operations WHERE id = ${template};
    SELECT last_insert_rowid()`);
  panel.sql(`
    INSERT INTO operation_steps (operation_id, position, title, script, status)
    SELECT ${operation}, position, title, script, status FROM operation_steps WHERE operation_id = ${template}`);
  return Number(operation);
}

/** Gives an operation a past: every step before `title` has succeeded, this one is where it stands. */
function stopAt(panel, operation, server, title, state, output) {
  const steps = JSON.parse(panel.sql(`SELECT json_group_array(title) FROM (SELECT title FROM operation_steps WHERE operation_id = ${operation} ORDER BY position)`));
  const last = steps.indexOf(title);
  if (last < 0) throw new Error(`a provisioning has no step ${title}, but ${steps}`);
  const started = Number(panel.sql(`SELECT started_at FROM operations WHERE id = ${operation}`));
  const isOver = state !== 'running';
  let at = started;
  const statements = steps.map((step, position) => {
    const status = position < last ? 'succeeded' : position === last ? state : isOver ? 'skipped' : 'waiting';
    const begun = at;
    if (position <= last) at += 400 + 2_900 * (position % 4);
    return `UPDATE operation_steps SET status = '${status}',
      started_at = ${position <= last ? begun : null}, ended_at = ${position < last || (position === last && isOver) ? at : null},
      summary = ${status === 'succeeded' ? text(summaries(server)[step] ?? null) : null},
      exit = ${status === 'failed' ? `'exit code 100'` : null},
      diagnosis = ${status === 'failed' ? text(JSON.stringify(DIAGNOSIS)) : null}
      WHERE operation_id = ${operation} AND position = ${position}`;
  });
  if (output) statements.push(`INSERT INTO operation_output (operation_id, step, text) VALUES (${operation}, ${last}, ${text(output)})`);
  const error = state === 'failed' ? `${title}: ${DIAGNOSIS.sentence} ${DIAGNOSIS.action}` : null;
  statements.push(`UPDATE operations SET state = '${state}', error = ${text(error)}, ended_at = ${isOver ? at : null},
    ${lease(isOver)} WHERE id = ${operation}`);
  panel.sql(statements.join(';\n'));
}

/** Rules of one server, each with its operation. One is under way and held by a worker that lives; others wait for it. */
function addRules(panel, server) {
  const now = Date.now();
  let failed;
  RULES.forEach(({ name, port, protocol, source, action, status, error }, place) => {
    const at = now - (RULES.length - place) * 7 * MINUTE;
    const verb = status === 'removing' ? 'remove' : 'install';
    const state = { active: 'succeeded', paused: 'succeeded', failed: 'failed', installing: 'running', pending: 'queued', removing: 'queued' }[status];
    const title = `${verb === 'remove' ? 'Remove' : 'Add'} firewall rule ${name} (${port}/${protocol})`;
    const isOver = state === 'succeeded' || state === 'failed';
    const operation = panel.sql(`
      INSERT INTO firewall_rules (server_id, name, port, protocol, source, action, status, error_log, request_key, created_at, updated_at)
      VALUES (${server}, '${name}', '${port}', '${protocol}', '${source}', '${action}', '${status}', ${text(error ?? null)}, 'picture-${place}', ${at}, ${at});
      INSERT INTO operations (server_id, verb, resource_kind, resource_id, title, requested_by, state, error, fence, created_at, started_at, ended_at)
      VALUES (${server}, '${verb}', 'firewall_rule', last_insert_rowid(), '${title}', 1, '${state}', ${text(error ?? null)}, 1, ${at},
        ${state === 'queued' ? null : at}, ${isOver ? at + 1_800 : null});
      SELECT last_insert_rowid()`);
    panel.sql(`
      UPDATE operations SET ${lease(isOver || state === 'queued')} WHERE id = ${operation};
      INSERT INTO operation_steps (operation_id, position, title, script, status, exit, started_at, ended_at)
      VALUES (${operation}, 0, '${verb === 'remove' ? 'Remove' : 'Add'} the rule', '',
        '${state === 'queued' ? 'waiting' : state}', null, ${state === 'queued' ? null : at}, ${isOver ? at + 1_800 : null});
      INSERT INTO audit_entries (at, user_id, actor, server_id, topic, sentence) VALUES (${at}, 1, 'Ada Wong', ${server}, 'firewall', '${title}')`);
    if (state === 'failed') failed = Number(operation);
  });
  return failed;
}

/** Tasks of one server with a past: a run a day, newest first. */
function addTasks(panel, server) {
  const now = Date.now();
  const ids = {};
  TASKS.forEach(({ name, command, expression, status, user, error, runs = [], missed }, place) => {
    const at = now - (TASKS.length - place) * 9 * MINUTE;
    const id = panel.sql(`
      INSERT INTO scheduled_tasks (server_id, name, command, run_as, frequency, expression, timeout, overlap, notify, status, paused,
        error_log, request_key, handle, active_since, missed_at, last_success_at, created_at, updated_at)
      VALUES (${server}, ${text(name)}, ${text(command)}, '${user}', 'custom', '${expression}', 300, 'skip', 1, '${status}',
        ${status === 'paused' ? 1 : 0}, ${text(error ?? null)}, 'picture-${place}', '000000000000000${place}', ${at},
        ${missed ? now - missed * MINUTE : null}, ${runs.includes('succeeded') ? now - 5 * 60 * MINUTE : null}, ${at}, ${at});
      SELECT last_insert_rowid()`);
    ids[name] = Number(id);
    runs.forEach((state, back) => {
      const started = now - (back * 24 + 5) * 60 * MINUTE;
      const code = { succeeded: 0, failed: 2, timed_out: 124 }[state] ?? null;
      const output = state === 'skipped' ? '' : 'Dumped 41 tables.\n\u001b[0;33mwarning: 2 tables were locked\u001b[0m\n';
      panel.sql(`
        INSERT INTO task_runs (server_id, task_id, run_key, state, began_by, started_at, ended_at, exit_code, output, output_bytes)
        VALUES (${server}, ${id}, '${started}-0a1b2c3d', '${state}', '${back === 1 ? 'panel' : 'cron'}', ${started}, ${started + 38_000},
          ${code}, ${text(output)}, ${output.length})`);
    });
  });
  panel.sql(`INSERT INTO audit_entries (at, user_id, actor, server_id, topic, sentence)
    VALUES (${now - 12 * MINUTE}, NULL, 'the panel', ${server}, 'scheduler', 'Scheduled task Nightly backup failed: exit code 2')`);
  return ids;
}

/** Programs of one server, with their processes as they were seen last. */
function addPrograms(panel, server) {
  const now = Date.now();
  const ids = {};
  PROGRAMS.forEach(({ name, command, directory, status, user, error, variables = [], processes }, place) => {
    const at = now - (PROGRAMS.length - place) * 11 * MINUTE;
    const id = panel.sql(`
      INSERT INTO programs (server_id, name, command, directory, run_as, processes, auto_restart, stop_signal, stop_wait, variables,
        sealed_environment, status, stopped, error_log, request_key, handle, installed, created_at, updated_at)
      VALUES (${server}, ${text(name)}, ${text(command)}, ${text(directory)}, '${user}', ${Math.max(processes.length, 1)}, 1, 'TERM', 10,
        ${text(variables.join('\n'))}, '', '${status}', ${status === 'paused' ? 1 : 0}, ${text(error ?? null)}, 'picture-${place}',
        '000000000000000${place}', 0, ${at}, ${at});
      SELECT last_insert_rowid()`);
    ids[name] = Number(id);
    processes.forEach(([state, pid, restarts, end], number) => panel.sql(`
      INSERT INTO program_processes (server_id, program_id, number, state, pid, started_at, restarts, last_end, last_end_at)
      VALUES (${server}, ${id}, ${number + 1}, '${state}', ${pid}, ${pid && now - (restarts ? 3 : 300) * MINUTE}, ${restarts}, ${text(end)},
        ${end && now - 3 * MINUTE - 2_000})`));
  });
  panel.sql(`INSERT INTO audit_entries (at, user_id, actor, server_id, topic, sentence)
    VALUES (${now - 3 * MINUTE}, NULL, 'the panel', ${server}, 'programs',
      'Background program WebSocket server does not stay up and is not started again: process 1, exit code 1')`);
  return ids;
}

/** A queued provisioning stays queued while other work has the server's one lane. */
function waitInLine(panel, server) {
  const now = Date.now();
  panel.sql(`
    INSERT INTO operations (server_id, verb, title, requested_by, state, fence, created_at, started_at, lease_owner, lease_until)
    VALUES (${server}, 'provision', 'Provision web-7', 1, 'running', 1, ${now - 4_000}, ${now - 3_000}, 'picture', ${now + 3_600_000});
    INSERT INTO operations (server_id, verb, title, requested_by, state, fence, created_at)
    VALUES (${server}, 'provision', 'Provision web-7', 1, 'queued', 0, ${now - 2_000})`);
}

function setStatuses(panel, ids) {
  const now = Date.now();
  panel.sql(SERVERS.map(({ name, address, port, os, connection, error, found, provision, changed }) => {
    const hasFirewall = provision === 'active' ? 1 : null;
    const at = now - changed * MINUTE;
    return `UPDATE servers SET address = '${address}', port = ${port}, os = ${text(os)},
      connection = '${connection}', connection_error = ${text(error ?? null)},
      found_host_key = ${text(found ? OTHER_HOST_KEY : null)}, connection_checked_at = ${now - 90_000},
      provision_status = ${text(provision)}, firewall_installed = ${hasFirewall}, firewall_enabled = ${hasFirewall},
      php_offered = ${connection === 'connected' ? `'8.2'` : null}, installed = ${text(hasFirewall && JSON.stringify(INSTALLED))},
      created_at = ${at - 20 * 24 * 60 * MINUTE}, updated_at = ${at} WHERE id = ${ids[name]}`;
  }).join(';\n'));
}

/** Each provisioned server has a scheduler that is active, but for some. */
function addSchedulers(panel, ids) {
  const now = Date.now();
  for (const { name, provision, changed } of SERVERS) {
    const { status = 'active', verb, error = null, cronDied } = SCHEDULERS[name] ?? {};
    if (provision !== 'active' && !SCHEDULERS[name]) continue;
    const server = ids[name];
    const at = now - Math.min(changed, 2) * MINUTE;
    const id = panel.sql(`
      INSERT INTO schedulers (server_id, status, error_log, created_at, updated_at) VALUES (${server}, '${status}', ${text(error)}, ${at}, ${at});
      SELECT last_insert_rowid()`);
    if (cronDied) panel.sql(`UPDATE servers SET time_zone = 'Europe/Berlin', scheduler_running = 0 WHERE id = ${server}`);
    if (!verb) continue;
    const isOver = error !== null;
    panel.sql(`
      INSERT INTO operations (server_id, verb, resource_kind, resource_id, title, requested_by, state, error, fence, created_at, started_at, ended_at)
      VALUES (${server}, '${verb}', 'scheduler', ${id}, '${verb === 'remove' ? 'Remove' : 'Install'} scheduler of ${name}', 1,
        '${isOver ? 'failed' : 'running'}', ${text(error)}, 1, ${at}, ${at}, ${isOver ? at + 21_000 : null});
      UPDATE operations SET ${lease(isOver)} WHERE id = last_insert_rowid()`);
  }
}

/** A worker's hold on an operation, long enough for all pictures. */
function lease(isOver) {
  return isOver
    ? 'lease_owner = NULL, lease_until = NULL'
    : `lease_owner = 'picture', lease_until = ${Date.now() + 3_600_000}`;
}

function text(value) {
  return value === null ? null : `'${value.replaceAll(`'`, `''`)}'`;
}
