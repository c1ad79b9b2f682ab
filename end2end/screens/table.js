// Every page in every state worth a look, one line each.
//   world     the panel it is taken of (worlds.js)
//   route     as app/src/lib.rs writes it; `server` and `operation` name what stands in it (fleet.js)
//   before    what is set up before the page is asked for;  prepare: what is done on it
//   query     what stands behind the path
//   floats    the picture is of a screen and what floats over it, not of the whole page
//   expected  what the console may complain of, where that belongs to the state

import * as act from './acts.js';

const screen = (world, name, route, more = {}) => ({
  world, name, route,
  path: ({ servers, operations, tasks, programs }) =>
    route.replace(':id', servers?.[more.server]).replace(':task', tasks?.[more.task]).replace(':program', programs?.[more.program]).replace(':operation', operations?.[more.operation]) + (more.query ?? ''),
  ...more,
});

// The page asks once without a socket, to learn what is in its way.
const SOCKET = /WebSocket|status of 400/;
const SERVER = '/servers/:id';
const SETTINGS = '/servers/:id/settings';
const FIREWALL = '/servers/:id/firewall';
const SCHEDULER = '/servers/:id/scheduler';
const TASK = '/servers/:id/scheduler/:task';
const PROGRAMS = '/servers/:id/programs';
const PROGRAM = '/servers/:id/programs/:program';
const OPERATIONS = '/servers/:id/operations';
const OPERATION = '/servers/:id/operations/:operation';

export const SCREENS = [
  screen('untouched', 'setup', '/setup'),
  screen('untouched', 'setup-errors', '/setup', { prepare: act.submit('Create account') }),
  screen('signedOut', 'sign-in', '/sign-in'),
  screen('signedOut', 'sign-in-refused', '/sign-in', { prepare: act.signInWrongly }),
  screen('empty', 'servers-empty', '/servers'),
  screen('empty', 'not-found', '/nowhere'),
  screen('fleet', 'servers', '/servers'),
  screen('fleet', 'servers-filtered', '/servers', { prepare: act.type('Filter servers', 'shop'), floats: true }),
  screen('fleet', 'servers-polling', '/servers', { before: act.refuseSocket, expected: SOCKET, prepare: act.awaitLive('polling'), floats: true }),
  screen('fleet', 'servers-reconnecting', '/servers', { before: act.cutSocketAfterwards, expected: SOCKET, prepare: act.awaitLive('reconnecting'), floats: true }),
  screen('fleet', 'session-ended', '/servers/new', { prepare: act.endSession, floats: true }),
  screen('fleet', 'add-server', '/servers/new'),
  screen('fleet', 'add-server-errors', '/servers/new', { prepare: act.submit('Add server') }),
  screen('fleet', 'add-server-fingerprint', '/servers/new', { before: act.answerHostKey, prepare: act.typeServer }),
  screen('fleet', 'add-server-unreachable', '/servers/new', { prepare: act.typeUnreachableServer, expected: /status of 502/ }),
  screen('fleet', 'server-awaiting-key', SERVER, { server: 'web-5', before: act.keepKnocking }),
  screen('fleet', 'server-connected', SERVER, { server: 'web-6' }),
  screen('fleet', 'server-queued', SERVER, { server: 'web-7' }),
  screen('fleet', 'server-provisioning', SERVER, { server: 'web-3' }),
  screen('fleet', 'server-failed', SERVER, { server: 'web-4' }),
  screen('fleet', 'server-active', SERVER, { server: 'web-1' }),
  screen('fleet', 'server-unreachable', SERVER, { server: 'shop-madrid' }),
  screen('fleet', 'server-host-key-changed', SERVER, { server: 'queue-2' }),
  screen('fleet', 'server-settings', SETTINGS, { server: 'web-1' }),
  screen('fleet', 'server-remove-dialog', SETTINGS, { server: 'web-2', prepare: act.click('Remove server'), floats: true }),
  screen('fleet', 'firewall', FIREWALL, { server: 'web-1' }),
  screen('fleet', 'firewall-errors', FIREWALL, { server: 'web-1', prepare: act.typeWrongRule }),
  screen('fleet', 'firewall-edit-dialog', FIREWALL, { server: 'web-1', prepare: act.click('Edit Metrics'), floats: true }),
  screen('fleet', 'firewall-remove-dialog', FIREWALL, { server: 'web-1', prepare: act.click('Remove Metrics'), floats: true }),
  screen('fleet', 'firewall-empty', FIREWALL, { server: 'bakery' }),
  screen('fleet', 'firewall-not-yet', FIREWALL, { server: 'web-6' }),
  screen('fleet', 'scheduler', SCHEDULER, { server: 'web-1', prepare: act.awaitNextRuns }),
  screen('fleet', 'scheduler-errors', SCHEDULER, { server: 'web-1', prepare: act.typeWrongTask }),
  screen('fleet', 'scheduler-edit-dialog', SCHEDULER, { server: 'web-1', prepare: act.click('Edit Nightly backup'), floats: true }),
  screen('fleet', 'scheduler-remove-dialog', SCHEDULER, { server: 'web-1', prepare: act.click('Remove Nightly backup'), floats: true }),
  screen('fleet', 'scheduler-empty', SCHEDULER, { server: 'bakery', prepare: act.awaitNextRuns }),
  screen('fleet', 'scheduler-not-yet', SCHEDULER, { server: 'web-6' }),
  screen('fleet', 'scheduler-no-way-in', SCHEDULER, { server: 'web-5' }),
  screen('fleet', 'scheduler-installing', SCHEDULER, { server: 'cache-1' }),
  screen('fleet', 'scheduler-failed', SCHEDULER, { server: 'queue-1' }),
  screen('fleet', 'scheduler-removing', SCHEDULER, { server: 'mail-1' }),
  screen('fleet', 'scheduler-cron-died', SCHEDULER, { server: 'backup-1', prepare: act.awaitNextRuns }),
  screen('fleet', 'scheduler-end-dialog', SCHEDULER, { server: 'web-2', prepare: act.click('Remove the scheduler of web-2'), floats: true }),
  screen('fleet', 'scheduler-end-dialog-tasks', SCHEDULER, { server: 'web-1', prepare: act.click('Remove the scheduler of web-1'), floats: true }),
  screen('fleet', 'preview-scheduler', SCHEDULER, { server: 'web-6', prepare: act.previewScheduler }),
  screen('fleet', 'task', TASK, { server: 'web-1', task: 'Nightly backup', prepare: act.click('Show') }),
  screen('fleet', 'task-paused', TASK, { server: 'web-1', task: 'Weekly report' }),
  screen('fleet', 'preview-task', SCHEDULER, { server: 'web-1', prepare: act.previewTask }),
  screen('fleet', 'programs', PROGRAMS, { server: 'web-1' }),
  screen('fleet', 'programs-errors', PROGRAMS, { server: 'web-1', prepare: act.typeWrongProgram }),
  screen('fleet', 'programs-edit-dialog', PROGRAMS, { server: 'web-1', prepare: act.click('Edit Queue worker'), floats: true }),
  screen('fleet', 'programs-stop-dialog', PROGRAMS, { server: 'web-1', prepare: act.click('Stop Queue worker'), floats: true }),
  screen('fleet', 'programs-remove-dialog', PROGRAMS, { server: 'web-1', prepare: act.click('Remove Queue worker'), floats: true }),
  screen('fleet', 'programs-empty', PROGRAMS, { server: 'bakery' }),
  screen('fleet', 'programs-not-yet', PROGRAMS, { server: 'web-6' }),
  screen('fleet', 'program', PROGRAM, { server: 'web-1', program: 'Queue worker', before: act.answerLog, prepare: act.awaitLog }),
  screen('fleet', 'program-gave-up', PROGRAM, { server: 'web-1', program: 'WebSocket server', before: act.answerLog, prepare: act.awaitLog }),
  screen('fleet', 'toasts', FIREWALL, { server: 'web-1', before: act.refuseRetry, prepare: act.click('Retry Game servers'), floats: true }),
  screen('fleet', 'operation-running', OPERATION, { server: 'web-3', operation: 'running' }),
  screen('fleet', 'operation-failed', OPERATION, { server: 'web-4', operation: 'failed' }),
  screen('fleet', 'operation-done', OPERATION, { server: 'web-1', operation: 'done', prepare: act.open('Commands') }),
  screen('fleet', 'operation-of-rule', OPERATION, { server: 'web-1', operation: 'rule' }),
  screen('empty', 'operations-empty', '/operations'),
  screen('fleet', 'operations', '/operations'),
  screen('fleet', 'operations-running', '/operations', { query: '?state=running' }),
  screen('fleet', 'operations-failed', '/operations', { query: '?state=failed' }),
  screen('fleet', 'operations-cancel-dialog', '/operations', { prepare: act.click('Cancel Provision web-3'), floats: true }),
  screen('fleet', 'server-operations', OPERATIONS, { server: 'web-1' }),
  screen('fleet', 'server-operations-empty', OPERATIONS, { server: 'bakery' }),
  screen('fleet', 'operation-commands', OPERATION, { server: 'web-4', operation: 'failed', prepare: act.open('Commands') }),
  screen('fleet', 'preview-provisioning', SERVER, { server: 'web-6', prepare: act.previewProvisioning }),
  screen('fleet', 'preview-rule', FIREWALL, { server: 'web-1', prepare: act.previewRule }),
  screen('fleet', 'preview-reboot', SERVER, { server: 'web-1', prepare: act.previewReboot, floats: true }),
  screen('fleet', 'search', '/servers', { prepare: act.click('Search'), floats: true }),
  screen('fleet', 'account', '/account'),
  screen('fleet', 'accounts', '/accounts'),
  screen('signedOut', 'invitation', '/invitation'),
  screen('fleet', 'server-not-found', '/servers/999999'),
];
