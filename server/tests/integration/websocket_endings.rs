//! What an account is told at once when an operation ends.

use serde_json::{Value, json};
use ssh::fake::Answer;

use crate::support::{TestApp, rule};
use crate::websocket::{serve, signed_in};

#[tokio::test]
async fn the_end_of_an_operation_is_told_to_its_owner_alone_in_less_than_1_kb() {
    let app = TestApp::start().await;
    let (owner, other) = (app.owner().await, app.other_owner().await);
    let server = app.provisioned_server(&owner).await;
    let address = serve(&app).await;
    let mut sockets = Vec::new();
    for who in [&owner, &other] {
        let mut socket = signed_in(address, who).await;
        let channel = format!("private-users.{}", who.who.user());
        let answer = socket.subscribe(&channel).await;
        assert_eq!(answer["event"], "pusher_internal:subscription_succeeded");
        sockets.push(socket);
    }
    app.start_worker();
    let hostile = "<img src=x onerror=\"alert(1)\">";
    for (name, port, code, state) in [
        (hostile, "8081", 0, "succeeded"),
        ("Metrics", "9100", 1, "failed"),
    ] {
        app.connector.remote.respond(move |_| Answer::code(code));
        let input = json!({
            "server_id": server, "rule": rule(name, port), "request_key": format!("key-{port}"),
        });
        app.call(Some(&owner), "/api/firewall/create", input).await;
        let event = sockets[0].next().await.unwrap();
        assert_eq!(event["event"], "OperationEnded", "{event}");
        assert!(event.to_string().len() < 1_000, "{event}");
        let data: Value = serde_json::from_str(event["data"].as_str().unwrap()).unwrap();
        assert!(data["title"].as_str().unwrap().contains(name), "{data}");
        assert_eq!(data["state"], state);
        let path = format!("/servers/{server}/operations/{}", data["operation_id"]);
        assert_eq!(data["path"], path);
    }
    assert!(sockets[1].is_silent().await);
}
