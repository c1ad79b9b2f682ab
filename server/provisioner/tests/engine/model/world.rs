//! The real thing that is held against the model.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use domain::access::OwnedServer;
use domain::entities::{firewall_rule, operation};
use domain::{Error, firewall, managed, queue};
use proptest::prelude::*;
use provisioner::firewall::TAKE_BACK;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use ssh::Stream;
use ssh::fake::Answer;
use wire::firewall::{Action, NewRule, Protocol, RuleFields};
use wire::operations::OperationState;
use wire::{ApiError, OperationId, ResourceKind, RuleId, Status};

use super::{End, Event, Record, Verb, Work, next};
use crate::cuts::is_rule;
use crate::panel::TestPanel;

const KIND: ResourceKind = ResourceKind::FirewallRule;

/// A panel with a server, new for each play: what one leaves behind must not explain what another finds.
pub struct World {
    panel: TestPanel,
    server: OwnedServer,
    ports: AtomicU32,
    hangs: Arc<AtomicBool>,
    fails_once: Arc<AtomicBool>,
}

impl World {
    pub async fn new() -> Self {
        let panel = TestPanel::new().await;
        let server = panel.server("web-1", "203.0.113.7").await;
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
                if run.script == TAKE_BACK {
                    return Answer::stdout("::fact rollback done\n");
                }
                Answer::code(0).taking(Duration::from_secs(takes))
            }
        });
        Self {
            panel,
            server,
            ports: AtomicU32::new(2000),
            hangs,
            fails_once,
        }
    }

    pub async fn play(&self, events: &[Event]) -> Result<(), TestCaseError> {
        let mut records = Vec::new();
        for event in events {
            self.happens(*event, &mut records).await;
            self.compare(&records).await?;
        }
        // Whatever was left under way comes to its end.
        self.happens(Event::Work, &mut records).await;
        self.compare(&records).await?;
        let stuck = records
            .iter()
            .filter(|record| record.status.is_transitional())
            .count();
        prop_assert_eq!(stuck, 0);
        prop_assert_eq!(queue::reconcile(&self.panel.panel.db).await.unwrap(), 0);
        Ok(())
    }

    async fn happens(&self, event: Event, records: &mut Vec<Record>) {
        let chosen = |number: usize| (!records.is_empty()).then(|| number % records.len());
        match event {
            Event::Add => self.add(records).await,
            Event::Change(number) => {
                if let Some(at) = chosen(number) {
                    self.change(&mut records[at]).await;
                }
            }
            Event::Remove(number) => {
                if let Some(at) = chosen(number) {
                    self.remove(&mut records[at]).await;
                }
            }
            Event::Retry(number) => {
                if let Some(at) = chosen(number) {
                    self.retry(&mut records[at]).await;
                }
            }
            Event::Cancel(number) => {
                if let Some(at) = chosen(number) {
                    self.cancel(&mut records[at]).await;
                }
            }
            Event::Work => self.work(records, false).await,
            Event::WorkThatFails => self.work(records, true).await,
            Event::Crash => self.crash(records).await,
            Event::Lose(number) => {
                if let Some(at) = chosen(number) {
                    self.lose(&mut records[at]).await;
                }
            }
            Event::Reconcile => {
                queue::reconcile(&self.panel.panel.db).await.unwrap();
                for record in records.iter() {
                    record.reconcile();
                }
            }
        }
    }

    async fn add(&self, records: &mut Vec<Record>) {
        let port = self.port();
        let (id, operation) = self.panel.add_rule(&self.server, &port).await;
        records.push(Record {
            id: id.0,
            status: Status::Pending,
            has_reason: false,
            work: Some(Work::new(operation, Verb::Install, None)),
        });
    }

    async fn change(&self, record: &mut Record) {
        let (db, who) = (&self.panel.panel.db, &self.panel.who);
        let changed = firewall::request_change(
            db,
            who,
            &self.server,
            RuleId(record.id),
            rule(&self.port()),
            None,
        )
        .await;
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

    async fn remove(&self, record: &mut Record) {
        let (db, who) = (&self.panel.panel.db, &self.panel.who);
        let removed = managed::request_removal(db, who, &self.server, KIND, record.id).await;
        let allowed = !record.status.is_transitional();
        expect(&removed, allowed, record);
        if let Ok(operation) = removed {
            record.begin(
                Work::new(operation, Verb::Remove, Some(record.status)),
                Status::Removing,
            );
        }
    }

    async fn retry(&self, record: &mut Record) {
        let panel = domain::Panel {
            limits: Arc::default(),
            ..self.panel.panel.clone()
        };
        let retried = managed::retry(&panel, &self.panel.who, &self.server, KIND, record.id).await;
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

    async fn work(&self, records: &mut Vec<Record>, fails: bool) {
        let remote = &self.panel.connector.remote;
        // What a crash left running on the server has come to its end there.
        remote.finish_jobs();
        self.fails_once.store(fails, Ordering::SeqCst);
        let worker = self.panel.restart_worker().await;
        self.until(|running, queued| running + queued == 0).await;
        worker.drain().await;
        let mut fails = self.fails_once.swap(false, Ordering::SeqCst) != fails;
        while let Some(record) = next(records) {
            let work = record.work.as_ref().unwrap();
            let end = if work.is_hopeless() {
                End::Unknown
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

    async fn crash(&self, records: &mut Vec<Record>) {
        let remote = &self.panel.connector.remote;
        self.hangs.store(true, Ordering::SeqCst);
        let before = remote.attended().len();
        let worker = self.panel.restart_worker().await;
        let hangs = || remote.running_jobs() > 0 && remote.attended().len() > before;
        self.until(|running, queued| running + queued == 0 || running == 1 && hangs())
            .await;
        worker.kill();
        self.hangs.store(false, Ordering::SeqCst);
        while let Some(record) = next(records) {
            let work = record.work.as_mut().unwrap();
            if work.is_hopeless() {
                record.end(End::Unknown);
            } else if work.cancelled {
                record.end(End::Cancelled);
            } else {
                work.claims += 1;
                work.left_behind = true;
                if work.verb == Verb::Install {
                    record.status = Status::Installing;
                }
                break;
            }
            records.retain(|record| !record.is_gone());
        }
    }

    async fn lose(&self, record: &mut Record) {
        let Some(work) = record.work.take() else {
            return;
        };
        if work.left_behind {
            // What nobody looks at any more would hold up the next one until its deadline.
            self.panel.connector.remote.finish_jobs();
        }
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
    async fn until(&self, wanted: impl Fn(usize, usize) -> bool) {
        for _ in 0..3000 {
            let rows = operation::Entity::find()
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
        let rows = firewall_rule::Entity::find()
            .order_by_asc(firewall_rule::Column::Id)
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
        action: Action::Allow,
    };
    NewRule::parse(&fields).unwrap()
}
