//! Logging in with a password: against a real sshd where no account is needed, and against a server that asks
//! in every way there is. What PAM and a real account add is tested on real hosts.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::server::{Auth, Config, Handler, Response};
use russh::{MethodKind, MethodSet, keys};
use secrecy::{ExposeSecret, SecretString};
use ssh::{Client, Connector, Error, PinnedHostKey, Place, Target, generate_key};

use crate::odd_servers::{listen, speak_and_hang_up};
use crate::sshd::{Sshd, own_user, target};

const PASSWORD: &str = "canary-7f3a '; touch /tmp/x #";

#[tokio::test]
async fn a_server_that_takes_no_passwords_is_told_apart_before_one_is_sent() {
    let sshd = Sshd::start();
    let key = generate_key("test").unwrap();
    let error = refusal(&sshd.target(&key).await, PASSWORD).await;
    assert_eq!(
        error,
        Error::PasswordNotOffered {
            place: Place::new("127.0.0.1", sshd.port),
            user: own_user(),
            offered: vec!["publickey".into()],
        }
    );
    assert!(
        !sshd.log().contains("method password"),
        "a password was sent: {}",
        sshd.log()
    );
}

#[tokio::test]
async fn a_wrong_password_is_refused_by_sshd_after_one_attempt() {
    let sshd = Sshd::start_with("PasswordAuthentication yes");
    let key = generate_key("test").unwrap();
    let error = refusal(&sshd.target(&key).await, PASSWORD).await;
    assert!(
        matches!(&error, Error::PasswordRefused { user, .. } if *user == own_user()),
        "{error:?}"
    );
    assert_eq!(sshd.log().matches("Failed password").count(), 1);
    assert!(!sshd.log().contains("canary"));
}

#[tokio::test]
async fn a_changed_host_key_is_found_before_the_password_is_sent() {
    let sshd = Sshd::start_with("PasswordAuthentication yes");
    let key = generate_key("test").unwrap();
    let other: PinnedHostKey = generate_key("other").unwrap().public_line.parse().unwrap();
    let error = refusal(&target(sshd.port, other, &key), PASSWORD).await;
    assert!(matches!(error, Error::HostKeyChanged { .. }), "{error:?}");
    assert!(!sshd.log().contains("userauth-request"), "{}", sshd.log());
}

#[tokio::test]
async fn the_right_password_lets_in_by_whichever_way_it_is_asked_for() {
    for asks in [
        Asks::Password,
        Asks::OneHiddenQuestion,
        Asks::NoticeThenHiddenQuestion,
        Asks::Nothing,
    ] {
        let server = Server::start(asks).await;
        let client = Client::new(ssh::Reach::everywhere());
        let password = SecretString::from(PASSWORD);
        let login = client
            .connect_with_password(&server.target, &password)
            .await;
        assert!(login.is_ok(), "{asks:?}: {:?}", login.err());
        let given = server.given.lock().unwrap().clone();
        let expected: &[&str] = if asks == Asks::Nothing {
            &[]
        } else {
            &[PASSWORD]
        };
        assert_eq!(given, expected, "{asks:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_given_once_and_not_again_by_another_way() {
    for asks in [Asks::Password, Asks::OneHiddenQuestion, Asks::BothWays] {
        let server = Server::start(asks).await;
        let error = refusal(&server.target, "wrong").await;
        assert!(
            matches!(error, Error::PasswordRefused { .. }),
            "{asks:?}: {error:?}"
        );
        assert_eq!(*server.given.lock().unwrap(), ["wrong"], "{asks:?}");
    }
}

#[tokio::test]
async fn a_question_for_something_else_is_not_answered_with_the_password() {
    for (asks, given) in [
        (Asks::VisibleQuestion, 0),
        (Asks::TwoQuestions, 0),
        (Asks::HiddenQuestionTwice, 1),
        (Asks::PasswordAndKey, 1),
    ] {
        let server = Server::start(asks).await;
        let error = refusal(&server.target, PASSWORD).await;
        assert!(
            matches!(error, Error::PasswordNotEnough { .. }),
            "{asks:?}: {error:?}"
        );
        assert_eq!(server.given.lock().unwrap().len(), given, "{asks:?}");
    }
}

#[tokio::test]
async fn endless_notices_end_the_login() {
    let server = Server::start(Asks::EndlessNotices).await;
    let error = refusal(&server.target, PASSWORD).await;
    assert!(
        matches!(error, Error::PasswordNotEnough { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn sshd_that_turns_newcomers_away_is_not_taken_for_something_else() {
    // What OpenSSH says before it hangs up: 9.8 and later after refused keys, all of them when too many log in.
    for greeting in [
        &b"Not allowed at this time\r\n"[..],
        &b"Exceeded MaxStartups\r\n"[..],
    ] {
        let port = speak_and_hang_up(greeting).await;
        let error = ssh::fetch_host_key(&ssh::Reach::everywhere(), "127.0.0.1", port)
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                Error::Closed {
                    phase: ssh::Phase::Handshake,
                    ..
                }
            ),
            "{error:?}"
        );
    }
}

async fn refusal(target: &Target, password: &str) -> Error {
    Client::new(ssh::Reach::everywhere())
        .connect_with_password(target, &SecretString::from(password.to_owned()))
        .await
        .map(|_| ())
        .expect_err("the login fails")
}

/// How the server asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    Nothing,
    Password,
    OneHiddenQuestion,
    BothWays,
    NoticeThenHiddenQuestion,
    VisibleQuestion,
    TwoQuestions,
    HiddenQuestionTwice,
    /// Takes the password and wants a key as well.
    PasswordAndKey,
    EndlessNotices,
}

impl Asks {
    fn methods(self) -> MethodSet {
        let methods = match self {
            Self::Nothing => [MethodKind::None].as_slice(),
            Self::Password | Self::PasswordAndKey => &[MethodKind::PublicKey, MethodKind::Password],
            Self::BothWays => &[MethodKind::Password, MethodKind::KeyboardInteractive],
            Self::OneHiddenQuestion
            | Self::NoticeThenHiddenQuestion
            | Self::VisibleQuestion
            | Self::TwoQuestions
            | Self::HiddenQuestionTwice
            | Self::EndlessNotices => &[MethodKind::PublicKey, MethodKind::KeyboardInteractive],
        };
        MethodSet::from(methods)
    }
}

struct Server {
    target: Target,
    /// Every password that came.
    given: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(asks: Asks) -> Self {
        let host = generate_key("host").unwrap();
        let host_key: PinnedHostKey = host.public_line.parse().unwrap();
        let config = Arc::new(Config {
            keys: vec![keys::PrivateKey::from_openssh(host.private_key.expose_secret()).unwrap()],
            methods: asks.methods(),
            auth_rejection_time: Duration::ZERO,
            ..Config::default()
        });
        let (listener, port) = listen().await;
        let given = Arc::new(Mutex::default());
        let door = Door {
            asks,
            given: Arc::clone(&given),
            rounds: 0,
        };
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (config, door) = (Arc::clone(&config), door.clone());
                tokio::spawn(async move {
                    if let Ok(session) = russh::server::run_stream(config, socket, door).await {
                        let _ = session.await;
                    }
                });
            }
        });
        let target = target(port, host_key, &generate_key("test").unwrap());
        Self { target, given }
    }
}

#[derive(Clone)]
struct Door {
    asks: Asks,
    given: Arc<Mutex<Vec<String>>>,
    rounds: usize,
}

impl Door {
    fn take(&self, password: String) -> Auth {
        let is_right = password == PASSWORD;
        self.given.lock().unwrap().push(password);
        match (is_right, self.asks) {
            (true, Asks::PasswordAndKey) => Auth::Reject {
                proceed_with_methods: Some(MethodSet::from([MethodKind::PublicKey].as_slice())),
                partial_success: true,
            },
            (true, Asks::HiddenQuestionTwice) => ask(&[("Verification code: ", false)]),
            (true, _) => Auth::Accept,
            (false, _) => Auth::reject(),
        }
    }
}

impl Handler for Door {
    type Error = russh::Error;

    async fn auth_none(&mut self, _user: &str) -> Result<Auth, Self::Error> {
        Ok(if self.asks == Asks::Nothing {
            Auth::Accept
        } else {
            Auth::reject()
        })
    }

    async fn auth_password(&mut self, _user: &str, password: &str) -> Result<Auth, Self::Error> {
        Ok(self.take(password.to_owned()))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        self.rounds += 1;
        let answer = response
            .and_then(|mut answers| answers.next())
            .map(|answer| String::from_utf8_lossy(&answer).into_owned());
        if let Some(answer) = answer {
            return Ok(self.take(answer));
        }
        Ok(match (self.asks, self.rounds) {
            (Asks::EndlessNotices, _) | (Asks::NoticeThenHiddenQuestion, 1) => ask(&[]),
            (Asks::VisibleQuestion, _) => ask(&[("Token: ", true)]),
            (Asks::TwoQuestions, _) => ask(&[("Password: ", false), ("Code: ", false)]),
            _ => ask(&[("Password: ", false)]),
        })
    }
}

fn ask(prompts: &'static [(&'static str, bool)]) -> Auth {
    Auth::Partial {
        name: Cow::Borrowed(""),
        instructions: Cow::Borrowed("Authorized use only"),
        prompts: prompts
            .iter()
            .map(|(prompt, echo)| (Cow::Borrowed(*prompt), *echo))
            .collect(),
    }
}
