// What stands in the pictures: an agency's servers, in every status.

const DAY = 24 * 60;

// `changed`: minutes ago.
const server = (name, address, more = {}) => ({
  name, address, user: 'root', port: 22, os: 'Debian 12.11', connection: 'connected', provision: 'active', changed: DAY,
  ...more,
});

export const SERVERS = [
  server('web-1', '203.0.113.7', { changed: 42 }),
  server('web-2', '203.0.113.8', { changed: 44 }),
  server('web-3', '203.0.113.9', { provision: 'installing', changed: 1 }),
  server('web-4', '203.0.113.10', { provision: 'failed', changed: 6 }),
  server('web-5', '203.0.113.11', { os: null, connection: 'awaiting_key', provision: null, changed: 2 }),
  server('web-6', '203.0.113.12', { os: null, provision: null, changed: 3 }),
  server('web-7', '203.0.113.13', { os: 'Debian 13.1', provision: 'pending', changed: 0 }),
  server('shop-berlin', '198.51.100.21', { user: 'deploy', port: 2222, changed: 3 * DAY }),
  server('shop-madrid', '198.51.100.22', {
    user: 'deploy', port: 2222, os: 'Debian 12.10', changed: 35, connection: 'failed',
    error: '198.51.100.22:2222 refused the connection. Check that sshd runs there and listens on port 2222.',
  }),
  server('shop-staging', 'staging.shop.example.com', { user: 'deploy', port: 2222, os: 'Debian 13.1', changed: 9 * DAY }),
  server('db-primary', '2001:db8:42::10', { changed: 12 * DAY }),
  server('db-replica', '2001:db8:42::11', { changed: 12 * DAY }),
  server('cache-1', '203.0.113.40', { changed: 30 * DAY }),
  server('queue-1', '203.0.113.41', { changed: 30 * DAY }),
  server('queue-2', '203.0.113.42', {
    changed: 31 * DAY, connection: 'host_key_changed', found: true,
    error: 'The host key of 203.0.113.42:22 has changed. Nothing was sent.',
  }),
  server('mail-1', 'mail.example.com', { changed: 60 * DAY }),
  server('analytics', 'analytics.internal.a-client-with-a-long-name.example.com', { user: 'ops', port: 22022, changed: 61 * DAY }),
  server('ci-runner-1', '198.51.100.61', { user: 'ops', os: 'Debian 13.1', changed: 5 * DAY }),
  server('ci-runner-2', '198.51.100.62', { user: 'ops', os: 'Debian 13.1', changed: 5 * DAY }),
  server('backup-1', '198.51.100.70', { changed: 90 * DAY }),
  server('museum-website-production', '192.0.2.15', { changed: 120 * DAY }),
  server('bakery', '192.0.2.16', { changed: 200 * DAY }),
  server('florist', '192.0.2.17', { os: null, connection: 'awaiting_key', provision: null, changed: DAY }),
];

const rule = (name, port, status, more = {}) => ({ name, port, status, protocol: 'tcp', source: '', action: 'allow', ...more });

export const RULES = [
  rule('Metrics', '9100', 'active', { source: '198.51.100.70' }),
  rule('Staging previews', '3000:3005', 'active'),
  rule('Office VPN', '51820', 'paused', { protocol: 'udp' }),
  rule('Scanner that will not stop', '1:21', 'active', { protocol: 'any', source: '192.0.2.128/25', action: 'deny' }),
  rule('Postgres for the replica', '5432', 'installing', { source: '2001:db8:42::/64' }),
  rule('Old admin tool', '8081', 'removing'),
  rule('Grafana', '3100', 'pending', { source: '203.0.113.0/24' }),
  rule('Game servers', '27015:27030', 'failed', {
    protocol: 'udp',
    error: 'Add the rule: 203.0.113.7:22 closed the connection before the rule was there. Check that the server is up, then retry.',
  }),
];

const task = (name, command, expression, status, more = {}) => ({ name, command, expression, status, user: 'brokeforge', ...more });

export const TASKS = [
  task('Nightly backup', 'set -e\nmysqldump --all-databases | gzip > /srv/backup/$(date +%F).sql.gz\nfind /srv/backup -mtime +14 -delete', '30 2 * * *', 'active', {
    user: 'root', runs: ['succeeded', 'succeeded', 'failed', 'succeeded', 'timed_out', 'succeeded'],
  }),
  task('Laravel scheduler', 'cd ~/shop && php artisan schedule:run', '* * * * *', 'active', { runs: ['succeeded', 'skipped', 'succeeded'], missed: 12 }),
  task('Weekly report', 'php ~/shop/report.php --to "office@example.com"', '0 7 * * mon', 'paused', { runs: ['succeeded'] }),
  task('Clean up uploads', 'find ~/shop/tmp -mtime +2 -delete', '@hourly', 'failed', {
    error: 'Add the task: The user brokeforge is not on this server. Repair the scheduler, which makes it, or run the task as root.',
  }),
];

// Those that are not simply there. `verb`: of the last operation, which runs unless there is an error.
export const SCHEDULERS = {
  'cache-1': { status: 'installing', verb: 'install' },
  'queue-1': {
    status: 'failed', verb: 'install',
    error: 'Scheduler: unattended-upgr (process 812) has held the package lock for 15 minutes. Let it end or stop it, then retry.',
  },
  'mail-1': { status: 'removing', verb: 'remove' },
  'backup-1': { cronDied: true },
};

const program = (name, command, status, more = {}) => ({ name, command, status, user: 'brokeforge', directory: '/home/brokeforge/shop', processes: [], ...more });

export const PROGRAMS = [
  program('Queue worker', 'exec php artisan queue:work --tries=3 --max-time=3600', 'active', {
    variables: ['APP_KEY', 'DATABASE_URL'],
    processes: [['running', 4711, 0, null], ['running', 4712, 1, 'signal KILL'], ['running', 4713, 0, null]],
  }),
  program('WebSocket server', 'exec php artisan reverb:start --port=8080', 'active', {
    processes: [['failed', null, 4, 'exit code 1']],
  }),
  program('Price feed', 'exec node feed.js --source "https://prices.example.com"', 'paused', {
    processes: [['stopped', null, 0, 'signal TERM']],
  }),
  program('Mail catcher', 'exec mailpit', 'failed', {
    error: 'Add the program: The user brokeforge is not on this server. Provision the server or repair its scheduler, which makes it, or run the program as root.',
  }),
];

export const LOG_LINES = [
  [1, '[2026-11-27 22:51:02] Processing: App\\Jobs\\SendInvoice', false],
  [1, '[2026-11-27 22:51:03] \u001b[0;32mProcessed\u001b[0m:  App\\Jobs\\SendInvoice', false],
  [2, '\u001b[0;31mOut of memory in /home/brokeforge/shop/app/Jobs/ResizeImage.php\u001b[0m', false],
  [2, 'brokeforge-program-0000000000000000@2.service: Main process exited, code=killed, status=9/KILL', true],
  [3, '[2026-11-27 22:51:16] Processing: App\\Jobs\\ResizeImage', false],
];

export const DIAGNOSIS = {
  kind: 'disk_full',
  sentence: 'The disk is full: no space left in /usr/lib/php.',
  action: 'Free some space on the server, then retry.',
};

export const INSTALLED = { nginx: '1.22.1', php: '8.2.29', supervisor: '4.2.5' };

// What each step of a provisioning says of itself on a real server.
export const summaries = (server) => ({
  'Connect': `as root on ${server}`,
  'Check the system': 'Debian 12.11, x86_64, 36 GiB free, 3915 MiB memory',
  'Prepare': 'package lists and base packages are there',
  'App user': 'brokeforge: no password, no sudo',
  'Firewall': 'on, open for all: 22/tcp, 80/tcp, 443/tcp',
  'PHP': 'PHP 8.2.29 with FPM',
  'nginx': 'nginx 1.22.1, default site on port 80',
  'Scheduler': 'cron runs',
  'Supervisor': 'supervisor 4.2.5',
  'Verify': 'nginx 1.22.1, PHP 8.2.29, supervisor 4.2.5, cron and ufw answer',
});

export const INSTALLING = `Reading package lists...
Building dependency tree...
Reading state information...
The following additional packages will be installed:
  libargon2-1 libsodium23 php-common php8.2-cli php8.2-common php8.2-opcache php8.2-readline psmisc
Suggested packages:
  php-pear
The following NEW packages will be installed:
  libargon2-1 libsodium23 php-common php8.2-cli php8.2-common php8.2-curl php8.2-fpm php8.2-gd php8.2-intl
  php8.2-mbstring php8.2-mysql php8.2-opcache php8.2-pgsql php8.2-readline php8.2-sqlite3 php8.2-xml php8.2-zip psmisc
0 upgraded, 18 newly installed, 0 to remove and 0 not upgraded.
Need to get 7,214 kB of archives.
After this operation, 30.2 MB of additional disk space will be used.
Get:1 http://deb.debian.org/debian bookworm/main amd64 psmisc amd64 23.6-1 [259 kB]
Get:2 http://deb.debian.org/debian bookworm/main amd64 libargon2-1 amd64 0~20171227-0.3+deb12u1 [19.6 kB]
Get:3 http://deb.debian.org/debian bookworm/main amd64 php-common all 2:93 [13.1 kB]
Get:4 http://deb.debian.org/debian-security bookworm-security/main amd64 php8.2-common amd64 8.2.29-1~deb12u1 [687 kB]
Fetched 7,214 kB in 1s (8,644 kB/s)
Selecting previously unselected package psmisc.
(Reading database ... 22841 files and directories currently installed.)
Preparing to unpack .../00-psmisc_23.6-1_amd64.deb ...
Unpacking psmisc (23.6-1) ...
Setting up php8.2-common (8.2.29-1~deb12u1) ...
Creating config file /etc/php/8.2/mods-available/calendar.ini with new version
Setting up php8.2-fpm (8.2.29-1~deb12u1) ...
`;

export const DISK_IS_FULL = `${INSTALLING.split('\n').slice(0, 21).join('\n')}
Unpacking php8.2-common (8.2.29-1~deb12u1) ...
dpkg: error processing archive /tmp/apt-dpkg-install-6c9Qyk/04-php8.2-common_8.2.29-1~deb12u1_amd64.deb (--unpack):
 cannot copy extracted data for './usr/lib/php/20220829/phar.so' to '/usr/lib/php/20220829/phar.so.dpkg-new': failed to write (No space left on device)
Errors were encountered while processing:
 /tmp/apt-dpkg-install-6c9Qyk/04-php8.2-common_8.2.29-1~deb12u1_amd64.deb
E: Sub-process /usr/bin/dpkg returned an error code (1)
`;
