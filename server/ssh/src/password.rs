//! Logging in with a password. It is sent only to a server whose host key is the pinned one, and only
//! to one that asks for a password.

use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse, Prompt};
use russh::{MethodKind, MethodSet};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use tokio::time::timeout;

use crate::dial::Transport;
use crate::handler::Guard;
use crate::{Error, Phase, Place};

/// PAM makes a wrong password wait for some seconds.
const LOG_IN_WITHIN: Duration = Duration::from_secs(30);
/// A server may show messages between its questions.
const MOST_ROUNDS: usize = 5;

/// How an attempt ended that did not break off.
enum Ending {
    In,
    /// The server takes no passwords; what it takes instead.
    NotOffered(MethodSet),
    Refused,
    /// The password was right, and more is asked for.
    MoreNeeded,
}

pub(crate) async fn authenticate(
    transport: &mut Transport,
    place: &Place,
    user: &str,
    password: &SecretString,
) -> Result<(), Error> {
    let (place, phase) = (place.clone(), Phase::Authenticate);
    let attempt = attempt(&mut transport.handle, user, password);
    let ending = timeout(LOG_IN_WITHIN, attempt)
        .await
        .map_err(|_| Error::TimedOut {
            place: place.clone(),
            phase,
        })?;
    let user = user.to_owned();
    match ending {
        Ok(Ending::In) => Ok(()),
        Ok(Ending::NotOffered(offered)) => Err(Error::PasswordNotOffered {
            place,
            user,
            offered: offered.iter().map(String::from).collect(),
        }),
        Ok(Ending::Refused) => Err(Error::PasswordRefused { place, user }),
        Ok(Ending::MoreNeeded) => Err(Error::PasswordNotEnough { place, user }),
        Err(_) => Err(Error::Closed { place, phase }),
    }
}

async fn attempt(
    handle: &mut Handle<Guard>,
    user: &str,
    password: &SecretString,
) -> Result<Ending, russh::Error> {
    // Asking with nothing in hand lists what the server takes, before the password is sent.
    let offered = match handle.authenticate_none(user).await? {
        AuthResult::Success => return Ok(Ending::In),
        AuthResult::Failure {
            remaining_methods, ..
        } => remaining_methods,
    };
    if offered.contains(&MethodKind::Password) {
        let answer = handle
            .authenticate_password(user, password.expose_secret())
            .await?;
        return match answer {
            AuthResult::Success => Ok(Ending::In),
            AuthResult::Failure {
                partial_success: true,
                ..
            } => Ok(Ending::MoreNeeded),
            AuthResult::Failure { .. } => refused(handle),
        };
    }
    if offered.contains(&MethodKind::KeyboardInteractive) {
        return answer_prompts(handle, user, password).await;
    }
    if offered.is_empty() {
        // The library reports a connection that ended meanwhile as a failure without methods.
        refused(handle)?;
    }
    Ok(Ending::NotOffered(offered))
}

/// The same password by the other way: sshd with PAM asks for it as its only hidden question.
async fn answer_prompts(
    handle: &mut Handle<Guard>,
    user: &str,
    password: &SecretString,
) -> Result<Ending, russh::Error> {
    let mut answer = handle
        .authenticate_keyboard_interactive_start(user, None)
        .await?;
    let mut is_given = false;
    for _ in 0..MOST_ROUNDS {
        let responses = match answer {
            KeyboardInteractiveAuthResponse::Success => return Ok(Ending::In),
            KeyboardInteractiveAuthResponse::Failure {
                partial_success: true,
                ..
            } => return Ok(Ending::MoreNeeded),
            KeyboardInteractiveAuthResponse::Failure { .. } => return refused(handle),
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => match &prompts[..] {
                [] => Vec::new(),
                [Prompt { echo: false, .. }] if !is_given => {
                    is_given = true;
                    vec![password.expose_secret().to_owned()]
                }
                // A second question, or one whose answer may be seen, is for something else: a code, say.
                _ => return Ok(Ending::MoreNeeded),
            },
        };
        answer = handle
            .authenticate_keyboard_interactive_respond(responses)
            .await?;
    }
    Ok(Ending::MoreNeeded)
}

/// A refusal, unless the connection is gone.
fn refused(handle: &Handle<Guard>) -> Result<Ending, russh::Error> {
    if handle.is_closed() {
        Err(russh::Error::Disconnect)
    } else {
        Ok(Ending::Refused)
    }
}
