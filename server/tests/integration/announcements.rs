use domain::bus::{Heard, Listener, Topic};
use domain::entities::server;
use sea_orm::EntityTrait;
use serde_json::json;
use tokio::time::{Duration, timeout};
use wire::event::{Channel, Event};
use wire::{ServerId, UserId};

use crate::support::{TestApp, Visitor, rule};

async fn silent(listener: &mut Listener) -> bool {
    timeout(Duration::from_millis(100), listener.next())
        .await
        .is_err()
}

fn listen(app: &TestApp, who: &Visitor, channel: Channel) -> Listener {
    let mut listener = app.panel.db.bus().listen();
    listener.join(Topic::of(channel, who.who.user()));
    listener
}

#[tokio::test]
async fn a_new_rule_is_announced_once_on_each_of_both_channels() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    let mut specific = listen(&app, &owner, Channel::Server(id));
    let mut generic = listen(&app, &owner, Channel::Servers);
    app.call(
        Some(&owner),
        "/api/firewall/create",
        json!({
            "server_id": id, "rule": rule("Web", "8081"), "request_key": "key-of-a-form",
        }),
    )
    .await;
    for listener in [&mut specific, &mut generic] {
        let heard = timeout(Duration::from_secs(1), listener.next())
            .await
            .unwrap();
        let Some(Heard::Event(delivery)) = heard else {
            panic!("{heard:?}");
        };
        assert!(
            matches!(*delivery.event, Event::ServerUpdated { server_id, .. } if server_id == id)
        );
        assert!(
            silent(listener).await,
            "row, operation and audit entry are one change"
        );
    }
}

#[tokio::test]
async fn a_rollback_tells_nobody() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    let mut listener = listen(&app, &owner, Channel::Server(id));
    let mut tx = app.panel.db.begin().await.unwrap();
    let row = find(&app, id).await;
    tx.update(&row, |row| row.name = "renamed".into())
        .await
        .unwrap();
    drop(tx);
    assert!(silent(&mut listener).await);
    assert_eq!(find(&app, id).await.name, "web-1");
}

#[tokio::test]
async fn a_save_without_a_meaningful_change_is_silent() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    let mut listener = listen(&app, &owner, Channel::Server(id));
    for change in [
        |_: &mut server::Model| {},
        |row: &mut server::Model| row.connection_checked_at = Some(5),
    ] {
        let mut tx = app.panel.db.begin().await.unwrap();
        let row = find(&app, id).await;
        tx.update(&row, change).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert!(silent(&mut listener).await);
}

#[tokio::test]
async fn a_removed_server_is_announced_to_its_owner() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    let mut generic = listen(&app, &owner, Channel::Servers);
    let mut tx = app.panel.db.begin().await.unwrap();
    let row = find(&app, id).await;
    tx.delete(row).await.unwrap();
    tx.commit().await.unwrap();
    assert!(
        timeout(Duration::from_secs(1), generic.next())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn nobody_hears_of_another_owners_servers() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.owner().await, app.other_owner().await);
    let mut generic = listen(&app, &bob, Channel::Servers);
    app.provisioned_server(&ada).await;
    assert!(silent(&mut generic).await);
    assert_ne!(ada.who.user(), UserId(bob.who.user().0));
}

async fn find(app: &TestApp, id: ServerId) -> server::Model {
    server::Entity::find_by_id(id.0)
        .one(app.panel.db.reads())
        .await
        .unwrap()
        .unwrap()
}
