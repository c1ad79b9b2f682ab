//! The usual failures name themselves: what happened, to what, and what to do next, at the operation and at its step.

use ssh::fake::Answer;
use ssh::{Error, ExitStatus, Phase, Place, Stream};
use wire::diagnosis::Cause;
use wire::operations::{OperationState, StepStatus};

use crate::cuts::is_rule;
use crate::panel::TestPanel;

/// What goes wrong, the cause, the thing's name, what to do next.
type Case<T> = (T, Cause, &'static str, &'static str);

#[tokio::test(flavor = "multi_thread")]
async fn why_there_is_no_way_to_a_server_is_named() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    let place = || Place::new("203.0.113.7", 22);
    let cases: Vec<Case<Error>> = vec![
        (
            Error::NameDoesNotResolve {
                place: Place::new("web.example", 22),
            },
            Cause::NameNotResolved,
            "web.example:22: this name does not resolve",
            "Check the spelling",
        ),
        (
            Error::NoRoute {
                place: place(),
                reason: "Network is unreachable".into(),
            },
            Cause::NoRoute,
            "203.0.113.7:22: no way leads to this address (Network is unreachable)",
            "Check the address",
        ),
        (
            Error::Refused { place: place() },
            Cause::ConnectionRefused,
            "203.0.113.7:22 refused the connection",
            "Check the port",
        ),
        (
            Error::TimedOut {
                place: place(),
                phase: Phase::Connect,
            },
            Cause::NoAnswer,
            "203.0.113.7:22 did not answer in time",
            "no firewall is in between",
        ),
        (
            Error::KeyRefused {
                place: place(),
                user: "root".into(),
                offered: vec!["publickey".into()],
                more_needed: false,
            },
            Cause::KeyRefused,
            "203.0.113.7:22 refused the panel's key for root",
            "Run the shown command on the server as root",
        ),
        (
            Error::HostKeyChanged {
                place: place(),
                expected: format!("ssh-ed25519 SHA256:{}", "a".repeat(43)),
                found: format!("ssh-ed25519 SHA256:{}", "b".repeat(43)),
                found_key: None,
            },
            Cause::HostKeyChanged,
            "The host key of 203.0.113.7:22 has changed",
            "if you did, confirm the new key.",
        ),
    ];
    let _worker = panel.start_worker();
    for (port, (error, cause, what, next)) in (2000..).zip(cases) {
        panel.connector.refuse(Some(error));
        check(&panel, &server, port, cause, what, next).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_on_a_server_is_named() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    let failed = |output: &str| Answer::code(100).and(Stream::Stdout, output);
    let cases: Vec<Case<Answer>> = vec![
        (
            failed(include_str!(
                "../../src/diagnosis/captured/12-dpkg-lock.txt"
            )),
            Cause::AptLockHeld,
            "The package lock is held by perl (process 615).",
            "Wait until it has ended, or stop it, then retry.",
        ),
        (
            failed(include_str!(
                "../../src/diagnosis/captured/13-disk-full-download.txt"
            )),
            Cause::DiskFull,
            "no space is left for /var/cache/apt/archives.",
            "Free some space on the server",
        ),
        (
            failed(include_str!(
                "../../src/diagnosis/captured/13-unresolved.txt"
            )),
            Cause::NameNotResolved,
            "The server cannot resolve the name deb.debian.org.",
            "Check its DNS",
        ),
        (
            failed(include_str!("../../src/diagnosis/captured/13-no-route.txt")),
            Cause::MirrorUnreachable,
            "The package mirror 192.0.2.7 does not answer",
            "Check the server's network",
        ),
        (
            failed(include_str!(
                "../../src/diagnosis/captured/13-not-found.txt"
            )),
            Cause::PackageNotFound,
            "The package sources of the server do not offer no-such-package.",
            "Mend /etc/apt/sources.list",
        ),
        (
            failed(include_str!(
                "../../src/diagnosis/captured/12-port-in-use.txt"
            )),
            Cause::PortInUse,
            "Port 6379 is taken by another program.",
            "ss -ltnp on the server shows by which.",
        ),
        (
            Answer {
                result: Ok(ExitStatus::Signal("KILL".into())),
                ..Answer::code(0)
            },
            Cause::OutOfMemory,
            "A program was killed on the server (killed by signal KILL)",
            "add memory or swap, then retry.",
        ),
    ];
    let _worker = panel.start_worker();
    for (port, (answer, cause, what, next)) in (2000..).zip(cases) {
        panel.connector.remote.respond(move |run| {
            if is_rule(run) {
                answer.clone()
            } else {
                Answer::code(0)
            }
        });
        check(&panel, &server, port, cause, what, next).await;
    }
}

async fn check(
    panel: &TestPanel,
    server: &domain::access::OwnedServer,
    port: u16,
    cause: Cause,
    what: &str,
    next: &str,
) {
    let (_, operation) = panel.add_rule(server, &port.to_string()).await;
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Failed, "{ended:#?}");
    let error = ended.error.unwrap();
    assert!(error.contains(what) && error.contains(next), "{error}");
    let step = &ended.steps[0];
    assert_eq!(step.status, StepStatus::Failed);
    let diagnosis = step.diagnosis.as_ref().unwrap();
    assert_eq!(diagnosis.kind, cause);
    assert!(error.ends_with(&diagnosis.in_words()), "{error}");
}
