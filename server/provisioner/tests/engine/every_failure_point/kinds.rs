//! How each kind of operation is brought about: asked for, looked at, retried. A kind that is not here does not
//! compile, and so every kind there will ever be goes through all of its failure points.

use std::net::Ipv4Addr;
use std::time::Instant;

use domain::access::{self, OwnedServer};
use domain::entities::{
    self, firewall_rule, operation, operation_step, program, scheduled_task, server,
};
use domain::scheduler::{self, TaskChange, installation};
use domain::{Error, authorize, firewall, managed, operations, programs, servers};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use wire::authorize::PasswordInput;
use wire::operations::{OperationKind, OperationState, StepStatus};
use wire::{OperationId, ProgramId, ResourceKind, RuleId, Status, TaskId};

use super::bench::{Bench, LOOK, PRINTED, SHOWN};
use super::records::{active, rule, task, worker};

pub fn all() -> Vec<OperationKind> {
    let mut kinds = vec![
        OperationKind::Authorize,
        OperationKind::Provision,
        OperationKind::Reboot,
        OperationKind::RunTask,
    ];
    for kind in ResourceKind::ALL {
        kinds.extend([
            OperationKind::Install(kind),
            OperationKind::Change(kind),
            OperationKind::Remove(kind),
        ]);
    }
    kinds
}

/// What an operation is asked for.
pub struct Subject {
    kind: OperationKind,
    server: OwnedServer,
    /// Of a managed resource the record: from the beginning, but for an installation, which makes it.
    record: Option<i64>,
}

/// How a subject stands, as the database has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    record: Option<(i64, Status, Option<String>)>,
    provision_status: Option<String>,
    operations: Vec<operation::Model>,
    running_steps: usize,
}

impl Subject {
    /// Makes what is there before anybody asks. Each has a server of its own.
    pub async fn prepare(bench: &Bench, kind: OperationKind) -> Self {
        let number = bench.next_number();
        let address = Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 0).to_bits() + number);
        let server = bench
            .observer
            .server(&format!("web-{number}"), &address.to_string())
            .await;
        let record = match kind {
            OperationKind::Authorize => {
                wait_for_key(bench, &server).await;
                None
            }
            // It leaves a scheduler.
            OperationKind::Provision | OperationKind::Install(ResourceKind::Scheduler) => {
                forget_scheduler(bench, &server).await;
                None
            }
            OperationKind::Reboot
            | OperationKind::Install(
                ResourceKind::FirewallRule | ResourceKind::ScheduledTask | ResourceKind::Program,
            ) => None,
            OperationKind::RunTask => {
                Some(active(bench, &server, ResourceKind::ScheduledTask).await)
            }
            OperationKind::Change(kind) | OperationKind::Remove(kind) => {
                Some(active(bench, &server, kind).await)
            }
        };
        let server = owned(bench, &server).await;
        Self {
            kind,
            server,
            record,
        }
    }

    pub async fn request(&self, bench: &Bench) -> Result<(), Error> {
        let (panel, who, server) = (&bench.panel(), &bench.observer.who, &self.server);
        match self.kind {
            OperationKind::Authorize => {
                let input = PasswordInput {
                    server_id: server.id(),
                    password: "hunter2".into(),
                };
                authorize::request(panel, who, server, input.parse().unwrap())
                    .await
                    .map(drop)
            }
            OperationKind::Provision => servers::request_provisioning(&panel.db, who, server, None)
                .await
                .map(drop),
            OperationKind::Reboot => servers::request_reboot(&panel.db, who, server)
                .await
                .map(drop),
            OperationKind::RunTask => {
                let id = TaskId(self.record.unwrap());
                scheduler::run_now(panel, who, server, id).await.map(drop)
            }
            OperationKind::Install(kind) => match kind {
                ResourceKind::Scheduler => installation::request(&panel.db, who, server)
                    .await
                    .map(drop),
                ResourceKind::Program => {
                    programs::request(panel, who, server, worker("true"), "key-of-a-form")
                        .await
                        .map(drop)
                }
                ResourceKind::ScheduledTask => {
                    scheduler::request(&panel.db, who, server, task("true"), "key-of-a-form")
                        .await
                        .map(drop)
                }
                ResourceKind::FirewallRule => {
                    firewall::request(&panel.db, who, server, rule("8081"), "key-of-a-form")
                        .await
                        .map(drop)
                }
            },
            OperationKind::Change(kind) => match kind {
                ResourceKind::Scheduler => installation::request_repair(&panel.db, who, server)
                    .await
                    .map(drop),
                ResourceKind::Program => {
                    let id = ProgramId(self.record.unwrap());
                    programs::request_edit(panel, who, server, id, worker("false"), None)
                        .await
                        .map(drop)
                }
                ResourceKind::ScheduledTask => {
                    let id = TaskId(self.record.unwrap());
                    let change = TaskChange::Edit(task("false"));
                    scheduler::request_change(&panel.db, who, server, id, change, None)
                        .await
                        .map(drop)
                }
                ResourceKind::FirewallRule => {
                    let id = RuleId(self.record.unwrap());
                    firewall::request_change(&panel.db, who, server, id, rule("8082"), None)
                        .await
                        .map(drop)
                }
            },
            OperationKind::Remove(kind) => {
                let id = self.record.unwrap();
                managed::request_removal(&panel.db, who, server, kind, id)
                    .await
                    .map(drop)
            }
        }
    }

    /// What a user does after a failure.
    pub async fn retry(&self, bench: &Bench, failed: &Standing) -> Result<(), Error> {
        self.mend(bench).await;
        self.ask_again(bench, failed).await
    }

    /// Lets the connection be as it was before: looked at again after it was refused, say.
    pub async fn mend(&self, bench: &Bench) {
        if self.kind == OperationKind::Authorize {
            // The key may be there although the panel could not note that the password has done its work.
            return wait_for_key(bench, &self.server).await;
        }
        let db = &bench.observer.panel.db;
        servers::record_connection(db, self.server.id(), Ok(()))
            .await
            .unwrap();
    }

    pub async fn ask_again(&self, bench: &Bench, failed: &Standing) -> Result<(), Error> {
        let OperationKind::Install(kind) = self.kind else {
            return self.request(bench).await;
        };
        let (id, ..) = failed.record.as_ref().unwrap();
        managed::retry(&bench.panel(), &bench.observer.who, &self.server, kind, *id)
            .await
            .map(drop)
    }

    /// Waits until nothing is queued or running.
    pub async fn ended(&self, bench: &Bench, point: &str) {
        let since = Instant::now();
        let under_way = || {
            let states = [OperationState::Queued, OperationState::Running];
            operation::Entity::find()
                .filter(operation::Column::ServerId.eq(self.server.id().0))
                .filter(operation::Column::State.is_in(states.map(OperationState::as_str)))
                .one(bench.observer.panel.db.reads())
        };
        while let Some(row) = under_way().await.unwrap() {
            assert!(
                since.elapsed().as_secs() < 60,
                "{point}: is stuck: {row:#?}"
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    pub async fn standing(&self, bench: &Bench) -> Standing {
        let conn = bench.observer.panel.db.reads();
        let operations = operation::Entity::find()
            .filter(operation::Column::ServerId.eq(self.server.id().0))
            .order_by_asc(operation::Column::Id)
            .all(conn)
            .await
            .unwrap();
        let running_steps = operation_step::Entity::find()
            .filter(operation_step::Column::OperationId.is_in(operations.iter().map(|row| row.id)))
            .filter(operation_step::Column::Status.eq(StepStatus::Running.as_str()))
            .all(conn)
            .await
            .unwrap()
            .len();
        let row = server::Entity::find_by_id(self.server.id().0)
            .one(conn)
            .await
            .unwrap()
            .unwrap();
        let record = match self.kind {
            OperationKind::Authorize | OperationKind::Reboot | OperationKind::RunTask => None,
            OperationKind::Provision => self.scheduler(bench).await,
            OperationKind::Install(kind)
            | OperationKind::Change(kind)
            | OperationKind::Remove(kind) => match kind {
                ResourceKind::Scheduler => self.scheduler(bench).await,
                ResourceKind::FirewallRule => firewall_rule::Entity::find()
                    .filter(firewall_rule::Column::ServerId.eq(self.server.id().0))
                    .one(conn)
                    .await
                    .unwrap()
                    .map(|row| (row.id, Status::parse(&row.status).unwrap(), row.error_log)),
                ResourceKind::ScheduledTask => scheduled_task::Entity::find()
                    .filter(scheduled_task::Column::ServerId.eq(self.server.id().0))
                    .one(conn)
                    .await
                    .unwrap()
                    .map(|row| (row.id, Status::parse(&row.status).unwrap(), row.error_log)),
                ResourceKind::Program => program::Entity::find()
                    .filter(program::Column::ServerId.eq(self.server.id().0))
                    .one(conn)
                    .await
                    .unwrap()
                    .map(|row| (row.id, Status::parse(&row.status).unwrap(), row.error_log)),
            },
        };
        Standing {
            record,
            provision_status: row.provision_status,
            operations,
            running_steps,
        }
    }

    /// The record of the server's scheduler.
    async fn scheduler(&self, bench: &Bench) -> Option<(i64, Status, Option<String>)> {
        let row = scheduler_of(bench, &self.server).await?;
        Some((row.id, Status::parse(&row.status).unwrap(), row.error_log))
    }

    /// Nothing that a step printed is lost or there twice.
    pub async fn check_output(&self, bench: &Bench, point: &str) {
        let standing = self.standing(bench).await;
        let id = OperationId(standing.operations.last().unwrap().id);
        let db = &bench.observer.panel.db;
        let owned = access::owned_operation(db, &bench.observer.who, id)
            .await
            .unwrap();
        let mut by_step = std::collections::BTreeMap::<i32, String>::new();
        for chunk in operations::output(db, &owned, 0).await.unwrap().chunks {
            by_step.entry(chunk.step).or_default().push_str(&chunk.text);
        }
        assert!(!by_step.is_empty(), "{point}: nothing was printed");
        for (step, text) in by_step {
            let shown = match (self.kind, step) {
                // What a user's command prints is text, whatever it looks like.
                (OperationKind::RunTask, 1) => format!("{PRINTED}\n"),
                _ => SHOWN.to_owned(),
            };
            assert_eq!(text, shown, "{point}: step {step}");
        }
    }
}

impl Standing {
    /// Of the latest operation.
    pub fn state(&self) -> Option<OperationState> {
        self.operations.last().map(state)
    }

    /// The end is legal, and what failed says why.
    pub fn check(&self, kind: OperationKind, point: &str) {
        assert_eq!(
            self.running_steps, 0,
            "{point}: a step of an operation that has ended runs"
        );
        for row in &self.operations {
            assert!(state(row).is_over(), "{point}: {row:#?}");
            let has_reason = row.error.as_ref().is_some_and(|error| error.len() > 10);
            assert_eq!(
                has_reason,
                state(row) != OperationState::Succeeded,
                "{point}: {row:#?}"
            );
            assert!(
                row.lease_until.is_none() && row.note.is_none(),
                "{point}: {row:#?}"
            );
        }
        let succeeded = self.state() == Some(OperationState::Succeeded);
        let provision_status = self
            .provision_status
            .as_deref()
            .map(|word| Status::parse(word).unwrap());
        match kind {
            OperationKind::Authorize | OperationKind::Reboot | OperationKind::RunTask => {}
            OperationKind::Provision => {
                let due = if succeeded {
                    Status::Active
                } else {
                    Status::Failed
                };
                assert_eq!(provision_status, Some(due), "{point}");
                // At once with that, or not at all.
                self.check_record(succeeded.then_some(Status::Active), false, point);
            }
            OperationKind::Install(_) => {
                let due = if succeeded {
                    Status::Active
                } else {
                    Status::Failed
                };
                self.check_record(Some(due), !succeeded, point);
            }
            OperationKind::Change(_) => self.check_record(Some(Status::Active), !succeeded, point),
            OperationKind::Remove(_) => {
                self.check_record((!succeeded).then_some(Status::Active), !succeeded, point);
            }
        }
    }

    /// How many operations there ever were.
    pub fn operations(&self) -> usize {
        self.operations.len()
    }

    fn check_record(&self, due: Option<Status>, with_reason: bool, point: &str) {
        let status = self.record.as_ref().map(|(_, status, _)| *status);
        assert_eq!(status, due, "{point}: {self:#?}");
        if let Some((_, _, reason)) = &self.record {
            assert_eq!(reason.is_some(), with_reason, "{point}: {self:#?}");
        }
    }
}

fn state(row: &operation::Model) -> OperationState {
    OperationState::parse(&row.state).unwrap()
}

async fn owned(bench: &Bench, server: &OwnedServer) -> OwnedServer {
    access::owned_server(&bench.observer.panel.db, &bench.observer.who, server.id())
        .await
        .unwrap()
}

async fn wait_for_key(bench: &Bench, server: &OwnedServer) {
    let row = servers::row(&bench.observer.panel.db, server.id())
        .await
        .unwrap();
    let mut tx = bench.observer.panel.db.begin().await.unwrap();
    tx.update(&row, |row| row.connection = "awaiting_key".into())
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

pub async fn scheduler_of(
    bench: &Bench,
    server: &OwnedServer,
) -> Option<entities::scheduler::Model> {
    entities::scheduler::Entity::find()
        .filter(entities::scheduler::Column::ServerId.eq(server.id().0))
        .one(bench.observer.panel.db.reads())
        .await
        .unwrap()
}

async fn forget_scheduler(bench: &Bench, server: &OwnedServer) {
    let row = scheduler_of(bench, server).await.unwrap();
    let mut tx = bench.observer.panel.db.begin().await.unwrap();
    tx.delete(row).await.unwrap();
    tx.commit().await.unwrap();
}
