//! Text that somebody hostile wrote (a server, another program, a thief of the database) in every
//! text column there is, rendered on every page.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};
use wire::programs::ProcessState;
use wire::{ProgramId, ServerId, TaskId};

use crate::databases::{self, column, execute, text_columns};
use crate::support::{TestApp, Visitor, program, rule, task};
use crate::{programs, scheduler_runs};

/// Ends an element, an attribute, a script and a comment; opens its own; turns the direction of
/// reading; begins a terminal's sequences; ends a line of script in old browsers.
const HOSTILE: &str = "MARK\"'`><hostile-element hostile-attribute=\"1\" onclick=\"hostile()\">\
    </script><script>hostile()</script><!--</title></textarea></style>]]>javascript:hostile()//\
    &lt;hostile-entity&gt;\u{1b}]0;title\u{7}\u{1b}[31m\u{202e}\u{2066}\u{2028}\u{2029}{{7*7}}${7*7}";

/// Columns whose text the panel parses, each into a type of its own; anything else would be an
/// error, not a text on a page. A new column is hostile until it is put there.
const PARSED: &str = include_str!("parsed_columns.txt");

async fn poison(conn: &DatabaseConnection) -> BTreeSet<String> {
    let mut poisoned = BTreeSet::new();
    for (table, name) in text_columns(conn).await {
        if PARSED.lines().any(|line| line == format!("{table}.{name}")) {
            continue;
        }
        let text = HOSTILE
            .replace("MARK", &format!("{table}.{name}."))
            .replace('\'', "''");
        // Unique per row, because some columns must be.
        let row = if databases::is_postgres() {
            "CAST(ctid AS text)"
        } else {
            "rowid"
        };
        let statement = format!("UPDATE \"{table}\" SET \"{name}\" = '{text}' || {row}");
        execute(conn, &statement).await;
        poisoned.insert(format!("{table}.{name}."));
    }
    poisoned
}

/// One server with a rule, work that failed and its output; then all of it hostile.
async fn hostile_panel() -> (TestApp, Visitor, ServerId, Vec<i64>, BTreeSet<String>) {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    app.connector.remote.respond(|_| {
        ssh::fake::Answer::code(1).and(ssh::Stream::Stdout, "line\n::summary s\n::error e\n")
    });
    let rule =
        json!({ "server_id": server, "rule": rule("Web", "8081"), "request_key": "key-of-a-form" });
    app.call(Some(&owner), "/api/firewall/create", rule).await;
    let task = json!({ "server_id": server, "task": task("Backup", "true"), "request_key": "key-of-a-form" });
    let task = app.call(Some(&owner), "/api/scheduler/create", task).await;
    let task = TaskId(task.body.as_i64().unwrap());
    scheduler_runs::record(&app, server, task, "failed").await;
    let program = json!({ "server_id": server, "program": program("Worker", "true"), "request_key": "key-of-a-form" });
    let program = app
        .call(Some(&owner), "/api/programs/create", program)
        .await;
    let program = ProgramId(program.body.as_i64().unwrap());
    programs::record(&app, server, program, ProcessState::Failed).await;
    app.start_worker();
    let failed = |body: &Value| body["programs"][0]["status"] == "failed";
    let input = json!({ "server_id": server });
    app.wait_for(&owner, "/api/programs/show", input, failed)
        .await;
    let failed = |body: &Value| body["tasks"][0]["status"] == "failed";
    app.wait_for(
        &owner,
        "/api/scheduler/show",
        json!({ "server_id": server }),
        failed,
    )
    .await;
    let failed = |body: &Value| body["rules"][0]["status"] == "failed";
    let input = json!({ "server_id": server });
    app.wait_for(&owner, "/api/firewall/show", input.clone(), failed)
        .await;
    app.call(Some(&owner), "/api/servers/provision", input.clone())
        .await;
    let over = |body: &Value| body["provisioning"]["state"] == "failed";
    app.wait_for(&owner, "/api/servers/show", input, over).await;

    let conn = app.panel.db.writes().clone();
    execute(
        &conn,
        "UPDATE servers SET connection = 'failed', connection_error = 'e', os = 'o', time_zone = 'z'",
    )
    .await;
    let poisoned = poison(&conn).await;
    for (column, value) in [
        ("servers.installed", json!({ "nginx": HOSTILE })),
        (
            "operation_steps.diagnosis",
            json!({ "kind": "disk_full", "sentence": HOSTILE, "action": HOSTILE }),
        ),
    ] {
        let (table, name) = column.split_once('.').unwrap();
        let text = value
            .to_string()
            .replace("MARK", column)
            .replace('\'', "''");
        execute(&conn, &format!("UPDATE {table} SET {name} = '{text}'")).await;
    }
    let operations = column(&conn, "SELECT CAST(id AS TEXT) FROM operations").await;
    let operations = operations.iter().map(|id| id.parse().unwrap()).collect();
    (app, owner, server, operations, poisoned)
}

async fn page(app: &TestApp, owner: &Visitor, path: &str) -> (StatusCode, String) {
    let request = Request::get(path)
        .header("cookie", &owner.cookie)
        .body(Body::empty())
        .unwrap();
    let answer = app.send(request).await;
    (
        answer.status,
        answer.body.as_str().unwrap_or_default().to_owned(),
    )
}

/// Every page of the site map, with real ids in it.
fn pages(server: ServerId, operations: &[i64]) -> Vec<String> {
    let mut paths = Vec::new();
    for route in server::router::pages() {
        let path = route.path().replace(":id", &server.to_string());
        let path = path.replace("{id}", &server.to_string());
        // The one task and the one program that there are.
        let path = path.replace(":task", "1").replace("{task}", "1");
        let path = path.replace(":program", "1").replace("{program}", "1");
        if path.contains("operation}") || path.contains(":operation") {
            for id in operations {
                let path = path.replace("{operation}", &id.to_string());
                paths.push(path.replace(":operation", &id.to_string()));
            }
        } else {
            paths.push(path);
        }
    }
    paths
}

#[tokio::test]
async fn hostile_text_in_every_column_opens_nothing_on_any_page() {
    let (app, owner, server, operations, poisoned) = hostile_panel().await;
    let mut shown = BTreeSet::new();
    for path in pages(server, &operations) {
        assert!(
            !path.contains([':', '{', '*']),
            "{path} has a parameter that this test does not know"
        );
        let (status, html) = page(&app, &owner, &path).await;
        assert!(
            status.is_success() || status.is_redirection(),
            "{path}: {status} {html}"
        );
        for opened in [
            "<hostile-element",
            "hostile-attribute=\"1\" onclick=\"hostile()\">",
            "<script>hostile()",
            "</title></textarea>",
        ] {
            if let Some(at) = html.find(opened) {
                let before = html[..at].chars().rev().take(300).collect::<String>();
                let before = before.chars().rev().collect::<String>();
                panic!("{path}: {opened:?} is open after {before}");
            }
        }
        assert_no_foreign_link(&path, &html);
        let inside = ["servers.installed", "operation_steps.diagnosis"].map(str::to_owned);
        shown.extend(
            poisoned
                .iter()
                .chain(&inside)
                .filter(|mark| html.contains(*mark))
                .cloned(),
        );
    }
    // The search means nothing for a text that no page shows.
    for mark in [
        "audit_entries.sentence.",
        "firewall_rules.error_log.",
        "firewall_rules.name.",
        "operation_output.text.",
        "operation_steps.diagnosis",
        "operation_steps.summary.",
        "operation_steps.title.",
        "operations.error.",
        "operations.title.",
        "program_processes.last_end.",
        "programs.command.",
        "programs.directory.",
        "programs.error_log.",
        "programs.name.",
        "programs.variables.",
        "scheduled_tasks.command.",
        "scheduled_tasks.error_log.",
        "scheduled_tasks.expression.",
        "scheduled_tasks.name.",
        "schedulers.error_log.",
        "servers.address.",
        "servers.connection_error.",
        "servers.installed",
        "servers.name.",
        "servers.os.",
        "servers.time_zone.",
        "servers.user.",
        "users.email.",
        "users.name.",
    ] {
        assert!(shown.contains(mark), "{mark} is on no page: {shown:?}");
    }
}

/// They are fetched by a page that is there already, which shows them as text; nothing of them is left out on the way.
#[tokio::test]
async fn the_scripts_of_an_operation_arrive_as_they_are_stored() {
    let (app, owner, _, operations, _) = hostile_panel().await;
    for id in operations {
        let input = json!({ "operation_id": id });
        let plan = app.call(Some(&owner), "/api/operations/plan", input).await;
        let steps = plan.body["steps"].as_array().unwrap();
        let mark = |step: &Value| {
            step["script"]
                .as_str()
                .unwrap()
                .contains("operation_steps.script.")
        };
        assert!(!steps.is_empty() && steps.iter().all(mark), "{}", plan.body);
    }
}

/// Every link leads to a page or a file of the panel, wherever its text comes from.
fn assert_no_foreign_link(path: &str, html: &str) {
    for attribute in [" href=\"", " src=\"", " action=\"", " formaction=\""] {
        for (at, _) in html.match_indices(attribute) {
            let value = html[at + attribute.len()..].split('"').next().unwrap();
            let own = (value.starts_with('/') && !value.starts_with("//"))
                || value.starts_with('#')
                || value.starts_with("data:image/svg+xml,");
            assert!(
                own && !value.contains("hostile"),
                "{path}: {attribute}{value}"
            );
        }
    }
}

#[tokio::test]
async fn what_a_page_carries_for_its_own_code_cannot_end_the_script_around_it() {
    let (app, owner, server, _, _) = hostile_panel().await;
    let (_, html) = page(&app, &owner, &format!("/servers/{server}")).await;
    let mut carried = 0;
    for script in html.split("<script").skip(1) {
        let body = script.split_once('>').unwrap().1;
        let body = body.split("</script>").next().unwrap();
        if body.contains("servers.name.") {
            carried += 1;
            assert!(!body.contains("<hostile") && !body.contains("</"), "{body}");
            assert!(body.contains("\\u003chostile-element"), "{body}");
            for separator in ['\u{2028}', '\u{2029}'] {
                let in_string = body.matches(separator).count();
                let escaped = body.matches("\\u2028").count() + body.matches("\\u2029").count();
                assert!(in_string == 0 || escaped == 0, "{body}");
            }
        }
    }
    assert!(carried > 0, "no script carries the page's data: {html}");
}

#[test]
fn no_text_of_others_gets_past_the_escaping_of_the_pages() {
    let mut textareas = 0;
    for (file, source) in sources(Path::new("../app/src")) {
        // A file of ours, as it stands in the repository.
        let source = source.replace("inner_html=include_str!(\"starting.js\")", "");
        for raw in [
            "inner_html",
            "set_inner_html",
            "dangerously",
            "document.write",
            "insert_adjacent_html",
            "set_outer_html",
        ] {
            assert!(!source.contains(raw), "{} uses {raw}", file.display());
        }
        // Leptos 0.8 renders the children of a textarea as they are.
        for (at, _) in source.match_indices("<textarea") {
            textareas += 1;
            let tag = element(&source[at..]);
            assert!(
                tag.ends_with("/>"),
                "{}: a textarea has children: {tag}",
                file.display()
            );
            assert!(tag.contains("prop:value"), "{}: {tag}", file.display());
        }
        for attribute in ["href=", "src=", "action=", "formaction="] {
            for (at, _) in source.match_indices(attribute) {
                if source[..at].ends_with([' ', '\n']) {
                    let value = value_of(&source[at + attribute.len()..]);
                    assert!(
                        is_own_address(value),
                        "{}: {attribute}{value}: an address is made of the panel's own words and ids only; \
                         a new way to make one belongs into `OWN_ADDRESSES`",
                        file.display()
                    );
                }
            }
        }
    }
    assert!(textareas > 0, "the search found no textarea");
}

/// Expressions that make an address of constants and ids, each read by a person.
const OWN_ADDRESSES: &[&str] = &[
    "FAVICON",
    "base.clone()",
    "base",
    "format!(\"{base}/",
    "format!(\"/servers/{id}",
    "format!(\"/servers/{server}",
    "operation_path(",
    // A list of operations: numbers and the words of its filters.
    "address(",
    // Of a page whose code did not come: its own address.
    "address",
    // The parts of the page's own path, cut at slashes.
    "href",
    // `operation_path` of an attempt to get in by password.
    "path",
];

fn is_own_address(value: &str) -> bool {
    let literal =
        value.starts_with("\"/") && !value.starts_with("\"//") || value.starts_with("\"#");
    literal
        || OWN_ADDRESSES.iter().any(|known| {
            let is_beginning = known.contains('(') && !known.ends_with(')');
            value == *known || (is_beginning && value.starts_with(known))
        })
}

fn value_of(rest: &str) -> &str {
    let value = rest.split([' ', '>', '\n']).next().unwrap_or_default();
    value.strip_suffix('/').unwrap_or(value)
}

/// From `<textarea` to the end of its tag, over `>` in closures and generics.
fn element(source: &str) -> &str {
    let mut depth = 0_i32;
    for (at, character) in source.char_indices() {
        match character {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => depth -= 1,
            '>' if depth == 0 && !source[..at].ends_with(['=', '-']) => return &source[..=at],
            _ => {}
        }
    }
    source
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(sources(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            all.push((path, source));
        }
    }
    all
}

#[test]
fn the_search_for_textareas_sees_what_it_must_see() {
    let good = "<textarea prop:value=move || { field.get() } on:input=|e| a(e)/> <p>";
    assert_eq!(element(good), &good[..good.len() - 4]);
    let bad = "<textarea prop:value=x>{children}</textarea>";
    assert!(!element(bad).ends_with("/>"));
    for foreign in [
        "{server.link}",
        "url",
        "\"//evil\"",
        "\"javascript:x\"",
        "format!(\"{url}\")",
    ] {
        assert!(!is_own_address(foreign), "{foreign}");
    }
}
