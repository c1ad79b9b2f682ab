//! A thousand tabs whose panel was killed: all come back, spread over time.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use app::live::backoff::delay_ms;
use futures::{SinkExt, StreamExt};
use serde_json::json;
use server::hardening::allow_many_files;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::process::Process;
use crate::websocket::OWN_KEY;

const TABS: usize = 1_000;
/// One session has 100 sockets at most, and an account 10 sign-ins a minute.
const SESSIONS: usize = 11;

/// When tabs tried to connect, and when they were subscribed.
#[derive(Default)]
struct Log {
    attempts: Vec<Instant>,
    subscribed: Vec<Instant>,
}

#[expect(
    clippy::print_stdout,
    reason = "how far they were spread is worth reading"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_tabs_come_back_after_a_kill_and_not_as_one() {
    allow_many_files().unwrap();
    let mut panel = Process::start("warn").await;
    let cookies = sessions(&panel).await;
    let log = Arc::new(Mutex::new(Log::default()));
    let tabs: Vec<_> = (0..TABS)
        .map(|number| {
            let cookie = cookies[number % SESSIONS].clone();
            tokio::spawn(tab(panel.port, panel.url.clone(), cookie, log.clone()))
        })
        .collect();
    until_subscribed(&log, TABS).await;

    let killed_at = Instant::now();
    panel.kill();
    tokio::time::sleep(Duration::from_secs(3)).await;
    *log.lock().unwrap() = Log::default();
    panel.restart().await;
    until_subscribed(&log, TABS).await;
    for tab in tabs {
        tab.abort();
    }
    let log = log.lock().unwrap();
    let busiest = busiest(&log.attempts, Duration::from_millis(100));
    println!(
        "{TABS} tabs were back {:?} after the kill; at most {busiest} of them tried within 100 ms",
        killed_at.elapsed()
    );
    assert!(busiest < TABS / 2, "{busiest} tried at once");
}

async fn sessions(panel: &Process) -> Vec<String> {
    let account = json!({ "email": "ada@example.com", "password": "correct horse battery" });
    let mut setup = account.clone();
    setup["name"] = json!("Ada");
    setup["token"] = json!(panel.setup_token());
    let mut answers = vec![panel.post("/api/accounts/setup", "", &setup).await];
    while answers.len() < SESSIONS {
        answers.push(panel.post("/api/accounts/sign_in", "", &account).await);
    }
    answers
        .iter()
        .map(|answer| {
            let (_, cookie) = answer.head.split_once("brokeforge_session=").unwrap();
            let token = cookie.split(';').next().unwrap();
            format!("brokeforge_session={token}")
        })
        .collect()
}

/// Listens, and comes back as the page does.
async fn tab(port: u16, origin: String, cookie: String, log: Arc<Mutex<Log>>) {
    let mut attempts = 0;
    loop {
        log.lock().unwrap().attempts.push(Instant::now());
        if listen(port, &origin, &cookie, &log).await.is_some() {
            attempts = 0;
        }
        attempts += 1;
        let delay = delay_ms(attempts, rand::random());
        tokio::time::sleep(Duration::from_millis(delay.into())).await;
    }
}

/// Until the socket ends; `None` when it never opened.
async fn listen(port: u16, origin: &str, cookie: &str, log: &Mutex<Log>) -> Option<()> {
    let mut request = format!("ws://127.0.0.1:{port}/app/{OWN_KEY}")
        .into_client_request()
        .unwrap();
    request
        .headers_mut()
        .insert("origin", origin.parse().unwrap());
    request
        .headers_mut()
        .insert("cookie", cookie.parse().unwrap());
    let (mut socket, _) = timeout(Duration::from_secs(30), connect_async(request))
        .await
        .ok()?
        .ok()?;
    let subscribe =
        json!({ "event": "pusher:subscribe", "data": { "channel": "private-servers" } });
    socket
        .send(Message::text(subscribe.to_string()))
        .await
        .ok()?;
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Text(text) = message
            && text.contains("subscription_succeeded")
        {
            log.lock().unwrap().subscribed.push(Instant::now());
        }
    }
    Some(())
}

async fn until_subscribed(log: &Mutex<Log>, count: usize) {
    for _ in 0..1_200 {
        if log.lock().unwrap().subscribed.len() >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{} of {count}", log.lock().unwrap().subscribed.len());
}

/// The most of `times` that fall into one span of this length.
fn busiest(times: &[Instant], span: Duration) -> usize {
    let mut times = times.to_vec();
    times.sort();
    let within = |start: &Instant| {
        let end = *start + span;
        times
            .iter()
            .filter(|time| *time >= start && **time < end)
            .count()
    };
    times.iter().map(within).max().unwrap_or(0)
}
