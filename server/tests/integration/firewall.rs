use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{TestApp, Visitor, field, rule};
use wire::ServerId;

async fn create(
    app: &TestApp,
    who: &Visitor,
    server: ServerId,
    rule: Value,
    key: &str,
) -> crate::support::Answer {
    app.call(
        Some(who),
        "/api/firewall/create",
        json!({ "server_id": server, "rule": rule, "request_key": key }),
    )
    .await
}

#[tokio::test]
async fn fifty_clicks_at_once_make_one_rule_and_one_operation() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    let clicks =
        (0..50).map(|_| create(&app, &owner, server, rule("Web", "8081"), "key-of-a-form"));
    let answers = futures::future::join_all(clicks).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    let shown = app
        .call(
            Some(&owner),
            "/api/servers/show",
            json!({ "server_id": server }),
        )
        .await
        .body;
    assert_eq!(shown["recent_operations"].as_array().unwrap().len(), 1);
    let firewall = app
        .call(
            Some(&owner),
            "/api/firewall/show",
            json!({ "server_id": server }),
        )
        .await
        .body;
    assert_eq!(firewall["rules"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_wrong_field_gets_a_sentence_and_nothing_is_written() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    let with = |name: &str, value: &str| {
        let mut rule = rule("Web", "8081");
        rule[name] = json!(value);
        rule
    };
    let long = "x".repeat(1000);
    for (name, value) in [
        ("port", "0"),
        ("port", "65536"),
        ("port", "80;id"),
        ("port", "90:80"),
        ("port", ""),
        ("source", "10.0.0.1/24"),
        ("source", "010.0.0.1"),
        ("source", "$(id)"),
        ("name", &long),
        ("name", "a\nb"),
        ("name", "a\0b"),
        ("name", "a\u{202e}b"),
        ("name", ""),
    ] {
        let answer = create(&app, &owner, server, with(name, value), "key-of-a-form").await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{name}={value:?}"
        );
        assert!(
            field(&answer, name).is_some(),
            "{name}={value:?}: {}",
            answer.body
        );
    }
    let firewall = app
        .call(
            Some(&owner),
            "/api/firewall/show",
            json!({ "server_id": server }),
        )
        .await
        .body;
    assert_eq!(firewall["rules"], json!([]));
}

#[tokio::test]
async fn a_name_full_of_markup_is_kept_as_it_is() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    create(
        &app,
        &owner,
        server,
        rule("<script>alert(1)</script>", "8081"),
        "key-of-a-form",
    )
    .await;
    let firewall = app
        .call(
            Some(&owner),
            "/api/firewall/show",
            json!({ "server_id": server }),
        )
        .await
        .body;
    assert_eq!(firewall["rules"][0]["name"], "<script>alert(1)</script>");
}

#[tokio::test]
async fn the_ssh_port_can_be_neither_opened_twice_nor_shadowed() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    for port in ["22", "20:30"] {
        for action in ["allow", "deny"] {
            let mut rule = rule("SSH", port);
            rule["action"] = json!(action);
            let answer = create(&app, &owner, server, rule, "key-of-a-form").await;
            assert!(
                field(&answer, "port").is_some(),
                "{action} {port}: {}",
                answer.body
            );
        }
    }
}

#[tokio::test]
async fn the_same_rule_twice_is_refused_so_that_removing_one_leaves_the_other_true() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    create(&app, &owner, server, rule("Web", "8081"), "key-of-a-form").await;
    let again = create(
        &app,
        &owner,
        server,
        rule("Other name", "8081"),
        "another-key",
    )
    .await;
    assert!(field(&again, "port").is_some_and(|sentence| sentence.contains("Web")));
}

#[tokio::test]
async fn a_server_without_a_firewall_says_so() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    let row = domain::servers::row(&app.panel.db, server).await.unwrap();
    let mut tx = app.panel.db.begin().await.unwrap();
    tx.update(&row, |row| row.firewall_installed = None)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let answer = create(&app, &owner, server, rule("Web", "8081"), "key-of-a-form").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_port_of_the_base_set_is_said_to_be_open_already_or_to_stay_so() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    let row = domain::servers::row(&app.panel.db, server).await.unwrap();
    let mut tx = app.panel.db.begin().await.unwrap();
    tx.update(&row, |row| {
        domain::firewall::note_sshd_ports(row, "2222 22 none 0 70000");
    })
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let shown = json!({ "server_id": server });
    let shown = app.call(Some(&owner), "/api/firewall/show", shown).await;
    assert_eq!(shown.body["base_ports"], json!([22, 2222, 80, 443]));
    let said = async |port: &str, action: &str| {
        let mut rule = rule("Mine", port);
        rule["action"] = json!(action);
        let answer = create(&app, &owner, server, rule, "key-of-a-form").await;
        field(&answer, "port").unwrap().to_owned()
    };
    for port in ["22", "2222", "80", "443"] {
        let open = said(port, "allow").await;
        let wanted = format!("Port {port} is open already, as part of the base set");
        assert!(open.starts_with(&wanted), "{open}");
        let kept = said(port, "deny").await;
        assert!(
            kept.contains("part of the base set") && !kept.contains("Remove it first"),
            "{kept}"
        );
    }
    // For one network it can be closed: that is another rule.
    let mut some = rule("Not them", "80");
    some["action"] = json!("deny");
    some["source"] = json!("198.51.100.0/24");
    let answer = create(&app, &owner, server, some, "key-of-a-form").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}
