//! Records that are there before an operation begins, and what somebody types into their forms.

use domain::Tx;
use domain::access::OwnedServer;
use domain::entities::{firewall_rule, program, scheduled_task};
use domain::secrets::Place;
use sea_orm::{ActiveValue::NotSet, Set};
use wire::firewall::{Action, NewRule, Protocol, RuleFields};
use wire::programs::{NewProgram, ProgramFields, SecretText, StopSignal, VariableFields};
use wire::scheduler::{Frequency, NewTask, Overlap, RunAs, TaskFields};
use wire::{ResourceKind, Status};

use super::bench::Bench;
use super::kinds::scheduler_of;

/// A record that works.
pub async fn active(bench: &Bench, server: &OwnedServer, kind: ResourceKind) -> i64 {
    let mut tx = bench.observer.panel.db.begin().await.unwrap();
    let id = match kind {
        // Every server there has one.
        ResourceKind::Scheduler => scheduler_of(bench, server).await.unwrap().id,
        ResourceKind::Program => active_program(bench, &mut tx, server).await,
        ResourceKind::FirewallRule => {
            let rule = rule("8081");
            let row = firewall_rule::ActiveModel {
                id: NotSet,
                server_id: Set(server.id().0),
                name: Set(rule.name),
                port: Set(rule.port.to_string()),
                protocol: Set(rule.protocol.as_str().to_owned()),
                source: Set(rule.source.to_string()),
                action: Set(rule.action.as_str().to_owned()),
                status: Set(Status::Active.as_str().to_owned()),
                error_log: Set(None),
                request_key: Set("an-earlier-form".to_owned()),
                created_at: Set(0),
                updated_at: Set(0),
            };
            tx.insert(row).await.unwrap().id
        }
        ResourceKind::ScheduledTask => {
            let task = task("true");
            let row = scheduled_task::ActiveModel {
                id: NotSet,
                server_id: Set(server.id().0),
                name: Set(task.name),
                command: Set(task.command),
                run_as: Set(task.run_as.as_str().to_owned()),
                frequency: Set(task.frequency.as_str().to_owned()),
                expression: Set(task.expression),
                timeout: Set(300),
                overlap: Set(task.overlap.as_str().to_owned()),
                notify: Set(task.notify),
                status: Set(Status::Active.as_str().to_owned()),
                paused: Set(false),
                error_log: Set(None),
                request_key: Set("an-earlier-form".to_owned()),
                handle: Set(format!("{:016x}", server.id().0)),
                token_hash: Set(None),
                active_since: Set(Some(0)),
                missed_at: Set(None),
                last_success_at: Set(None),
                created_at: Set(0),
                updated_at: Set(0),
            };
            tx.insert(row).await.unwrap().id
        }
    };
    tx.commit().await.unwrap();
    id
}

pub fn worker(command: &str) -> NewProgram {
    let fields = ProgramFields {
        name: "Worker".into(),
        command: command.into(),
        directory: String::new(),
        run_as: RunAs::App,
        processes: "2".into(),
        auto_restart: true,
        stop_signal: StopSignal::Term,
        stop_wait: "10".into(),
        environment: vec![VariableFields {
            name: "KEY".into(),
            value: Some(SecretText::new("canary")),
        }],
    };
    NewProgram::parse(&fields).unwrap()
}

/// Its environment is sealed for its number.
async fn active_program(bench: &Bench, tx: &mut Tx, server: &OwnedServer) -> i64 {
    let made = tx
        .insert(program::ActiveModel {
            id: NotSet,
            server_id: Set(server.id().0),
            name: Set("Worker".to_owned()),
            command: Set("true".to_owned()),
            directory: Set(String::new()),
            run_as: Set(RunAs::App.as_str().to_owned()),
            processes: Set(2),
            auto_restart: Set(true),
            stop_signal: Set(StopSignal::Term.as_str().to_owned()),
            stop_wait: Set(10),
            variables: Set(String::new()),
            sealed_environment: Set(String::new()),
            status: Set(Status::Active.as_str().to_owned()),
            stopped: Set(false),
            error_log: Set(None),
            request_key: Set("an-earlier-form".to_owned()),
            handle: Set(format!("{:016x}", server.id().0)),
            installed: Set(false),
            created_at: Set(0),
            updated_at: Set(0),
        })
        .await
        .unwrap();
    let place = Place {
        table: "programs",
        row: made.id,
        column: "sealed_environment",
    };
    let secrets = &bench.observer.panel.secrets;
    let sealed = secrets.seal(place, &"[]".into()).unwrap();
    tx.update(&made, |row| row.sealed_environment = sealed)
        .await
        .unwrap();
    made.id
}

pub fn task(command: &str) -> NewTask {
    let fields = TaskFields {
        name: "Backup".into(),
        command: command.into(),
        run_as: RunAs::App,
        frequency: Frequency::Daily,
        expression: String::new(),
        timeout: "300".into(),
        overlap: Overlap::Skip,
        notify: true,
    };
    NewTask::parse(&fields).unwrap()
}

pub fn rule(port: &str) -> NewRule {
    let fields = RuleFields {
        name: "Web".into(),
        port: port.into(),
        protocol: Protocol::Tcp,
        source: String::new(),
        action: Action::Allow,
    };
    NewRule::parse(&fields).unwrap()
}
