//! A server that speaks SSH well and means harm.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, Preferred, cipher, kex, keys};
use secrecy::ExposeSecret;
use ssh::{
    Client, Connector, Discard, Error, Exit, ExitStatus, Phase, PinnedHostKey, Privilege, Remote,
    Script, Target, generate_key,
};
use tokio::sync::mpsc;

use crate::odd_servers::listen;

const TRUE: Script = Script::new("true\n");
const SOON: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Malice {
    None,
    /// Takes the key and never answers.
    SilentLogin,
    RefusesSessions,
    RefusesCommands,
    /// Ends every command with 1: `sudo` wants a password.
    FailsEverything,
    /// Sends two exit codes, the second one 0.
    ForgesSuccess,
    EndsWithoutCode,
    NeverEnds,
    /// Opens channels of every kind towards the panel.
    OpensChannels,
}

#[derive(Clone)]
struct Server {
    malice: Malice,
    commands: Arc<Mutex<Vec<String>>>,
    opened: mpsc::UnboundedSender<bool>,
}

impl Handler for Server {
    type Error = russh::Error;

    async fn auth_publickey(
        &mut self,
        _user: &str,
        _key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        if self.malice == Malice::SilentLogin {
            std::future::pending::<()>().await;
        }
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.malice != Malice::RefusesSessions {
            reply.accept().await;
        }
        if self.malice == Malice::OpensChannels {
            let (handle, opened) = (session.handle(), self.opened.clone());
            tokio::spawn(async move {
                let _ = opened.send(handle.channel_open_session().await.is_ok());
                let _ = opened.send(handle.channel_open_agent().await.is_ok());
                let _ = opened.send(handle.channel_open_x11("a", 1_u32).await.is_ok());
                let tcp = handle.channel_open_forwarded_tcpip("a", 1, "b", 2);
                let _ = opened.send(tcp.await.is_ok());
                let direct = handle.channel_open_direct_tcpip("a", 1, "b", 2);
                let _ = opened.send(direct.await.is_ok());
            });
        }
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.commands
            .lock()
            .unwrap()
            .push(String::from_utf8_lossy(command).into_owned());
        match self.malice {
            Malice::RefusesCommands => return session.channel_failure(channel),
            Malice::NeverEnds => return session.channel_success(channel),
            Malice::EndsWithoutCode => {}
            Malice::FailsEverything => session.exit_status_request(channel, 1)?,
            Malice::ForgesSuccess => {
                session.exit_status_request(channel, 7)?;
                session.exit_status_request(channel, 0)?;
            }
            Malice::None
            | Malice::SilentLogin
            | Malice::RefusesSessions
            | Malice::OpensChannels => {
                session.exit_status_request(channel, 0)?;
            }
        }
        session.close(channel)
    }
}

struct Running {
    target: Target,
    commands: Arc<Mutex<Vec<String>>>,
    opened: mpsc::UnboundedReceiver<bool>,
}

async fn serve(malice: Malice, user: &str, preferred: Preferred) -> Running {
    let host = generate_key("host").unwrap();
    let host_key: PinnedHostKey = host.public_line.parse().unwrap();
    let config = Arc::new(Config {
        keys: vec![keys::PrivateKey::from_openssh(host.private_key.expose_secret()).unwrap()],
        preferred,
        nodelay: true,
        ..Config::default()
    });
    let (listener, port) = listen().await;
    let commands = Arc::new(Mutex::default());
    let (open, opened) = mpsc::unbounded_channel();
    let server = Server {
        malice,
        commands: Arc::clone(&commands),
        opened: open,
    };
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (config, server) = (Arc::clone(&config), server.clone());
            tokio::spawn(async move {
                if let Ok(session) = russh::server::run_stream(config, socket, server).await {
                    let _ = session.await;
                }
            });
        }
    });
    let target = Target {
        server: 1,
        address: "127.0.0.1".into(),
        port,
        user: user.into(),
        host_key,
        private_key: generate_key("panel").unwrap().private_key,
    };
    Running {
        target,
        commands,
        opened,
    }
}

async fn log_in(malice: Malice, user: &str) -> (Arc<dyn Remote>, Running) {
    let running = serve(malice, user, Preferred::DEFAULT).await;
    let remote = Client::new(ssh::Reach::everywhere())
        .connect(&running.target)
        .await
        .expect("the login succeeds");
    (remote, running)
}

async fn run(remote: &dyn Remote, privilege: Privilege) -> Result<Exit, Error> {
    remote
        .run(TRUE, privilege, Vec::new(), SOON, &mut Discard)
        .await
}

#[tokio::test]
async fn a_login_that_is_never_answered_times_out() {
    let running = serve(Malice::SilentLogin, "root", Preferred::DEFAULT).await;
    let started = Instant::now();
    let outcome = Client::new(ssh::Reach::everywhere())
        .connect(&running.target)
        .await
        .map(|_| ());
    let timed_out = matches!(
        outcome,
        Err(Error::TimedOut {
            phase: Phase::Authenticate,
            ..
        })
    );
    assert!(timed_out, "{outcome:?}");
    assert!(started.elapsed() < Duration::from_secs(17));
}

#[tokio::test]
async fn a_user_without_sudo_is_told_so_before_any_script_runs() {
    let (remote, running) = log_in(Malice::FailsEverything, "deploy").await;
    assert!(matches!(
        remote.check_privilege().await,
        Err(Error::NoPrivilege { .. })
    ));
    for privilege in [Privilege::Root, Privilege::App] {
        assert!(matches!(
            run(&*remote, privilege).await,
            Err(Error::NoPrivilege { .. })
        ));
    }
    let commands = running.commands.lock().unwrap().clone();
    assert!(
        commands
            .iter()
            .all(|line| line == "exec sudo -n -- /bin/sh -c :"),
        "{commands:?}"
    );
    // As the login user it does run.
    let exit = run(&*remote, Privilege::Login).await;
    assert_eq!(
        exit,
        Ok(Exit {
            status: ExitStatus::Code(1)
        })
    );
}

#[tokio::test]
async fn sudo_is_checked_once_per_connection_and_root_needs_none() {
    let (remote, running) = log_in(Malice::None, "deploy").await;
    for _ in 0..3 {
        run(&*remote, Privilege::Root).await.unwrap();
    }
    let commands = running.commands.lock().unwrap().clone();
    assert_eq!(commands.len(), 4, "{commands:?}");
    assert!(commands[1].starts_with("exec sudo -n -- /bin/sh -c '"));

    let (remote, running) = log_in(Malice::None, "root").await;
    run(&*remote, Privilege::Root).await.unwrap();
    let commands = running.commands.lock().unwrap().clone();
    assert!(
        commands.len() == 1 && commands[0].starts_with("exec /bin/sh -c '"),
        "{commands:?}"
    );
}

#[tokio::test]
async fn the_first_exit_code_stands() {
    let (remote, _running) = log_in(Malice::ForgesSuccess, "root").await;
    let exit = run(&*remote, Privilege::Root).await;
    assert_eq!(
        exit,
        Ok(Exit {
            status: ExitStatus::Code(7)
        })
    );
}

#[tokio::test]
async fn a_session_that_ends_without_a_code_is_not_a_success() {
    let (remote, _running) = log_in(Malice::EndsWithoutCode, "root").await;
    assert!(matches!(
        run(&*remote, Privilege::Root).await,
        Err(Error::Lost { .. })
    ));
}

#[tokio::test]
async fn a_session_that_never_ends_meets_its_deadline() {
    let (remote, _running) = log_in(Malice::NeverEnds, "root").await;
    let short = Duration::from_millis(300);
    let outcome = remote
        .run(TRUE, Privilege::Root, Vec::new(), short, &mut Discard)
        .await;
    assert!(
        matches!(outcome, Err(Error::Deadline { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_server_that_runs_nothing_is_named_so() {
    for malice in [Malice::RefusesSessions, Malice::RefusesCommands] {
        let (remote, _running) = log_in(malice, "root").await;
        let outcome = run(&*remote, Privilege::Root).await;
        assert!(
            matches!(outcome, Err(Error::SessionRefused { .. })),
            "{malice:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn channels_that_a_server_opens_are_refused() {
    let (remote, mut running) = log_in(Malice::OpensChannels, "root").await;
    run(&*remote, Privilege::Root).await.unwrap();
    for _ in 0..5 {
        let opened = tokio::time::timeout(SOON, running.opened.recv()).await;
        assert_eq!(opened, Ok(Some(false)));
    }
    assert!(
        run(&*remote, Privilege::Root).await.is_ok(),
        "the connection lives on"
    );
}

#[tokio::test]
async fn a_server_open_to_terrapin_is_refused_and_one_with_gcm_is_not() {
    let without_strict_kex = |cipher| Preferred {
        kex: Cow::Borrowed(&[kex::CURVE25519]),
        cipher: Cow::Owned(vec![cipher]),
        ..Preferred::DEFAULT
    };
    let exposed = without_strict_kex(cipher::CHACHA20_POLY1305);
    let running = serve(Malice::None, "root", exposed).await;
    let outcome = Client::new(ssh::Reach::everywhere())
        .connect(&running.target)
        .await
        .map(|_| ());
    assert!(
        matches!(outcome, Err(Error::InsecureTransport { .. })),
        "{outcome:?}"
    );

    let running = serve(
        Malice::None,
        "root",
        without_strict_kex(cipher::AES_256_GCM),
    )
    .await;
    assert!(
        Client::new(ssh::Reach::everywhere())
            .connect(&running.target)
            .await
            .is_ok()
    );
}
