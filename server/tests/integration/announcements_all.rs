//! Every table, each by the same rules: what it announces, to whom, and when it keeps quiet.

use std::collections::BTreeSet;

use domain::bus::{Heard, Listener, Topic};
use domain::db::Record;
use domain::entities::{
    audit_entry, firewall_rule, invitation, operation, operation_output, operation_secret,
    operation_step, program, program_process, scheduled_task, scheduler, session, setting,
    task_run, user,
};
use futures::FutureExt;
use sea_orm::ActiveValue::NotSet;
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, EntityName, EntityTrait, IntoActiveModel, Set,
};
use serde_json::json;
use wire::programs::ProcessState;
use wire::{ProgramId, ServerId, TaskId};

use crate::databases::tables;
use crate::support::{TestApp, Visitor, program as program_fields, rule, task};
use crate::{programs, scheduler_runs};

/// Everybody who could hear of something.
struct Ears(Vec<(&'static str, Listener)>);

impl Ears {
    fn new(app: &TestApp, topics: [(&'static str, Topic); 6]) -> Self {
        Self(
            topics
                .into_iter()
                .map(|(name, topic)| {
                    let mut listener = app.panel.db.bus().listen();
                    listener.join(topic);
                    (name, listener)
                })
                .collect(),
        )
    }

    /// Who has heard something since the last call; nobody may hear it twice. A commit returns when
    /// everybody was told.
    fn heard(&mut self, of: &str) -> BTreeSet<&'static str> {
        let mut heard = BTreeSet::new();
        for (name, listener) in &mut self.0 {
            while listener.next().now_or_never().flatten().is_some() {
                assert!(heard.insert(*name), "{name} heard twice of {of}");
            }
        }
        heard
    }
}

/// What was looked at, by the names of tables.
struct Rules<'a> {
    app: &'a TestApp,
    ears: Ears,
    covered: BTreeSet<String>,
}

impl Rules<'_> {
    /// Takes a row through everything that can happen to it. `news` is a change that is meant to be heard of,
    /// `trifle` one that is not.
    async fn hold_for<M, A>(
        &mut self,
        row: M,
        news: impl Fn(&mut M),
        trifle: impl Fn(&mut M),
        wanted: &[&'static str],
    ) where
        M: Record + IntoActiveModel<A>,
        M::Entity: EntityTrait<Model = M> + Default + EntityName,
        A: ActiveModelTrait<Entity = M::Entity> + ActiveModelBehavior + Send + 'static,
    {
        let table = M::Entity::default().table_name().to_owned();
        let wanted: BTreeSet<_> = wanted.iter().copied().collect();
        self.ears.heard("the preparation");

        let mut tx = self.app.panel.db.begin().await.unwrap();
        tx.update(&row, &news).await.unwrap();
        tx.delete(row.clone()).await.unwrap();
        drop(tx);
        assert!(self.ears.heard(&table).is_empty(), "{table}: rolled back");

        let mut tx = self.app.panel.db.begin().await.unwrap();
        tx.update(&row, |_| {}).await.unwrap();
        let row = tx.update(&row, &trifle).await.unwrap();
        tx.commit().await.unwrap();
        assert!(self.ears.heard(&table).is_empty(), "{table}: no news");

        let mut tx = self.app.panel.db.begin().await.unwrap();
        let row = tx.update(&row, &news).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(self.ears.heard(&table), wanted, "{table}: updated");

        let mut tx = self.app.panel.db.begin().await.unwrap();
        let again: A = row.clone().into_active_model().reset_all();
        tx.delete(row).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(self.ears.heard(&table), wanted, "{table}: deleted");

        let mut tx = self.app.panel.db.begin().await.unwrap();
        tx.insert(again).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(self.ears.heard(&table), wanted, "{table}: created");
        self.covered.insert(table);
    }
}

const SERVER: [&str; 2] = ["the server", "the owner's servers"];

#[tokio::test]
async fn every_table_announces_what_is_news_to_whom_it_concerns_and_nothing_else() {
    let app = TestApp::start().await;
    let (administrator, owner) = (app.owner().await, app.member("Olive").await);
    let other = app.member("Otto").await;
    let server = app.provisioned_server(&owner).await;
    prepare(&app, &administrator, &owner, server).await;
    let (olive, otto) = (owner.who.user(), other.who.user());
    let topics = [
        ("the server", Topic::Server(server)),
        ("the owner's servers", Topic::ServersOf(olive)),
        ("the owner's account", Topic::AccountOf(olive)),
        ("the other's account", Topic::AccountOf(otto)),
        ("the other's servers", Topic::ServersOf(otto)),
        (
            "the administrator's account",
            Topic::AccountOf(administrator.who.user()),
        ),
    ];
    let mut rules = Rules {
        app: &app,
        ears: Ears::new(&app, topics),
        covered: BTreeSet::new(),
    };
    let row = first::<operation_output::Entity>(&app).await;
    let news = |row: &mut operation_output::Model| row.text.push('!');
    rules.hold_for(row, news, |_| {}, &["the server"]).await;
    let row = first::<operation_step::Entity>(&app).await;
    let news = |row: &mut operation_step::Model| row.status = "running".into();
    let trifle = |row: &mut operation_step::Model| row.progress = Some("5".into());
    rules.hold_for(row, news, trifle, &SERVER).await;
    let row = first::<operation_secret::Entity>(&app).await;
    let news = |row: &mut operation_secret::Model| row.expires_at += 1;
    rules.hold_for(row, news, |_| {}, &[]).await;
    let row = first::<firewall_rule::Entity>(&app).await;
    let news = |row: &mut firewall_rule::Model| row.status = "active".into();
    let trifle = |row: &mut firewall_rule::Model| row.updated_at += 1;
    rules.hold_for(row, news, trifle, &SERVER).await;
    let row = first::<task_run::Entity>(&app).await;
    let news = |row: &mut task_run::Model| row.state = "succeeded".into();
    rules.hold_for(row, news, |_| {}, &SERVER).await;
    let row = first::<scheduled_task::Entity>(&app).await;
    let news = |row: &mut scheduled_task::Model| row.status = "active".into();
    let trifle = |row: &mut scheduled_task::Model| row.updated_at += 1;
    rules.hold_for(row, news, trifle, &SERVER).await;
    let row = first::<scheduler::Entity>(&app).await;
    let news = |row: &mut scheduler::Model| row.status = "failed".into();
    let trifle = |row: &mut scheduler::Model| row.updated_at += 1;
    rules.hold_for(row, news, trifle, &SERVER).await;
    let row = first::<program_process::Entity>(&app).await;
    let news = |row: &mut program_process::Model| row.state = "failed".into();
    rules.hold_for(row, news, |_| {}, &SERVER).await;
    let row = first::<program::Entity>(&app).await;
    let news = |row: &mut program::Model| row.status = "active".into();
    let trifle = |row: &mut program::Model| row.updated_at += 1;
    rules.hold_for(row, news, trifle, &SERVER).await;
    let row = first::<operation::Entity>(&app).await;
    let news = |row: &mut operation::Model| row.state = "running".into();
    let trifle = |row: &mut operation::Model| {
        row.lease_until = Some(row.lease_until.unwrap_or(0) + 1);
        row.fence += 1;
    };
    rules.hold_for(row, news, trifle, &SERVER).await;
    let row = first::<audit_entry::Entity>(&app).await;
    let news = |row: &mut audit_entry::Model| row.sentence.push('!');
    rules.hold_for(row, news, |_| {}, &[]).await;
    let row = first::<setting::Entity>(&app).await;
    let news = |row: &mut setting::Model| row.value.push('!');
    rules.hold_for(row, news, |_| {}, &[]).await;
    let row = first::<invitation::Entity>(&app).await;
    let news = |row: &mut invitation::Model| row.revoked_at = Some(5);
    let wanted = ["the administrator's account"];
    rules.hold_for(row, news, |_| {}, &wanted).await;
    let row = session::Entity::find_by_id(owner.who.session().0)
        .one(app.panel.db.reads())
        .await
        .unwrap()
        .unwrap();
    let news = |row: &mut session::Model| row.expires_at += 1;
    let trifle = |row: &mut session::Model| row.seen_at += 1;
    let wanted = ["the owner's account"];
    rules.hold_for(row, news, trifle, &wanted).await;
    let row = domain::servers::row(&app.panel.db, server).await.unwrap();
    let news = |row: &mut domain::entities::server::Model| row.name.push('!');
    let trifle = |row: &mut domain::entities::server::Model| {
        row.connection_checked_at = Some(row.connection_checked_at.unwrap_or(0) + 1);
    };
    rules.hold_for(row, news, trifle, &SERVER).await;
    let row = user::Entity::find_by_id(otto.0)
        .one(app.panel.db.reads())
        .await
        .unwrap()
        .unwrap();
    let news = |row: &mut user::Model| row.name.push('!');
    let trifle = |row: &mut user::Model| row.password_hash.push('!');
    let wanted = ["the other's account", "the administrator's account"];
    rules.hold_for(row, news, trifle, &wanted).await;

    let mut all: BTreeSet<_> = tables(app.panel.db.reads()).await.into_iter().collect();
    all.remove("seaql_migrations");
    assert_eq!(rules.covered, all, "a table that no rule was held for");
}

/// A row in every table.
async fn prepare(app: &TestApp, administrator: &Visitor, owner: &Visitor, server: ServerId) {
    let input = json!({
        "server_id": server, "rule": rule("Web", "8081"), "request_key": "key-of-a-form",
    });
    app.call(Some(owner), "/api/firewall/create", input).await;
    let input = json!({
        "server_id": server, "task": task("Backup", "true"), "request_key": "key-of-a-form",
    });
    let made = app.call(Some(owner), "/api/scheduler/create", input).await;
    let made = TaskId(made.body.as_i64().unwrap());
    scheduler_runs::record(app, server, made, "running").await;
    let input = json!({
        "server_id": server, "program": program_fields("Worker", "true"), "request_key": "key-of-a-form",
    });
    let made = app.call(Some(owner), "/api/programs/create", input).await;
    let made = ProgramId(made.body.as_i64().unwrap());
    programs::record(app, server, made, ProcessState::Running).await;
    let input = json!({ "email": "new@example.com" });
    app.call(Some(administrator), "/api/invitations/create", input)
        .await;
    let operation = first::<operation::Entity>(app).await.id;
    let mut tx = app.panel.db.begin().await.unwrap();
    tx.insert(operation_step::ActiveModel {
        id: NotSet,
        operation_id: Set(operation),
        position: Set(1),
        title: Set("Prepare".into()),
        script: Set(String::new()),
        status: Set("waiting".into()),
        vanished: Set(0),
        ..Default::default()
    })
    .await
    .unwrap();
    tx.insert(operation_output::ActiveModel {
        id: NotSet,
        operation_id: Set(operation),
        step: Set(1),
        text: Set("said".into()),
    })
    .await
    .unwrap();
    tx.insert(operation_secret::ActiveModel {
        operation_id: Set(operation),
        session_id: Set(owner.who.session().0),
        sealed: Set("sealed".into()),
        expires_at: Set(i64::MAX - 1),
    })
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

async fn first<E: EntityTrait>(app: &TestApp) -> E::Model {
    E::find().one(app.panel.db.reads()).await.unwrap().unwrap()
}

#[tokio::test]
async fn nobody_who_listens_can_hold_up_a_write_or_make_it_fail() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    let mut listeners: Vec<Listener> = (0..3).map(|_| app.panel.db.bus().listen()).collect();
    for listener in &mut listeners {
        listener.join(Topic::Server(server));
    }
    // One goes, one takes nothing, one is told that it fell behind.
    listeners.pop();
    for number in 0..300 {
        let row = domain::servers::row(&app.panel.db, server).await.unwrap();
        let mut tx = app.panel.db.begin().await.unwrap();
        tx.update(&row, |row| row.name = format!("web-{number}"))
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    let row = domain::servers::row(&app.panel.db, server).await.unwrap();
    assert_eq!(row.name, "web-299");
    assert!(matches!(listeners[0].next().await, Some(Heard::Gap)));
}
