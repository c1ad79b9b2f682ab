use axum::http::StatusCode;
use domain::bus::Topic;
use domain::entities::audit_entry;
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::{Value, json};
use tokio::time::{Duration, timeout};
use wire::ServerId;
use wire::event::Channel;

use crate::support::{Answer, TestApp, Visitor, field};

fn shown() -> Value {
    json!({
        "name": "web-1", "address": "203.0.113.7", "port": "22", "user": "root", "provider": "", "notes": "",
    })
}

fn with(mut fields: Value, name: &str, value: &str) -> Value {
    fields[name] = json!(value);
    fields
}

async fn update(
    app: &TestApp,
    who: &Visitor,
    id: ServerId,
    fields: &Value,
    shown: &Value,
) -> Answer {
    let input = json!({
        "server_id": id, "fields": fields, "shown": shown, "host_key": "keep_pinned",
    });
    app.call(Some(who), "/api/servers/update", input).await
}

async fn show(app: &TestApp, who: &Visitor, id: ServerId) -> Value {
    app.call(Some(who), "/api/servers/show", json!({ "server_id": id }))
        .await
        .body
}

pub async fn last_entry(app: &TestApp) -> audit_entry::Model {
    audit_entry::Entity::find()
        .order_by_desc(audit_entry::Column::Id)
        .one(app.panel.db.reads())
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn name_provider_and_notes_are_saved_as_typed_and_recorded() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    let fields = json!({
        "name": " <b>web</b> ", "address": "203.0.113.7", "port": "22", "user": "root",
        "provider": "Hetzner", "notes": "</textarea><script>1</script>\r\n\u{1b}[31m two\u{202e}\n",
    });
    let answer = update(&app, &owner, id, &fields, &shown()).await;
    assert_eq!(answer.body, json!({ "outcome": "saved" }));
    let now = show(&app, &owner, id).await;
    assert_eq!(now["summary"]["name"], "<b>web</b>");
    assert_eq!(now["summary"]["provider"], "Hetzner");
    assert_eq!(
        now["notes"],
        "</textarea><script>1</script>\n\u{1b}[31m two\u{202e}\n"
    );
    let entry = last_entry(&app).await;
    assert_eq!(
        entry.sentence,
        "Change web-1: name to <b>web</b>, provider to Hetzner, notes"
    );
    // Nothing about the way in has changed, so nobody knocked.
    assert!(app.connector.calls().is_empty());
}

#[tokio::test]
async fn the_page_holds_hostile_notes_as_text_only() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    let hostile = "</textarea><script>window.hacked=1</script><img src=x onerror=alert(1)>";
    let fields = with(with(shown(), "notes", hostile), "provider", "<i>x</i>");
    update(&app, &owner, id, &fields, &shown()).await;
    for path in [format!("/servers/{id}"), format!("/servers/{id}/settings")] {
        let request = axum::http::Request::get(&path)
            .header("cookie", &owner.cookie)
            .body(axum::body::Body::empty())
            .unwrap();
        let page = app.send(request).await;
        let html = page.body.as_str().unwrap();
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(
            html.contains("&lt;i&gt;x&lt;/i&gt;"),
            "{path} shows the label"
        );
        for markup in ["</textarea><script>", "<img src=x", "<i>x</i>"] {
            assert!(!html.contains(markup), "{path} renders {markup}");
        }
    }
}

#[tokio::test]
async fn every_wrong_field_of_an_edit_gets_a_sentence() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    for (name, value) in [
        ("name", ""),
        ("name", "a\nb"),
        ("address", "http://a.example"),
        ("address", "-oProxyCommand=id"),
        ("port", "0"),
        ("user", "Root"),
        ("provider", &"x".repeat(51)),
        ("provider", "a\u{202e}b"),
        ("notes", "a\0b"),
        ("notes", &"x".repeat(4001)),
    ] {
        let answer = update(&app, &owner, id, &with(shown(), name, value), &shown()).await;
        assert!(field(&answer, name).is_some(), "{name}: {}", answer.body);
    }
    assert_eq!(show(&app, &owner, id).await["summary"]["name"], "web-1");
}

#[tokio::test]
async fn whoever_comes_second_is_told_what_the_first_one_changed() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    let first = with(with(shown(), "name", "web-2"), "notes", "first");
    update(&app, &owner, id, &first, &shown()).await;

    let second = with(shown(), "notes", "second");
    let refused = update(&app, &owner, id, &second, &shown()).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let message = refused.body["message"].as_str().unwrap();
    assert!(
        message.contains("the name is now web-2") && message.contains("the notes changed"),
        "{message}"
    );
    assert_eq!(show(&app, &owner, id).await["notes"], "first");

    // Having seen it, the second one may go on.
    let answer = update(
        &app,
        &owner,
        id,
        &with(first.clone(), "notes", "second"),
        &first,
    )
    .await;
    assert_eq!(answer.body, json!({ "outcome": "saved" }));
    assert_eq!(show(&app, &owner, id).await["notes"], "second");
}

#[tokio::test]
async fn two_edits_at_once_never_both_win() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    let (one, two) = (with(shown(), "name", "one"), with(shown(), "name", "two"));
    let was = shown();
    let answers = tokio::join!(
        update(&app, &owner, id, &one, &was),
        update(&app, &owner, id, &two, &was)
    );
    let mut statuses = [answers.0.status, answers.1.status];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::CONFLICT]);
}

#[tokio::test]
async fn work_that_moves_only_a_status_disturbs_no_edit() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    app.call(
        Some(&owner),
        "/api/servers/check",
        json!({ "server_id": id }),
    )
    .await;
    let answer = update(&app, &owner, id, &with(shown(), "name", "web-2"), &shown()).await;
    assert_eq!(answer.body, json!({ "outcome": "saved" }));
}

#[tokio::test]
async fn the_way_in_stays_while_an_operation_is_under_way_and_the_rest_can_be_saved() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    app.call(
        Some(&owner),
        "/api/servers/provision",
        json!({ "server_id": id }),
    )
    .await;
    for (name, value) in [
        ("address", "203.0.113.8"),
        ("port", "2222"),
        ("user", "admin"),
    ] {
        let refused = update(&app, &owner, id, &with(shown(), name, value), &shown()).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{name}");
        let message = refused.body["message"].as_str().unwrap();
        assert!(message.contains("Provision web-1"), "{message}");
    }
    let answer = update(&app, &owner, id, &with(shown(), "notes", "later"), &shown()).await;
    assert_eq!(answer.body, json!({ "outcome": "saved" }));
}

#[tokio::test]
async fn another_user_is_tried_at_once_and_waits_for_the_key_if_refused() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    app.connector.refuse(Some(ssh::Error::KeyRefused {
        place: ssh::Place::new("203.0.113.7", 22),
        user: "admin".into(),
        offered: vec!["publickey".into()],
        more_needed: false,
    }));
    update(&app, &owner, id, &with(shown(), "user", "admin"), &shown()).await;
    let input = json!({ "server_id": id });
    app.wait_for(&owner, "/api/servers/show", input.clone(), |body| {
        body["summary"]["connection"] == "awaiting_key"
            && body["summary"]["connection_checked_at"].is_i64()
    })
    .await;
    app.connector.refuse(None);
    app.call(Some(&owner), "/api/servers/check", input.clone())
        .await;
    let now = show(&app, &owner, id).await;
    assert_eq!(now["summary"]["connection"], "connected");
    assert!(
        app.connector
            .calls()
            .iter()
            .all(|call| matches!(call, ssh::fake::Call::Connect { user, .. } if user == "admin"))
    );
}

#[tokio::test]
async fn a_place_that_another_server_has_is_refused() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    app.call(Some(&owner), "/api/servers/create", json!({
        "name": "web-2", "address": "203.0.113.8", "port": "22", "user": "root", "host_key": crate::support::HOST_KEY,
    }))
    .await;
    let answer = update(
        &app,
        &owner,
        id,
        &with(shown(), "address", "203.0.113.8"),
        &shown(),
    )
    .await;
    assert_eq!(
        field(&answer, "address"),
        Some("web-2 has this address and port already.")
    );
}

#[tokio::test]
async fn an_edit_is_announced_once_and_one_that_changes_nothing_is_not() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    let mut listener = app.panel.db.bus().listen();
    listener.join(Topic::of(Channel::Server(id), owner.who.user()));
    let news = async |listener: &mut domain::bus::Listener| {
        timeout(Duration::from_millis(200), listener.next())
            .await
            .is_ok()
    };
    update(&app, &owner, id, &shown(), &shown()).await;
    assert!(!news(&mut listener).await);
    update(&app, &owner, id, &with(shown(), "notes", "x"), &shown()).await;
    assert!(news(&mut listener).await);
    assert!(!news(&mut listener).await);
}

#[tokio::test]
async fn somebody_elses_server_is_not_found() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    let other = app.other_owner().await;
    let fields = with(shown(), "name", "mine");
    let answer = update(&app, &other, id, &fields, &shown()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    for (path, input) in [
        ("/api/servers/reboot", json!({ "server_id": id })),
        (
            "/api/servers/accept_host_key",
            json!({ "server_id": id, "host_key": "x", "confirm_name": "web-1" }),
        ),
    ] {
        let answer = app.call(Some(&other), path, input).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(show(&app, &owner, id).await["summary"]["name"], "web-1");
}
