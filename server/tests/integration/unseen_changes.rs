//! One form in two tabs, for each kind of record that can be edited.

use axum::http::StatusCode;
use serde_json::{Value, json};
use ssh::fake::Answer;

use crate::support::{TestApp, program, rule, task};

/// Where a kind of record is made, changed and listed, and what it says before, in one tab and in the other.
struct Kind {
    feature: &'static str,
    name: &'static str,
    list: &'static str,
    says: [Value; 3],
    changed: &'static str,
}

fn kinds() -> [Kind; 3] {
    let port = |port| rule("Web", port);
    let of_task = |command| task("Backup", command);
    let of_program = |command| program("Worker", command);
    [
        Kind {
            feature: "firewall",
            name: "rule",
            list: "rules",
            says: [port("8081"), port("8082"), port("8083")],
            changed: "This firewall rule was changed elsewhere meanwhile: port. ",
        },
        Kind {
            feature: "scheduler",
            name: "task",
            list: "tasks",
            says: ["true", "false", "exit 3"].map(of_task),
            changed: "This scheduled task was changed elsewhere meanwhile: command. ",
        },
        Kind {
            feature: "programs",
            name: "program",
            list: "programs",
            says: ["true", "false", "exit 3"].map(of_program),
            changed: "This background program was changed elsewhere meanwhile: command. ",
        },
    ]
}

#[tokio::test]
async fn whoever_saves_second_is_told_what_the_first_one_changed_and_overwrites_nothing() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    app.connector.remote.respond(|_| Answer::code(0));
    app.start_worker();
    for kind in kinds() {
        let Kind { feature, name, .. } = kind;
        let [before, first, second] = kind.says;
        let create = json!({ "server_id": server, (name): before, "request_key": "key-of-a-form" });
        let path = format!("/api/{feature}/create");
        let id = app.call(Some(&owner), &path, create).await.body;
        let settled = async || {
            let input = json!({ "server_id": server });
            let list = format!("/api/{feature}/show");
            let is_active = |body: &Value| body[kind.list][0]["status"] == "active";
            app.wait_for(&owner, &list, input, is_active).await
        };
        let update = async |shown: &Value, wanted: &Value| {
            let id_name = format!("{name}_id");
            let input =
                json!({ "server_id": server, (id_name): id, (name): wanted, "shown": shown });
            let path = format!("/api/{feature}/update");
            app.call(Some(&owner), &path, input).await
        };
        settled().await;
        assert_eq!(update(&before, &first).await.status, StatusCode::OK);
        let is_there = settled().await;

        let late = update(&before, &second).await;
        assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.body);
        let message = late.body["message"].as_str().unwrap();
        assert!(message.starts_with(kind.changed), "{message}");
        assert_eq!(settled().await[kind.list], is_there[kind.list]);

        // Twice the same is no conflict, and what was seen may be overwritten.
        assert_eq!(update(&before, &first).await.status, StatusCode::OK);
        assert_eq!(update(&first, &second).await.status, StatusCode::OK);
        settled().await;
    }
}
