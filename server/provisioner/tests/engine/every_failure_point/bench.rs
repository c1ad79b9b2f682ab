//! A panel whose database and whose servers can be made to fail, and a second look at the same database that cannot.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::bus::Bus;
use domain::{Db, Panel, queue};
use provisioner::SshProber;
use provisioner::firewall::{ROLLBACK_STATUS, TAKE_BACK};
use sea_orm::{ConnectionTrait, Statement};
use ssh::fake::Answer;
use wire::Status;

use super::database::FailingDatabase;
use super::remote::{self, FailingServers};
use crate::panel::{RunningWorker, TestPanel, start_worker};

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Database,
    Remote(remote::Fault),
}

/// What every step prints. Its last line has no end, as what was cut off in the middle.
pub const PRINTED: &str = "one\n::summary done\ntwo";
pub const SHOWN: &str = "one\ntwo\n";

pub struct Bench {
    /// Sees and prepares; nothing of it fails.
    pub observer: TestPanel,
    /// Does what is tested.
    pub panel: Panel,
    database: FailingDatabase,
    servers: Arc<FailingServers>,
    made: AtomicU32,
    /// None before `work`.
    worker: Mutex<Option<RunningWorker>>,
}

impl Bench {
    pub async fn new() -> Self {
        let observer = TestPanel::new().await;
        log_transitions(&observer).await;
        observer.connector.remote.respond(|run| {
            // A change of the firewall that was not confirmed has been taken back.
            let is_asked = [ROLLBACK_STATUS, TAKE_BACK].contains(&run.script);
            Answer::stdout(if is_asked {
                "::fact rollback done\n"
            } else {
                PRINTED
            })
        });
        let database = FailingDatabase::open(&observer.file()).await;
        let servers = FailingServers::before(observer.connector.clone());
        let panel = Panel {
            db: Db::over(database.reads.clone(), database.writes.clone(), Bus::new()),
            prober: Arc::new(SshProber::new(servers.clone(), ssh::Reach::everywhere())),
            ..observer.panel.clone()
        };
        Self {
            observer,
            panel,
            database,
            servers,
            made: AtomicU32::new(0),
            worker: Mutex::default(),
        }
    }

    /// Begins to work off the queue.
    pub fn work(&self) {
        let worker = start_worker(self.panel.clone(), self.servers.clone());
        *self.worker.lock().unwrap() = Some(worker);
    }

    /// Works no more.
    pub async fn rest(&self) {
        let worker = self.worker.lock().unwrap().take();
        if let Some(worker) = worker {
            worker.drain().await;
        }
    }

    /// Tells the servers of this panel apart.
    pub fn next_number(&self) -> u32 {
        self.made.fetch_add(1, Ordering::Relaxed)
    }

    /// A panel with fresh counters of how often somebody may try.
    pub fn panel(&self) -> Panel {
        Panel {
            limits: Arc::default(),
            ..self.panel.clone()
        }
    }

    /// From now on the `n`-th call fails, once.
    pub async fn arm(&self, fault: Fault, n: usize) {
        match fault {
            Fault::Database => self.database.arm(n).await,
            Fault::Remote(fault) => self.servers.arm(fault, n),
        }
    }

    pub fn has_failed(&self) -> bool {
        self.database.has_failed() || self.servers.has_failed()
    }

    /// Nothing fails any more; tells whether something has.
    pub fn disarm(&self) -> bool {
        let has_failed = self.has_failed();
        self.database.disarm();
        self.servers.disarm();
        has_failed
    }

    pub async fn reconcile(&self) -> usize {
        queue::reconcile(&self.observer.panel.db).await.unwrap()
    }

    /// Every change of a status that there ever was is one that the table allows.
    pub async fn check_transitions(&self) {
        let rows = self
            .observer
            .panel
            .db
            .reads()
            .query_all_raw(sql("SELECT DISTINCT what, was, became FROM transitions"))
            .await
            .unwrap();
        for row in rows {
            let what: String = row.try_get("", "what").unwrap();
            let was: Option<String> = row.try_get("", "was").unwrap();
            let became: String = row.try_get("", "became").unwrap();
            let became = Status::parse(&became).unwrap();
            let Some(was) = was else { continue };
            let was = Status::parse(&was).unwrap();
            assert!(
                was.may_become(became),
                "{what} went from {was:?} to {became:?}"
            );
        }
    }
}

/// The database itself notes every change of a status, whoever makes it.
async fn log_transitions(panel: &TestPanel) {
    let tables = wire::ResourceKind::ALL.map(|kind| match kind {
        wire::ResourceKind::FirewallRule => ("firewall_rules", "status"),
        wire::ResourceKind::ScheduledTask => ("scheduled_tasks", "status"),
        wire::ResourceKind::Program => ("programs", "status"),
        wire::ResourceKind::Scheduler => ("schedulers", "status"),
    });
    let conn = panel.panel.db.writes();
    run(
        conn,
        "CREATE TABLE transitions (what TEXT, was TEXT, became TEXT)",
    )
    .await;
    for (table, column) in tables.into_iter().chain([("servers", "provision_status")]) {
        run(
            conn,
            &format!(
                "CREATE TRIGGER {table}_moves AFTER UPDATE OF {column} ON {table} WHEN OLD.{column} IS NOT NEW.{column}
                 BEGIN INSERT INTO transitions VALUES ('{table}', OLD.{column}, NEW.{column}); END"
            ),
        )
        .await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a table that only this test knows"
)]
async fn run(conn: &impl ConnectionTrait, text: &str) {
    conn.execute_raw(sql(text)).await.unwrap();
}

fn sql(text: &str) -> Statement {
    Statement::from_string(sea_orm::DbBackend::Sqlite, text)
}

/// How often the observer looks.
pub const LOOK: Duration = Duration::from_millis(25);
