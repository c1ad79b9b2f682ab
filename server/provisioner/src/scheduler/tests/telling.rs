//! Runs that reach the panel, and those that wait until they do.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;

#[test]
fn a_run_is_told_at_once_where_the_panel_can_be_reached_and_its_token_is_in_no_argument() {
    let panel = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut task = task("ps -eo args >\"$OUT\"; echo done");
    let server = Server::new();
    let seen = server.0.path().join("seen");
    task.task.command = task
        .task
        .command
        .replace("$OUT", seen.to_str().expect("is text"));
    task.report_to = Some(format!(
        "http://{}/scheduler/report",
        panel.local_addr().expect("has one")
    ));
    server.install(&task);
    let token = fs::read_to_string(server.task_file("token")).expect("is there");
    let told = thread::spawn(move || {
        let mut requests = Vec::new();
        // Its beginning and its end.
        for _ in 0..2 {
            let (mut stream, _) = panel.accept().expect("it comes");
            requests.push(request(&mut stream));
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                .expect("is sent");
        }
        requests
    });
    server.cron();
    let requests = told.join().expect("it ends");
    for request in &requests {
        assert!(request.contains(token.trim()), "{request}");
    }
    let end = requests
        .iter()
        .find(|request| request.contains(" succeeded cron "));
    assert!(
        end.is_some_and(|end| end.ends_with("done\n")),
        "{requests:?}"
    );
    assert!(server.runs().is_empty(), "what is told need not stay");
    let arguments = fs::read_to_string(seen).expect("is there");
    let secret = token.trim().rsplit(' ').next().expect("has one");
    assert!(arguments.contains("run-task") && !arguments.contains(secret));
}

#[test]
fn what_cannot_be_told_waits_and_goes_with_the_next_run() {
    let panel = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = panel.local_addr().expect("has one");
    drop(panel);
    let mut task = task("true");
    task.report_to = Some(format!("http://{address}/scheduler/report"));
    let server = Server::with(&task);
    server.cron();
    server.cron();
    assert_eq!(server.states(), [RunState::Succeeded, RunState::Succeeded]);
    let panel = TcpListener::bind(address).expect("the port is free");
    thread::spawn(move || {
        for stream in panel.incoming() {
            let mut stream = stream.expect("it comes");
            request(&mut stream);
            drop(stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"));
        }
    });
    server.cron();
    assert!(server.runs().is_empty(), "{:?}", server.runs());
}

/// Head and body of a request.
fn request(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: "));
            let length: usize = length.and_then(|text| text.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return text;
            }
        }
        let read = stream.read(&mut piece).expect("it sends");
        assert!(read > 0, "{text}");
        bytes.extend_from_slice(&piece[..read]);
    }
}
