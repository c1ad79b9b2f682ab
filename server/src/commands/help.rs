//! The longer texts of `--help`.

pub const ABOUT: &str = "\
BrokeForge is a panel for your own servers. You give it SSH access to plain Debian servers; it
provisions them, keeps their firewall the way you asked, and shows every step in the browser as it
happens. It is one process with an embedded database: pages, WebSocket and workers. Several of them can
share a PostgreSQL database.";

pub const AFTER: &str = "\
First steps:
  1. brokeforge serve        starts the panel; the first start prints a setup token
  2. open http://127.0.0.1:3000/setup, paste the token, make your account
  3. add a server, paste the one line that the page shows into a shell on it, provision it
  4. brokeforge doctor       when something does not work: checks everything, changes nothing
  5. brokeforge user         when a password is lost: lists accounts, sets another password

Where data lies:
  One folder holds everything: --data, else BROKEFORGE_DATA, else ~/.local/share/brokeforge.
    brokeforge.db     the database (SQLite; while the panel runs, -wal and -shm belong to it)
    brokeforge.key    the key that opens the SSH keys in the database; mode 0600
    brokeforge.lock, brokeforge.seen    which process runs, and when it was last here
  Back the first two up, but not together: whoever has both is root on your servers.
  With DATABASE_URL the database is that one; each panel on it has a folder, all with the same key file.

Environment:
  BROKEFORGE_LISTEN       where to listen; 127.0.0.1:3000 if unset
  BROKEFORGE_DATA         the folder of the database and its key file
  DATABASE_URL            a PostgreSQL database instead of the file, as postgres://user:password@host/name
  BROKEFORGE_SITE         the folder of files for browsers, as script/build makes it
  BROKEFORGE_PUBLIC_URL   the address people type, as https://panel.example.com
  BROKEFORGE_TRUSTED_PROXIES          the proxies in front, as 127.0.0.1,10.0.0.0/8
  BROKEFORGE_ALLOW_LOCAL_ADDRESSES    1 lets servers be added on the panel's own machine
  BROKEFORGE_ALLOWED_ORIGINS          other pages that may listen, as https://status.example.com
  RUST_LOG                how much is logged to standard error: warn, info, debug, trace

`brokeforge <COMMAND> --help` tells more about a command and has examples.";

pub const SERVE: &str = "\
Serves the panel: pages, WebSocket and workers in one process, until SIGTERM or Ctrl-C.

The first start makes the data folder, the database and the key file, and prints a setup token for
the first account. A later start brings the database to the version of the binary. A database from
a newer version, a missing key file and a wrong one are refused, and nothing is changed.

The panel speaks plain http. To reach it from elsewhere, put a proxy with TLS in front that passes
WebSocket upgrades on, and tell the panel its address with --public-url.";

pub const SERVE_EXAMPLES: &str = "\
Examples:
  brokeforge serve
  brokeforge serve --listen 127.0.0.1:8080 --data /var/lib/brokeforge-panel
  brokeforge serve --public-url https://panel.example.com      behind a proxy with TLS
  DATABASE_URL=postgres://... brokeforge serve                 one of several panels on a PostgreSQL
  RUST_LOG=debug brokeforge serve                              with more to read";

pub const DOCTOR: &str = "\
Checks what the panel needs and says for each point what was found and what to do about it:
database, key file, clock, disk, files for browsers, port, public address, WebSocket, accounts.

It changes nothing, and works beside a running panel as well as before the first start. Run it as
the panel's user and with the panel's options or environment, or it looks at another panel.
It ends with 0 when nothing is wrong, and with 1 otherwise.";

pub const DOCTOR_EXAMPLES: &str = "\
Examples:
  brokeforge doctor
  brokeforge doctor --data /var/lib/brokeforge-panel --public-url https://panel.example.com
  brokeforge doctor --json | jq '.findings[] | select(.level == \"wrong\")'";

pub const USER: &str = "\
Lists the accounts and gives one of them another password, for whoever has the panel's machine but
not the password. It works beside a running panel, and the account is signed out everywhere.

Run it as the panel's user and with the panel's data folder, or it looks at another panel.";

pub const USER_EXAMPLES: &str = "\
Examples:
  brokeforge user list
  brokeforge user reset-password ada@example.com               asks for the password
  brokeforge user reset-password ada@example.com --generate    makes one up and prints it
  pass panel | brokeforge user --data /var/lib/brokeforge-panel reset-password ada@example.com --stdin";
