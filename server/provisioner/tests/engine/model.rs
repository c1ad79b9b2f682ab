//! Whatever users, panels and servers do, in whatever order: every record stands where a small model of the lifecycle
//! says, after each thing that happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use domain::access::OwnedServer;
use domain::entities::{firewall_rule, operation};
use domain::{Error, firewall, managed, queue};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use ssh::Stream;
use ssh::fake::Answer;
use wire::firewall::{Action as Deed, NewRule, Protocol, RuleFields};
use wire::operations::OperationState;
use wire::{ApiError, OperationId, ResourceKind, RuleId, Status};

use crate::cuts::is_rule;
use crate::panel::TestPanel;

/// What happens. The numbers choose a record, round and round.
#[derive(Clone, Copy, Debug)]
enum Event {
    Add,
    Change(usize),
    Remove(usize),
    Retry(usize),
    Cancel(usize),
    /// A worker does all there is to do.
    Work,
    /// The same; the first thing that it begins on the server fails there.
    WorkThatFails,
    /// A panel starts, begins what is next, and is killed in the middle of it.
    Crash,
    /// A hand in the database ends an operation past its record.
    Lose(usize),
    Reconcile,
}

fn event() -> impl Strategy<Value = Event> {
    let record = 0..3_usize;
    prop_oneof![
        3 => Just(Event::Add),
        2 => record.clone().prop_map(Event::Change),
        3 => record.clone().prop_map(Event::Remove),
        2 => record.clone().prop_map(Event::Retry),
        2 => record.clone().prop_map(Event::Cancel),
        3 => Just(Event::Work),
        2 => Just(Event::WorkThatFails),
        2 => Just(Event::Crash),
        1 => record.prop_map(Event::Lose),
        1 => Just(Event::Reconcile),
    ]
}

/// The model of a record.
#[derive(Clone, Debug)]
struct Record {
    id: i64,
    status: Status,
    has_reason: bool,
    work: Option<Work>,
}

/// The model of an operation under way.
#[derive(Clone, Debug)]
struct Work {
    id: i64,
    verb: Verb,
    prior: Option<Status>,
    /// Claimed and left behind by a panel that is gone.
    left_behind: bool,
    claims: usize,
    cancelled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Install,
    Change,
    Remove,
}

/// How an operation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Succeeded,
    Failed,
    Cancelled,
}

/// Claims without anything done in between, after which an operation is set aside.
const MOST_CLAIMS: usize = 3;

#[test]
fn records_go_the_way_of_the_model_whatever_happens() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    let mut config = Config {
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 40;
    }
    let ran = TestRunner::new(config).run(&vec(event(), 1..16), |events| {
        runtime.block_on(world.play(&events))
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
}

/// A panel for all plays; each of them has a server of its own.
struct World {
    panel: TestPanel,
    servers: AtomicU32,
    ports: AtomicU32,
    hangs: Arc<AtomicBool>,
    fails_once: Arc<AtomicBool>,
}

impl World {
    async fn new() -> Self {
        let panel = TestPanel::new().await;
        let (hangs, fails_once) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        panel.connector.remote.respond({
            let (hangs, fails_once) = (Arc::clone(&hangs), Arc::clone(&fails_once));
            move |run| {
                let takes = if is_rule(run) && hangs.load(Ordering::SeqCst) {
                    600
                } else {
                    0
                };
                if is_rule(run) && fails_once.swap(false, Ordering::SeqCst) {
                    return Answer::code(1).and(Stream::Stdout, "::error It broke.\n");
                }
                Answer::code(0).taking(Duration::from_secs(takes))
            }
        });
        Self {
            panel,
            servers: AtomicU32::new(0),
            ports: AtomicU32::new(2000),
            hangs,
            fails_once,
        }
    }

    async fn play(&self, events: &[Event]) -> Result<(), TestCaseError> {
        let number = self.servers.fetch_add(1, Ordering::SeqCst);
        let address = std::net::Ipv4Addr::from_bits(0xc612_0000 + number).to_string();
        let server = self.panel.server(&format!("web-{number}"), &address).await;
        let mut records = Vec::new();
        for event in events {
            self.happens(*event, &server, &mut records).await;
            self.compare(&records).await?;
        }
        // Whatever was left under way comes to its end.
        self.happens(Event::Work, &server, &mut records).await;
        self.compare(&records).await?;
        let stuck = records
            .iter()
            .filter(|record| record.status.is_transitional())
            .count();
        prop_assert_eq!(stuck, 0);
        prop_assert_eq!(queue::reconcile(&self.panel.panel.db).await.unwrap(), 0);
        Ok(())
    }

    async fn happens(&self, event: Event, server: &OwnedServer, records: &mut Vec<Record>) {
        let chosen = |number: usize| (!records.is_empty()).then(|| number % records.len());
        match event {
            Event::Add => self.add(server, records).await,
            Event::Change(number) => {
                if let Some(at) = chosen(number) {
                    self.change(server, &mut records[at]).await;
                }
            }
            Event::Remove(number) => {
                if let Some(at) = chosen(number) {
                    self.remove(server, &mut records[at]).await;
                }
            }
            Event::Retry(number) => {
                if let Some(at) = chosen(number) {
                    self.retry(server, &mut records[at]).await;
                }
            }
            Event::Cancel(number) => {
                if let Some(at) = chosen(number) {
                    self.cancel(&mut records[at]).await;
                }
            }
            Event::Work => self.work(server, records, false).await,
            Event::WorkThatFails => self.work(server, records, true).await,
            Event::Crash => self.crash(server, records).await,
            Event::Lose(number) => {
                if let Some(at) = chosen(number) {
                    self.lose(&mut records[at]).await;
                }
            }
            Event::Reconcile => {
                queue::reconcile(&self.panel.panel.db).await.unwrap();
                for record in records.iter_mut() {
                    record.reconcile();
                }
            }
        }
    }

    async fn add(&self, server: &OwnedServer, records: &mut Vec<Record>) {
        let port = self.port();
        let (id, operation) = self.panel.add_rule(server, &port).await;
        records.push(Record {
            id: id.0,
            status: Status::Pending,
            has_reason: false,
            work: Some(Work::new(operation, Verb::Install, None)),
        });
    }

    async fn change(&self, server: &OwnedServer, record: &mut Record) {
        let (db, who) = (&self.panel.panel.db, &self.panel.who);
        let changed =
            firewall::request_change(db, who, server, RuleId(record.id), rule(&self.port())).await;
        let allowed = matches!(record.status, Status::Active | Status::Failed);
        expect(&changed, allowed, record);
        if allowed {
            let operation = self.operation_of(record).await;
            record.begin(
                Work::new(operation, Verb::Change, Some(record.status)),
                Status::Installing,
            );
        }
    }

    async fn remove(&self, server: &OwnedServer, record: &mut Record) {
        let (db, who) = (&self.panel.panel.db, &self.panel.who);
        let removed = managed::request_removal(db, who, server, KIND, record.id).await;
        let allowed = !record.status.is_transitional();
        expect(&removed, allowed, record);
        if let Ok(operation) = removed {
            record.begin(
                Work::new(operation, Verb::Remove, Some(record.status)),
                Status::Removing,
            );
        }
    }

    async fn retry(&self, server: &OwnedServer, record: &mut Record) {
        let panel = domain::Panel {
            limits: Arc::default(),
            ..self.panel.panel.clone()
        };
        let retried = managed::retry(&panel, &self.panel.who, server, KIND, record.id).await;
        expect(&retried, record.status == Status::Failed, record);
        if let Ok(operation) = retried {
            record.begin(Work::new(operation, Verb::Install, None), Status::Pending);
        }
    }

    async fn cancel(&self, record: &mut Record) {
        let (db, who) = (&self.panel.panel.db, &self.panel.who);
        let operation = self.operation_of(record).await;
        let owned = domain::access::owned_operation(db, who, operation)
            .await
            .unwrap();
        let cancelled = queue::cancel(db, who, &owned).await;
        expect(&cancelled, record.work.is_some(), record);
        match &mut record.work {
            Some(work) if work.left_behind => work.cancelled = true,
            Some(_) => record.end(End::Cancelled),
            None => {}
        }
    }

    async fn work(&self, server: &OwnedServer, records: &mut Vec<Record>, fails: bool) {
        let remote = &self.panel.connector.remote;
        // What a crash left running on the server has come to its end there.
        remote.finish_jobs();
        self.fails_once.store(fails, Ordering::SeqCst);
        let worker = self.panel.restart_worker().await;
        self.until(server, |running, queued| running + queued == 0)
            .await;
        worker.drain().await;
        let mut fails = self.fails_once.swap(false, Ordering::SeqCst) != fails;
        while let Some(record) = next(records) {
            let work = record.work.as_ref().unwrap();
            let end = if work.left_behind && work.claims >= MOST_CLAIMS {
                End::Failed
            } else if work.cancelled {
                End::Cancelled
            } else if fails && !work.left_behind {
                fails = false;
                End::Failed
            } else {
                End::Succeeded
            };
            record.end(end);
            records.retain(|record| !record.is_gone());
        }
    }

    async fn crash(&self, server: &OwnedServer, records: &mut Vec<Record>) {
        let remote = &self.panel.connector.remote;
        if next(records).is_some_and(|record| record.work.as_ref().is_some_and(Work::is_hopeless)) {
            // Nobody looks at that one any more; the next one would wait for it.
            remote.finish_jobs();
        }
        self.hangs.store(true, Ordering::SeqCst);
        let before = remote.attended().len();
        let worker = self.panel.restart_worker().await;
        let hangs = || remote.running_jobs() > 0 && remote.attended().len() > before;
        self.until(server, |running, queued| {
            running + queued == 0 || running == 1 && hangs()
        })
        .await;
        worker.kill();
        self.hangs.store(false, Ordering::SeqCst);
        while let Some(record) = next(records) {
            let work = record.work.as_mut().unwrap();
            if work.is_hopeless() {
                record.end(End::Failed);
            } else if work.cancelled {
                record.end(End::Cancelled);
            } else {
                work.claims += 1;
                work.left_behind = true;
                break;
            }
            records.retain(|record| !record.is_gone());
        }
    }

    async fn lose(&self, record: &mut Record) {
        let Some(work) = record.work.take() else {
            return;
        };
        self.panel.connector.remote.finish_jobs();
        let mut tx = self.panel.panel.db.begin().await.unwrap();
        let row = operation::Entity::find_by_id(work.id)
            .one(tx.reads())
            .await
            .unwrap()
            .unwrap();
        let state = OperationState::Failed.as_str();
        tx.update(&row, |row| row.state = state.into())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        record.lost(work.prior);
        queue::reconcile(&self.panel.panel.db).await.unwrap();
    }

    /// Waits until the numbers of running and queued operations are as wanted.
    async fn until(&self, server: &OwnedServer, wanted: impl Fn(usize, usize) -> bool) {
        for _ in 0..3000 {
            let rows = operation::Entity::find()
                .filter(operation::Column::ServerId.eq(server.id().0))
                .filter(operation::Column::State.is_in(["running", "queued"]))
                .all(self.panel.panel.db.reads())
                .await
                .unwrap();
            let running = rows.iter().filter(|row| row.state == "running").count();
            if wanted(running, rows.len() - running) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the worker did not get on");
    }

    async fn compare(&self, records: &[Record]) -> Result<(), TestCaseError> {
        for record in records {
            let row = firewall_rule::Entity::find_by_id(record.id)
                .one(self.panel.panel.db.reads())
                .await
                .unwrap();
            prop_assert!(row.is_some(), "is gone: {:?}", record);
            let row = row.unwrap();
            prop_assert_eq!(
                Status::parse(&row.status),
                Some(record.status),
                "{:?}, {:?}",
                record,
                row.error_log
            );
            prop_assert_eq!(
                row.error_log.is_some(),
                record.has_reason,
                "{:?}, {:?}",
                record,
                row.error_log
            );
        }
        let found = records.iter().map(|record| record.id).collect::<Vec<_>>();
        let server = self.servers.load(Ordering::SeqCst);
        let rows = firewall_rule::Entity::find()
            .order_by_asc(firewall_rule::Column::Id)
            .filter(firewall_rule::Column::ServerId.eq(i64::from(server)))
            .all(self.panel.panel.db.reads())
            .await
            .unwrap();
        let rows = rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
        prop_assert_eq!(rows, found, "what is removed is gone");
        Ok(())
    }

    async fn operation_of(&self, record: &Record) -> OperationId {
        let row = operation::Entity::find()
            .filter(operation::Column::ResourceId.eq(record.id))
            .order_by_desc(operation::Column::Id)
            .one(self.panel.panel.db.reads())
            .await
            .unwrap();
        OperationId(row.unwrap().id)
    }

    fn port(&self) -> String {
        self.ports.fetch_add(1, Ordering::SeqCst).to_string()
    }
}

const KIND: ResourceKind = ResourceKind::FirewallRule;

/// What a worker takes next: what was left behind, or else the oldest.
fn next(records: &mut [Record]) -> Option<&mut Record> {
    let under_way = records.iter_mut().filter(|record| record.work.is_some());
    under_way.min_by_key(|record| {
        let work = record.work.as_ref().unwrap();
        (!work.left_behind, work.id)
    })
}

impl Work {
    fn new(operation: OperationId, verb: Verb, prior: Option<Status>) -> Self {
        Self {
            id: operation.0,
            verb,
            prior,
            left_behind: false,
            claims: 0,
            cancelled: false,
        }
    }

    fn is_hopeless(&self) -> bool {
        self.left_behind && self.claims >= MOST_CLAIMS
    }
}

impl Record {
    fn begin(&mut self, work: Work, status: Status) {
        self.work = Some(work);
        self.status = status;
        self.has_reason = false;
    }

    fn end(&mut self, end: End) {
        let work = self.work.take().unwrap();
        let back = work.prior.unwrap_or(Status::Failed);
        match (work.verb, end) {
            (Verb::Install | Verb::Change, End::Succeeded) => {
                (self.status, self.has_reason) = (Status::Active, false);
            }
            // Gone: nothing is left to compare.
            (Verb::Remove, End::Succeeded) => self.id = 0,
            (Verb::Install | Verb::Change | Verb::Remove, End::Failed) => {
                (self.status, self.has_reason) = (back, true);
            }
            (Verb::Install | Verb::Change | Verb::Remove, End::Cancelled) => {
                (self.status, self.has_reason) = (back, back == Status::Failed);
            }
        }
    }

    fn lost(&mut self, prior: Option<Status>) {
        (self.status, self.has_reason) = (prior.unwrap_or(Status::Failed), true);
    }

    /// Nothing to find where everything has its operation.
    fn reconcile(&mut self) {
        assert_eq!(self.status.is_transitional(), self.work.is_some());
    }

    fn is_gone(&self) -> bool {
        self.id == 0
    }
}

/// Done where the model allows it, or else refused in words.
fn expect<T: std::fmt::Debug>(done: &Result<T, Error>, allowed: bool, record: &Record) {
    match done {
        Ok(_) => assert!(allowed, "{record:?}"),
        Err(Error::Known(ApiError::Conflict { .. })) => assert!(!allowed, "{record:?}: {done:?}"),
        Err(error) => panic!("{record:?}: {error:?}"),
    }
}

fn rule(port: &str) -> NewRule {
    let fields = RuleFields {
        name: format!("Port {port}"),
        port: port.into(),
        protocol: Protocol::Tcp,
        source: String::new(),
        action: Deed::Allow,
    };
    NewRule::parse(&fields).unwrap()
}
