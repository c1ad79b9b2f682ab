//! Lets the panel in with a password: puts its key in place, and lets a login user other than root become
//! root. The password is spoken to the server that was confirmed, to its sudo, and to nothing else.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use domain::entities::server;
use domain::operation_secrets::GONE;
use domain::prober::CheckError;
use domain::queue::{Claim, Outcome, PlannedStep};
use domain::{Panel, servers};
use secrecy::{ExposeSecret, SecretString};
use ssh::{ADD_KEY, ALLOW_SUDO, Connector, Error, Exit, Phase, Privilege, Remote, Target};
use tokio::time::{Instant, sleep};
use wire::authorize::SudoersDropIn;
use wire::colours::plain;
use wire::operations::StepStatus;

use crate::answer::Answer;
use crate::output::{Reader, Said};
use crate::plan::Step;
use crate::prober::{self, check_error};

const SCRIPT_WITHIN: Duration = Duration::from_mins(1);
/// sshd turns a newcomer away for some seconds after others from the same address have failed
/// (`PerSourcePenalties`), or while too many log in at once (`MaxStartups`).
const TURNED_AWAY_FOR: Duration = Duration::from_secs(45);
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(3);

/// Runs the operation to its end.
///
/// # Errors
/// Only faults of the panel itself: what goes wrong on the server is an `Outcome`.
pub async fn run(
    panel: &Panel,
    connector: Arc<dyn Connector>,
    claim: &Claim,
    password: Option<SecretString>,
) -> Result<Outcome> {
    let Some(password) = password else {
        return Ok(Outcome::Failed(GONE.to_owned()));
    };
    let db = &panel.db;
    let server = servers::row(db, claim.server).await?;
    let parts = parts(&server.user);
    let steps = parts
        .iter()
        .map(|part| PlannedStep {
            title: part.title().to_owned(),
            script: part.as_text(&server),
            // Never gone on with by another one.
            fingerprint: String::new(),
            done_earlier: None,
        })
        .collect();
    claim.plan(db, steps).await?;
    let key = servers::private_key(panel, &server)?;
    let mut authorization = Authorization {
        panel,
        connector,
        target: prober::target(&server, key).map_err(anyhow::Error::msg)?,
        server,
        password,
        remote: None,
    };
    for (position, part) in (0..).zip(parts) {
        claim.start_step(db, position).await?;
        let report = authorization.take_part(part).await;
        let output = authorization.without_password(report.output);
        if !output.is_empty() {
            claim.print(db, position, output, None).await?;
        }
        let (status, outcome) = match report.error {
            None => (StepStatus::Succeeded, None),
            Some(sentence) => (
                StepStatus::Failed,
                Some(Outcome::Failed(authorization.without_password(sentence))),
            ),
        };
        let summary = report
            .summary
            .map(|summary| authorization.without_password(summary));
        claim
            .end_step(db, position, status, summary, report.exit)
            .await?;
        if let Some(failed) = outcome {
            return Ok(failed);
        }
    }
    Ok(Outcome::Succeeded)
}

#[derive(Clone, Copy)]
enum Part {
    LogIn,
    AddKey,
    AllowSudo,
    LogInWithKey,
}

fn parts(user: &str) -> Vec<Part> {
    if user == "root" {
        vec![Part::LogIn, Part::AddKey, Part::LogInWithKey]
    } else {
        vec![
            Part::LogIn,
            Part::AddKey,
            Part::AllowSudo,
            Part::LogInWithKey,
        ]
    }
}

impl Part {
    fn title(self) -> &'static str {
        match self {
            Self::LogIn => "Log in with the password",
            Self::AddKey => "Add the panel's key",
            Self::AllowSudo => "Allow sudo without a password",
            Self::LogInWithKey => "Log in with the key",
        }
    }

    /// For people: what is done, in a form that can be copied where there is something to copy.
    fn as_text(self, server: &server::Model) -> String {
        match self {
            Self::LogIn => format!(
                "# Compares the host key with the confirmed one, then logs in as {} with the password.\n\
                 # The password is kept nowhere.\n",
                server.user
            ),
            Self::AddKey => add_key(self.title(), server).as_text(),
            Self::AllowSudo => format!(
                "# Only if sudo asks for a password, which it then reads from standard input.\n\
                 sudo sh -c \"$(cat <<'SCRIPT_END'\n{}SCRIPT_END\n)\"\n",
                ALLOW_SUDO.text()
            ),
            Self::LogInWithKey => {
                "# Logs in over a new connection with the panel's key, and becomes root.\n"
                    .to_owned()
            }
        }
    }
}

fn add_key(title: &'static str, server: &server::Model) -> Step {
    let mut step = Step::new(title, ADD_KEY, SCRIPT_WITHIN)
        .with("the panel's public key", server.public_key.clone());
    step.privilege = Privilege::Login;
    step
}

/// What a part left behind; without an error it has worked.
#[derive(Default)]
struct Report {
    summary: Option<String>,
    output: String,
    exit: Option<String>,
    error: Option<String>,
}

impl Report {
    fn done(summary: impl Into<String>) -> Self {
        Self {
            summary: Some(summary.into()),
            ..Self::default()
        }
    }

    fn failed(sentence: impl ToString) -> Self {
        Self {
            error: Some(sentence.to_string()),
            ..Self::default()
        }
    }

    /// What a script printed; an error if it said so.
    fn of(printed: &[u8]) -> Self {
        let mut report = Self::default();
        let mut reader = Reader::default();
        let mut said = reader.read(printed);
        said.extend(reader.end());
        for said in said {
            match said {
                // Without colours, so that none in the middle of the password hides it.
                Said::Text(line) => report.output.push_str(&plain(&line)),
                Said::Summary(summary) => report.summary = Some(summary),
                Said::Error(sentence) => report.error = Some(sentence),
                Said::Fact { .. } => {}
            }
        }
        report
    }

    fn last_line(&self) -> &str {
        self.output
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("it printed nothing")
    }
}

struct Authorization<'a> {
    panel: &'a Panel,
    connector: Arc<dyn Connector>,
    target: Target,
    server: server::Model,
    password: SecretString,
    /// Logged in with the password.
    remote: Option<Arc<dyn Remote>>,
}

impl Authorization<'_> {
    async fn take_part(&mut self, part: Part) -> Report {
        let user = &self.server.user;
        match (part, &self.remote) {
            (Part::LogIn, _) => match self.log_in().await {
                Ok(remote) => {
                    self.remote = Some(remote);
                    Report::done(format!("as {}", self.server.user))
                }
                Err(error) => Report::failed(error),
            },
            (Part::AddKey, Some(remote)) => self.add_key(remote.as_ref()).await,
            (Part::AllowSudo, Some(remote)) => self.allow_sudo(remote.as_ref()).await,
            (Part::AddKey | Part::AllowSudo, None) => {
                Report::failed(format!("{user} is not logged in."))
            }
            (Part::LogInWithKey, _) => match self.log_in_with_key().await {
                Ok(()) => Report::done("the panel is in"),
                Err(sentence) => Report::failed(sentence),
            },
        }
    }

    async fn log_in(&self) -> Result<Arc<dyn Remote>, Error> {
        let give_up = Instant::now() + TURNED_AWAY_FOR;
        loop {
            let login = self
                .connector
                .connect_with_password(&self.target, &self.password);
            match login.await {
                // Turned away before the password was spoken.
                Err(Error::Closed {
                    phase: Phase::Connect | Phase::Handshake,
                    ..
                }) if Instant::now() < give_up => sleep(TRY_AGAIN_AFTER).await,
                ended => return ended,
            }
        }
    }

    async fn add_key(&self, remote: &dyn Remote) -> Report {
        let step = add_key("", &self.server);
        let mut printed = Answer::default();
        let ended = remote
            .run(
                step.script,
                step.privilege,
                step.stdin(),
                step.deadline,
                &mut printed,
            )
            .await;
        let mut report = Report::of(&printed.into_bytes());
        match ended {
            Ok(exit) if exit.succeeded() => report,
            Ok(exit) => {
                report.error = Some(format!(
                    "The panel's key could not be written into ~/.ssh/authorized_keys of {}: {}. Mend that on the server, \
                     then enter the password again.",
                    self.server.user,
                    report.last_line()
                ));
                report.exit = Some(exit.status.to_string());
                report
            }
            Err(error) => {
                report.error = Some(error.to_string());
                report
            }
        }
    }

    async fn allow_sudo(&self, remote: &dyn Remote) -> Report {
        match remote.check_privilege().await {
            Ok(()) => {
                return Report::done("sudo asks for no password already; nothing was written");
            }
            Err(Error::NoPrivilege { .. }) => {}
            Err(error) => return Report::failed(error),
        }
        let mut printed = Answer::default();
        let ended = remote
            .allow_sudo(&self.password, SCRIPT_WITHIN, &mut printed)
            .await;
        let mut report = Report::of(&printed.into_bytes());
        match ended {
            Ok(exit) if exit.succeeded() => report,
            Ok(exit) => {
                if report.error.is_none() {
                    report.error = Some(sudo_refusal(&self.server.user, &report, &exit));
                }
                report.exit = Some(exit.status.to_string());
                report
            }
            Err(error) => {
                report.error = Some(error.to_string());
                report
            }
        }
    }

    /// The way in that stays. It is what the record says from now on.
    async fn log_in_with_key(&self) -> Result<(), String> {
        self.connector.forget(self.target.server).await;
        let attempt = async {
            let remote = self.connector.connect(&self.target).await?;
            remote.check_privilege().await
        };
        let (told, result) = match attempt.await {
            Ok(()) => (Ok(()), Ok(())),
            Err(error @ Error::NoPrivilege { .. }) => {
                let sentence = overruled(&self.server.user, &error);
                (Err(CheckError::Other(sentence.clone())), Err(sentence))
            }
            Err(error) => (Err(check_error(&error)), Err(error.to_string())),
        };
        let key = self.target.private_key.clone();
        servers::came_in(self.panel, &self.server, key, told)
            .await
            .map_err(|error| {
                tracing::error!(%error, "could not store the state of a connection");
                "The panel is in, but could not record it. Try the connection again.".to_owned()
            })?;
        result
    }

    /// A server knows the password that it was given, and could print it.
    fn without_password(&self, text: String) -> String {
        let password = self.password.expose_secret();
        if text.contains(password) {
            text.replace(password, "******")
        } else {
            text
        }
    }
}

/// Why sudo did not run the script, by its own words.
fn sudo_refusal(user: &str, report: &Report, exit: &Exit) -> String {
    let says = |signs: &[&str]| signs.iter().any(|sign| report.output.contains(sign));
    if says(&["No such file or directory"]) {
        return format!(
            "sudo is not installed, so {user} cannot become root. Install it as root (apt install sudo) and allow {user} to \
             use it (usermod -aG sudo {user}), or add the server with the user root."
        );
    }
    if says(&[
        "is not in the sudoers file",
        "may not run sudo",
        "is not allowed to",
    ]) {
        return format!(
            "{user} may not use sudo. Allow it as root (usermod -aG sudo {user}) and enter the password again, or add the \
             server with the user root."
        );
    }
    if says(&["must have a tty"]) {
        return format!(
            "sudo answers {user} only at a terminal (requiretty). Allow {user} sudo without a password by visudo."
        );
    }
    if says(&[
        "try again",
        "incorrect password",
        "no password was provided",
        "a password is required",
    ]) {
        return format!(
            "sudo does not take the password that {user} logs in with. Allow {user} sudo without a password by visudo."
        );
    }
    format!(
        "sudo ended with {}: {}. Allow {user} sudo without a password by visudo.",
        exit.status,
        report.last_line()
    )
}

fn overruled(user: &str, error: &Error) -> String {
    match SudoersDropIn::of(user) {
        Some(file) => format!(
            "{} is there, but sudo still asks {user} for a password: a rule that is read later overrules it. Look into \
             /etc/sudoers and /etc/sudoers.d.",
            file.path
        ),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use ssh::ExitStatus;

    use super::*;

    fn refusal(printed: &str) -> String {
        let exit = Exit {
            status: ExitStatus::Code(1),
        };
        sudo_refusal("admin", &Report::of(printed.as_bytes()), &exit)
    }

    #[test]
    fn what_sudo_says_becomes_a_sentence_with_the_next_action() {
        for (printed, sentence) in [
            (
                "env: 'sudo': No such file or directory\n",
                "sudo is not installed",
            ),
            (
                "admin is not in the sudoers file.\nThis incident has been reported to the administrator.\n",
                "admin may not use sudo",
            ),
            (
                "Sorry, user admin may not run sudo on web-1.\n",
                "admin may not use sudo",
            ),
            (
                "Sorry, try again.\nsudo: no password was provided\nsudo: 1 incorrect password attempt\n",
                "sudo does not take the password",
            ),
            (
                "sudo: sorry, you must have a tty to run sudo\n",
                "only at a terminal",
            ),
            ("\nodd\n\n", "sudo ended with exit code 1: odd."),
        ] {
            let refusal = refusal(printed);
            assert!(refusal.contains(sentence), "{printed:?}: {refusal}");
        }
    }
}
