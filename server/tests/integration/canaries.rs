//! Secrets that nobody may find again: the real binary logs everything at trace level, does what it
//! does against a real sshd, well and badly, and then everything that left it is searched.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures::{SinkExt, StreamExt};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::databases::{column, connect, dump, execute};
use crate::process::{Process, USER_AGENT};
use crate::sshd;

const PASSWORD: &str = "canary-password-f7b1d9";
const WRONG_PASSWORD: &str = "canary-mistyped-password-c04e";
const SERVER_PASSWORD: &str = "canary-server-password-77d2";
const WRONG_TOKEN: &str = "canary-mistyped-token-91aa";
const INVITED_PASSWORD: &str = "canary-invited-password-3e8b";
/// No script of ours runs on the machine of the test: every command becomes this one.
const HARMLESS: &str =
    "PasswordAuthentication yes\nForceCommand cat >/dev/null; echo 'said by the server'; exit 0";
const FAILING: &str = "PasswordAuthentication yes\nForceCommand cat >/dev/null; echo 'said by the failing server'; exit 1";

/// Everything that left the panel.
#[derive(Default)]
struct Evidence {
    places: Vec<(String, String)>,
}

impl Evidence {
    fn add(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.places.push((place.into(), text.into()));
    }

    fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.places
            .iter()
            .map(|(place, text)| (place.as_str(), text.as_str()))
    }

    /// Where a text occurs.
    fn finds(&self, wanted: &str) -> BTreeSet<&str> {
        self.all()
            .filter(|(_, text)| text.contains(wanted))
            .map(|(place, _)| place)
            .collect()
    }
}

/// Every shape in which bytes could be printed.
fn shapes(secret: &[u8]) -> Vec<String> {
    let decimal: Vec<_> = secret.iter().take(12).map(u8::to_string).collect();
    let hexadecimal = secret.iter().fold(String::new(), |mut text, byte| {
        use std::fmt::Write;
        let _ = write!(text, "{byte:02x}");
        text
    });
    let mut shapes = vec![
        STANDARD.encode(secret),
        STANDARD.encode(secret).trim_end_matches('=').to_owned(),
        URL_SAFE_NO_PAD.encode(secret),
        hexadecimal.to_uppercase(),
        hexadecimal,
        decimal.join(", "),
        decimal.join(","),
    ];
    if let Ok(text) = std::str::from_utf8(secret) {
        shapes.push(text.to_owned());
    }
    shapes
}

/// A panel, somebody who uses it, and what came back.
struct Flow {
    panel: Process,
    cookie: String,
    evidence: Evidence,
}

impl Flow {
    async fn post(&mut self, path: &str, input: Value) -> Value {
        let page = self.panel.post(path, &self.cookie, &input).await;
        if let Some(cookie) = set_cookie(&page.head) {
            self.cookie = cookie;
        }
        self.evidence.add(format!("answer of {path}"), &page.body);
        serde_json::from_str(&page.body).unwrap_or(Value::Null)
    }

    async fn get(&mut self, path: &str) {
        let page = self.panel.get(path, &self.cookie).await;
        self.evidence.add(format!("page {path}"), &page.body);
    }

    async fn until_over(&mut self, operation: &Value) -> Value {
        for _ in 0..300 {
            let shown = self
                .post("/api/operations/show", json!({ "operation_id": operation }))
                .await;
            if !matches!(shown["state"].as_str(), Some("queued" | "running")) {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("operation {operation} does not end: {}", self.panel.log());
    }
}

fn set_cookie(head: &str) -> Option<String> {
    let line = head
        .lines()
        .find(|line| line.to_lowercase().starts_with("set-cookie:"))?;
    let cookie = line.split_once(':')?.1.split(';').next()?.trim();
    (!cookie.ends_with('=')).then(|| cookie.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_logs_database_answers_or_frames() {
    let panel = Process::start("trace").await;
    let setup_token = panel.setup_token();
    let mut flow = Flow {
        panel,
        cookie: String::new(),
        evidence: Evidence::default(),
    };
    let mut secrets: Vec<(String, Vec<u8>)> = [
        PASSWORD,
        WRONG_PASSWORD,
        SERVER_PASSWORD,
        WRONG_TOKEN,
        INVITED_PASSWORD,
    ]
    .iter()
    .map(|text| ((*text).to_owned(), text.as_bytes().to_vec()))
    .collect();
    secrets.push(("setup token".into(), setup_token.clone().into_bytes()));

    let first_session = accounts(&mut flow, &setup_token).await;
    secrets.push(("session token".into(), first_session.into_bytes()));
    let session = flow.cookie.split_once('=').unwrap().1.to_owned();
    secrets.push(("session token".into(), session.into_bytes()));
    let (invitation, invited_session) = invitation(&mut flow).await;
    secrets.push(("invitation token".into(), invitation.into_bytes()));
    secrets.push(("session token".into(), invited_session.into_bytes()));

    let (good, bad) = (
        sshd::Sshd::start_with(HARMLESS),
        sshd::Sshd::start_with(FAILING),
    );
    let frames = listen(&flow).await;
    let first = servers(&mut flow, &good, "canary-good").await;
    let second = servers(&mut flow, &bad, "canary-bad").await;
    secrets.extend(private_keys(&flow.panel).await);
    operations(&mut flow, &first, &second).await;
    for path in [
        "/",
        "/servers",
        "/servers/new",
        "/account",
        "/sign-in",
        "/setup",
        "/servers/999",
    ] {
        flow.get(path).await;
    }

    let key = std::fs::read_to_string(flow.panel.data.path().join("brokeforge.key")).unwrap();
    secrets.push(("key file".into(), STANDARD.decode(key.trim()).unwrap()));

    flow.post("/api/accounts/sign_out", json!({})).await;
    let Flow {
        panel,
        mut evidence,
        ..
    } = flow;
    for frame in frames.await.unwrap() {
        evidence.add("WebSocket frame", frame);
    }
    evidence.add("database", dump(&connect(panel.data.path()).await).await);
    evidence.add("log", panel.log());

    assert_search_works(&evidence, &first);
    let mut found = Vec::new();
    assert!(secrets.len() >= 12, "only {} secrets", secrets.len());
    for (name, secret) in &secrets {
        for shape in shapes(secret) {
            for place in evidence.finds(&shape) {
                found.push(format!("{name} as {shape} in {place}"));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// The set-up with a wrong token first, a wrong password, and a second session.
async fn accounts(flow: &mut Flow, token: &str) -> String {
    let account = |token: &str, password: &str| json!({ "token": token, "name": "Canary Ada", "email": "ada@example.com", "password": password });
    flow.get("/setup").await;
    flow.post("/api/accounts/setup", account(WRONG_TOKEN, PASSWORD))
        .await;
    flow.post("/api/accounts/setup", account(token, "short"))
        .await;
    flow.post("/api/accounts/setup", account(token, PASSWORD))
        .await;
    let first = flow.cookie.split_once('=').expect("a session").1.to_owned();
    let sign_in = |password: &str| json!({ "email": "ada@example.com", "password": password });
    flow.post("/api/accounts/sign_in", sign_in(WRONG_PASSWORD))
        .await;
    // A field too many: the whole call is refused, and its text is nowhere.
    let mut extra = sign_in(WRONG_PASSWORD);
    extra["extra"] = json!(WRONG_PASSWORD);
    flow.post("/api/accounts/sign_in", extra).await;
    flow.post("/api/accounts/sign_in", sign_in(PASSWORD)).await;
    first
}

/// Invites somebody, who makes an account with the link. Returns the link's token and their session.
async fn invitation(flow: &mut Flow) -> (String, String) {
    let input = json!({ "email": "bob@example.com" });
    let made = flow
        .panel
        .post("/api/invitations/create", &flow.cookie, &input)
        .await;
    // The one answer that may hold it, and is no evidence therefore.
    let made: Value = serde_json::from_str(&made.body).unwrap();
    let (_, token) = made["link"].as_str().unwrap().split_once('#').unwrap();
    let owner = std::mem::take(&mut flow.cookie);
    for token in [WRONG_TOKEN, token] {
        flow.post("/api/invitations/show", json!({ "token": token }))
            .await;
    }
    let acceptance =
        |password: &str| json!({ "token": token, "name": "Canary Bob", "password": password });
    for password in ["short", INVITED_PASSWORD] {
        flow.post("/api/invitations/accept", acceptance(password))
            .await;
    }
    let session = flow.cookie.split_once('=').expect("a session").1.to_owned();
    flow.get("/invitation").await;
    flow.cookie = owner;
    flow.post("/api/invitations/list", json!({})).await;
    flow.get("/accounts").await;
    (token.to_owned(), session)
}

/// Adds a server, tries it before its key is there and after.
async fn servers(flow: &mut Flow, sshd: &sshd::Sshd, name: &str) -> Value {
    let place = json!({ "address": "127.0.0.1", "port": sshd.port.to_string() });
    let host_key = flow.post("/api/servers/host_key", place.clone()).await;
    let mut new = place;
    new["name"] = json!(name);
    new["user"] = json!(sshd::own_user());
    new["host_key"] = host_key["host_key"].clone();
    let id = flow.post("/api/servers/create", new).await;
    assert!(id.is_i64(), "{id}");
    let input = json!({ "server_id": id });
    flow.post("/api/servers/check", input.clone()).await;
    // A real attempt by password, which the server refuses.
    let password = json!({ "server_id": id, "password": SERVER_PASSWORD });
    let operation = flow.post("/api/servers/authorize", password).await;
    assert!(operation.is_i64(), "{operation}");
    let refused = flow.until_over(&operation).await;
    assert_eq!(refused["state"], "failed", "{refused}");
    assert!(sshd.log().contains("Failed password"), "{}", sshd.log());
    let query = format!("SELECT public_key FROM servers WHERE id = {id}");
    let conn = connect(flow.panel.data.path()).await;
    let public_line = column(&conn, &query).await.remove(0);
    std::fs::create_dir_all(sshd.home.join(".ssh")).unwrap();
    std::fs::write(sshd.authorized_keys(), format!("{public_line}\n")).unwrap();
    flow.post("/api/servers/check", input.clone()).await;
    let shown = flow.post("/api/servers/show", input).await;
    assert!(sshd.logins() > 0, "{}: {shown}", sshd.log());
    for page in ["", "/firewall"] {
        flow.get(&format!("/servers/{id}{page}")).await;
    }
    id
}

/// Work that succeeds and work that fails, and its output.
async fn operations(flow: &mut Flow, good: &Value, bad: &Value) {
    // The forced command gives no sign of success that a check would believe.
    let conn = connect(flow.panel.data.path()).await;
    execute(&conn, "UPDATE servers SET connection = 'connected'").await;
    let mut ended = BTreeSet::new();
    for server in [good, bad] {
        let operation = flow
            .post("/api/servers/provision", json!({ "server_id": server }))
            .await;
        assert!(operation.is_i64(), "{operation}");
        let shown = flow.until_over(&operation).await;
        ended.insert(shown["state"].as_str().unwrap().to_owned());
        let output = json!({ "operation_id": operation, "after": 0 });
        flow.post("/api/operations/output", output).await;
        flow.get(&format!("/servers/{server}/operations/{operation}"))
            .await;
    }
    assert!(ended.contains("failed"), "{ended:?}");
    let remove = json!({ "server_id": bad, "confirm_name": "another name" });
    flow.post("/api/servers/remove", remove).await;
    let remove = json!({ "server_id": bad, "confirm_name": "canary-bad" });
    flow.post("/api/servers/remove", remove).await;
}

/// Collects what a tab would hear, until the session ends.
async fn listen(flow: &Flow) -> tokio::task::JoinHandle<Vec<String>> {
    let mut request = format!("ws://127.0.0.1:{}/app/brokeforge", flow.panel.port)
        .into_client_request()
        .unwrap();
    let headers = request.headers_mut();
    headers.insert("origin", flow.panel.url.parse().unwrap());
    headers.insert("cookie", flow.cookie.parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    let subscribe =
        json!({ "event": "pusher:subscribe", "data": { "channel": "private-servers" } });
    socket
        .send(Message::text(subscribe.to_string()))
        .await
        .unwrap();
    let malformed = format!("{{ not JSON {USER_AGENT}");
    socket.send(Message::text(malformed)).await.unwrap();
    tokio::spawn(async move {
        let mut frames = Vec::new();
        while let Some(Ok(frame)) = socket.next().await {
            frames.push(frame.to_string());
        }
        frames
    })
}

/// The private halves that the panel made, opened with its key file: the PEM's lines and the seed.
async fn private_keys(panel: &Process) -> Vec<(String, Vec<u8>)> {
    let file = panel.data.path().join("brokeforge.key");
    let secrets = domain::secrets::Secrets::open_file(&file).unwrap();
    let conn = connect(panel.data.path()).await;
    let query = "SELECT id || ' ' || sealed_private_key FROM servers";
    let mut all = Vec::new();
    let secret = "SELECT value FROM settings WHERE name = 'broadcasting_secret'";
    for sealed in column(&conn, secret).await {
        let place = domain::secrets::Place {
            table: "settings",
            row: 0,
            column: "broadcasting_secret",
        };
        let secret = secrets.open(place, &sealed).unwrap();
        all.push((
            "broadcasting secret".into(),
            secret.expose_secret().as_bytes().to_vec(),
        ));
    }
    assert_eq!(all.len(), 1);
    for row in column(&conn, query).await {
        let (id, sealed) = row.split_once(' ').unwrap();
        let place = domain::secrets::Place {
            table: "servers",
            row: id.parse().unwrap(),
            column: "sealed_private_key",
        };
        let pem = secrets.open(place, sealed).unwrap();
        let body: Vec<_> = pem
            .expose_secret()
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .collect();
        for line in &body {
            all.push((
                format!("line of private key {id}"),
                line.as_bytes().to_vec(),
            ));
        }
        all.push((format!("seed of private key {id}"), seed(&body.concat())));
    }
    all
}

/// The private part holds the public key's 32 bytes, then a string of 64: the seed and the public
/// key once more. So the seed stands before the last occurrence.
fn seed(base64: &str) -> Vec<u8> {
    let bytes = STANDARD.decode(base64).unwrap();
    let name = b"ssh-ed25519";
    let at = bytes
        .windows(name.len())
        .position(|window| window == name)
        .unwrap()
        + name.len()
        + 4;
    let public = bytes[at..at + 32].to_vec();
    let last = bytes
        .windows(32)
        .rposition(|window| window == public)
        .unwrap();
    bytes[last - 32..last].to_vec()
}

/// A search that finds nothing at all proves nothing: what must be found is found, in every place
/// and in every shape.
fn assert_search_works(evidence: &Evidence, server: &Value) {
    let control = "canary-good";
    let places = evidence.finds(control);
    for place in ["database", "answer of /api/servers/show", "page /servers"] {
        assert!(
            places.contains(place),
            "{control} is not in {place}: {places:?}"
        );
    }
    let subscribed = evidence.finds("subscription_succeeded");
    assert!(subscribed.contains("WebSocket frame"));
    assert!(evidence.finds("ServerUpdated").contains("WebSocket frame"));
    assert!(
        evidence
            .finds("Canary Ada")
            .contains(&*format!("page /servers/{server}"))
    );
    // The logs of the libraries are in it, down to what they print of the wire.
    for logged in ["TRACE", "axum::", "russh::", "SSH-2.0-OpenSSH"] {
        let log = evidence.places.iter().find(|(place, _)| place == "log");
        let count = log.map_or(0, |(_, text)| text.matches(logged).count());
        assert!(count > 0, "{logged} is not in the log: it is not complete");
    }
    let printed = format!("{:?}", b"canary-bytes");
    for shape in [
        "canary-bytes",
        "Y2FuYXJ5LWJ5dGVz",
        "63616e6172792d6279746573",
        "63616E6172792D6279746573",
        printed.trim_matches(['[', ']']),
    ] {
        assert!(
            shapes(b"canary-bytes").iter().any(|known| known == shape),
            "{shape}"
        );
    }
}
