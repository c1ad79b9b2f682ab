//! What the panel says of next runs, held against the real cron with a clock of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use domain::access::{self, OwnedServer};
use domain::scheduler::next_of_server;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use wire::Timestamp;
use wire::scheduler::{CronExpression, Schedule};

use crate::host::Host;
use crate::panel::TestPanel;

const SAID: &str = include_str!("../../../../app/wire/src/scheduler/cron/said.txt");
/// Around the hours in which clocks change, and with the rules for days of a month and of a week.
const MORE: &[&str] = &[
    "13 3 28 3 *",
    "30 2 * * *",
    "*/7 2 * * sun",
    "0,30 1-3 28,31 * sun",
    "*/30 2-3 * 3,10 *",
    "0-59/20 2 * * *",
    "15 2 */2 * *",
    "15 2 28-31 * 0",
    "5 2 1 * sun",
    "0 3 * * sun",
    "17 */2 * * 7",
    "59 23 * * *",
    "0 0 * * *",
    "0 0 1 7 *",
    "45 12 1-3 7 thu",
];
const MINUTE: i64 = 60_000;

/// From and until, in seconds since 1970: from 2027-06-30T22:00Z, a summer day; from 2027-03-27T22:00Z and from
/// 2027-10-30T21:00Z, the days on which Berlin's clocks are put forward and back.
const DAYS: [(i64, i64); 3] = [
    (1_814_392_800, 1_814_479_200),
    (1_806_184_800, 1_806_271_200),
    (1_824_930_000, 1_825_023_600),
];

/// The minute in which Berlin's clocks are put forward. What was due in the hour that is left out begins then, but cron goes
/// through that hour at ten seconds for each of its minutes in which something is due.
const PUT_FORWARD: i64 = 1_806_195_600 / 60;
const CATCHING_UP: std::ops::Range<i64> = PUT_FORWARD..PUT_FORWARD + 11;

#[tokio::test(flavor = "multi_thread")]
async fn real_cron_runs_when_the_panel_says_also_on_days_when_clocks_change() {
    let Some(host) = Host::start("cron-clock", &[]) else {
        return;
    };
    let panel = TestPanel::start().await;
    let server = in_berlin(&panel, panel.add(&host).await).await;
    let expressions = expressions(&server);
    assert!(expressions.len() > 40, "{}", expressions.len());

    install_clock(&host);
    let mut table = String::new();
    for (number, (text, _)) in expressions.iter().enumerate() {
        writeln!(table, "{text}\troot\t{number}").unwrap();
    }
    host.sh(&format!(
        "rm -f /etc/cron.d/*; : >/etc/crontab; cat >/etc/cron.d/simulated <<'END'\n{table}END\nchmod 644 /etc/cron.d/simulated"
    ));
    for (from, until) in DAYS {
        let made = made_by_cron(&host, from, until);
        for (number, (text, expression)) in expressions.iter().enumerate() {
            let made = made.get(&number).cloned().unwrap_or_default();
            let said = said_by_panel(expression, &server, from, until);
            let missing: Vec<_> = made.difference(&said).copied().collect();
            let surplus: Vec<_> = said.difference(&made).copied().collect();
            let is_late = said.contains(&PUT_FORWARD)
                && missing.iter().all(|minute| CATCHING_UP.contains(minute))
                && surplus.iter().all(|minute| *minute == PUT_FORWARD);
            assert!(
                (missing.is_empty() && surplus.is_empty()) || is_late,
                "{text}: cron runs at {missing:?} and not at {surplus:?}"
            );
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "as if the server had told of its time zone"
)]
async fn in_berlin(panel: &TestPanel, server: OwnedServer) -> OwnedServer {
    let id = server.id();
    let text = format!(
        "UPDATE servers SET time_zone = 'Europe/Berlin' WHERE id = {}",
        id.0
    );
    let statement = Statement::from_string(DbBackend::Sqlite, text);
    let db = &panel.panel.db;
    db.writes().execute_raw(statement).await.unwrap();
    access::owned_server(db, &panel.who, id).await.unwrap()
}

/// Those that cron takes. Of the many that run every minute or two, each with a thousand runs a day, some are enough.
fn expressions(server: &OwnedServer) -> Vec<(&'static str, CronExpression)> {
    let said = SAID.lines().filter_map(|line| line.strip_prefix("ok\t"));
    let mut often = 0;
    said.chain(MORE.iter().copied())
        .filter_map(|text| Some((text, CronExpression::parse(text).ok()?)))
        .filter(|(_, expression)| expression.schedule != Schedule::AtBoot)
        .filter(|(_, expression)| {
            let (from, until) = DAYS[0];
            let is_often = said_by_panel(expression, server, from, until).len() > 400;
            often += i32::from(is_often);
            !is_often || often <= 3
        })
        .collect()
}

/// Minutes since 1970 in which the panel expects a run.
fn said_by_panel(
    expression: &CronExpression,
    server: &OwnedServer,
    from: i64,
    until: i64,
) -> BTreeSet<i64> {
    let until = Timestamp(until * 1000);
    let mut said = BTreeSet::new();
    let mut after = Timestamp(from * 1000);
    loop {
        let runs = next_of_server(expression, server, after).runs;
        let within = runs.iter().filter(|run| run.at < until);
        let before = said.len();
        said.extend(within.map(|run| run.at.0 / MINUTE));
        match runs.last() {
            Some(last) if last.at < until && said.len() > before => after = last.at,
            _ => return said,
        }
    }
}

/// Minutes since 1970 in which cron ran each line of its table.
fn made_by_cron(host: &Host, from: i64, until: i64) -> BTreeMap<usize, BTreeSet<i64>> {
    let log = host.sh(&format!(
        "cd /; : >/root/clock.log; env TZ=Europe/Berlin CLOCK_FROM={from} CLOCK_UNTIL={until} CLOCK_LOG=/root/clock.log \
         LD_PRELOAD=/root/clock.so cron -f && cat /root/clock.log"
    ));
    let mut made: BTreeMap<usize, BTreeSet<i64>> = BTreeMap::new();
    for line in log.lines() {
        let (second, number) = line.split_once(' ').unwrap();
        let second: i64 = second.parse().unwrap();
        let runs = made.entry(number.parse().unwrap()).or_default();
        runs.insert(second / 60);
    }
    assert!(!made.is_empty(), "cron ran nothing");
    made
}

fn install_clock(host: &Host) {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("clock.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_hosts/cron_clock.c");
    let made = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .status()
        .unwrap();
    assert!(made.success());
    let mut hex = String::new();
    for byte in std::fs::read(library).unwrap() {
        write!(hex, "{byte:02x}").unwrap();
    }
    host.sh(&format!(
        "systemctl stop cron; perl -e 'print pack \"H*\", $ARGV[0]' {hex} >/root/clock.so"
    ));
}
