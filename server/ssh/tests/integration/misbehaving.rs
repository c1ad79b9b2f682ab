use std::time::{Duration, Instant};

use ssh::{Error, Phase, fetch_host_key};

use crate::odd_servers::{Speaker, hang_up_at_once};

#[tokio::test]
async fn a_server_that_never_speaks_times_out_within_ten_seconds() {
    times_out(b"").await;
}

#[tokio::test]
async fn a_server_that_greets_and_falls_silent_times_out_and_is_hung_up_on() {
    times_out(b"SSH-2.0-silent\r\n").await;
}

async fn times_out(greeting: &'static [u8]) {
    let mut speaker = Speaker::start(greeting, b"").await;
    let started = Instant::now();
    let error = fetch_host_key(&ssh::Reach::everywhere(), "127.0.0.1", speaker.port)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::TimedOut {
                phase: Phase::Handshake,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        started.elapsed() < Duration::from_secs(11),
        "took {:?}",
        started.elapsed()
    );
    let hang_up = speaker.hung_up.wait_for(|hung_up| *hung_up);
    tokio::time::timeout(Duration::from_secs(2), hang_up)
        .await
        .expect("the panel keeps no socket to it")
        .unwrap();
}

#[tokio::test]
async fn a_server_that_drips_harmless_packets_for_ever_is_hung_up_on() {
    // SSH_MSG_IGNORE, in the clear.
    const IGNORE: &[u8] = &[0, 0, 0, 12, 6, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut speaker = Speaker::start(b"SSH-2.0-drip\r\n", IGNORE).await;
    let error = fetch_host_key(&ssh::Reach::everywhere(), "127.0.0.1", speaker.port)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::TimedOut { .. } | Error::Protocol { .. }),
        "{error:?}"
    );
    let hang_up = speaker.hung_up.wait_for(|hung_up| *hung_up);
    assert!(
        tokio::time::timeout(Duration::from_secs(2), hang_up)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_web_server_is_not_an_ssh_server() {
    let speaker = Speaker::start(
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        b"",
    )
    .await;
    let started = Instant::now();
    let error = fetch_host_key(&ssh::Reach::everywhere(), "127.0.0.1", speaker.port)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotSsh { .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(11));
}

#[tokio::test]
async fn a_flood_before_the_greeting_ends_at_once() {
    for flood in [
        b"welcome to the machine\r\n".as_slice(),
        b"no line end ",
        &[0xff; 4096],
    ] {
        let speaker = Speaker::start(b"", flood).await;
        let started = Instant::now();
        let error = fetch_host_key(&ssh::Reach::everywhere(), "127.0.0.1", speaker.port)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::NotSsh { .. }), "{error:?}");
        assert!(
            started.elapsed() < Duration::from_secs(3),
            "took {:?}",
            started.elapsed()
        );
    }
}

#[tokio::test]
async fn garbage_and_giant_lengths_after_the_greeting_end_at_once() {
    for flood in [
        [0xff_u8; 64].as_slice(),
        &[0; 64],
        b"\0\0\x01\0garbage garbage garbage",
    ] {
        let speaker = Speaker::start(b"SSH-2.0-liar\r\n", flood).await;
        let started = Instant::now();
        let error = fetch_host_key(&ssh::Reach::everywhere(), "127.0.0.1", speaker.port)
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::Protocol { .. } | Error::Closed { .. }),
            "{error:?}"
        );
        assert!(
            started.elapsed() < Duration::from_secs(3),
            "took {:?}",
            started.elapsed()
        );
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_is_named_so() {
    let port = hang_up_at_once().await;
    let error = fetch_host_key(&ssh::Reach::everywhere(), "127.0.0.1", port)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Closed {
                phase: Phase::Handshake,
                ..
            }
        ),
        "{error:?}"
    );
}
