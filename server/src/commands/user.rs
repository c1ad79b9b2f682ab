//! `brokeforge user`: the way back in for whoever has the panel's machine but not the password.

use std::fs;
use std::io::{BufRead, IsTerminal};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use domain::{Db, accounts};
use migrations::Migrator;
use rand::Rng;
use sea_orm_migration::MigratorTrait;
use wire::accounts::{AccountSummary, Password};

use crate::database::{Database, PostgresUrl};

/// Arguments of `brokeforge user`.
#[derive(Args, Clone, Debug)]
pub struct UserArguments {
    #[command(subcommand)]
    command: UserCommand,
    /// The panel's `PostgreSQL` database, if it has one, as for `brokeforge serve`
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        global = true
    )]
    database_url: Option<PostgresUrl>,
    /// The folder of the panel's database
    #[arg(long, env = "BROKEFORGE_DATA", global = true,
          default_value_os_t = crate::config::default_data_folder())]
    data: PathBuf,
}

#[derive(Subcommand, Clone, Debug)]
enum UserCommand {
    /// Lists the accounts
    List,
    /// Gives an account another password and signs it out everywhere
    ///
    /// Works beside a running panel. Asks for the password on the terminal, without showing it.
    ResetPassword {
        /// The e-mail the account signs in with
        email: String,
        /// Read the password from the first line of standard input
        #[arg(long, conflicts_with = "generate")]
        stdin: bool,
        /// Make a password up and print it
        #[arg(long)]
        generate: bool,
    },
}

/// Runs `brokeforge user`.
///
/// # Errors
/// A sentence on what is in the way, and what to do.
pub async fn run(arguments: UserArguments) -> Result<()> {
    let database = Database::of(&arguments.data, arguments.database_url.as_ref());
    let db = open(&arguments.data, &database).await?;
    match arguments.command {
        UserCommand::List => list(&db).await,
        UserCommand::ResetPassword {
            email,
            stdin,
            generate,
        } => {
            let email = email.trim().to_lowercase();
            let known = accounts::summaries(&db).await?;
            if !known.iter().any(|account| account.email == email) {
                bail!(unknown(&email, &known));
            }
            let source = match (stdin, generate) {
                (true, _) => Source::Stdin,
                (_, true) => Source::Generated,
                (false, false) => Source::Terminal,
            };
            reset(&db, &email, source).await
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Terminal,
    Stdin,
    Generated,
}

/// The database of a panel that exists already and has this program's tables.
async fn open(data: &Path, database: &Database) -> Result<Db> {
    match database {
        Database::File(file) => refuse_foreign(data, file)?,
        Database::Postgres(_) => {}
    }
    let db = database.open().await?;
    let pending = Migrator::get_pending_migrations_read_only(db.reads())
        .await
        .with_context(|| format!("{database} was made by another version"))?;
    if !pending.is_empty() {
        bail!(
            "the database is older than this program. Start the panel once with this version, then \
             run this again"
        );
    }
    Ok(db)
}

fn refuse_foreign(data: &Path, file: &Path) -> Result<()> {
    let about = fs::metadata(file).with_context(|| {
        format!(
            "there is no panel in {}. Name its folder with --data, as for `brokeforge serve`",
            data.display()
        )
    })?;
    // SQLite makes files beside the database; made by somebody else, they would lock the panel out.
    let me = fs::metadata("/proc/self").map_or(about.uid(), |process| process.uid());
    if me != about.uid() {
        bail!(
            "the database belongs to another user. Run this as that user: sudo -u '#{}' brokeforge \
             user ...",
            about.uid()
        );
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is what was asked for")]
async fn list(db: &Db) -> Result<()> {
    let accounts = accounts::summaries(db).await?;
    if accounts.is_empty() {
        println!("There is no account yet. Open the panel's /setup page to make the first one.");
        return Ok(());
    }
    let width = |text: fn(&AccountSummary) -> &str| {
        accounts
            .iter()
            .map(|account| text(account).chars().count())
            .max()
            .unwrap_or_default()
    };
    let (emails, roles) = (
        width(|account| &account.email),
        width(|account| account.role.as_str()),
    );
    for account in &accounts {
        println!(
            "{:emails$}  {:roles$}  {}",
            account.email,
            account.role.as_str(),
            account.name
        );
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is what was asked for")]
async fn reset(db: &Db, email: &str, source: Source) -> Result<()> {
    let text = match source {
        Source::Terminal => ask(email)?,
        Source::Stdin => first_line()?,
        Source::Generated => made_up(),
    };
    let password = Password::parse(&text)
        .map_err(|sentence| anyhow::anyhow!("this password cannot be used. {sentence}"))?;
    let ended = accounts::reset_password(db, email, &password).await?;
    println!(
        "{email} has a new password. {}",
        match ended {
            0 => "It was signed in nowhere.".to_owned(),
            1 => "Its session was ended.".to_owned(),
            _ => format!("Its {ended} sessions were ended."),
        }
    );
    if source == Source::Generated {
        println!("Password: {text}");
    }
    Ok(())
}

fn ask(email: &str) -> Result<String> {
    if !std::io::stdin().is_terminal() {
        bail!(
            "there is no terminal to ask for the password on. Give it with --stdin, or have one made \
             with --generate"
        );
    }
    let password = rpassword::prompt_password(format!("New password for {email}: "))?;
    let again = rpassword::prompt_password("The same again: ")?;
    if password != again {
        bail!("these were two different passwords; nothing was changed");
    }
    Ok(password)
}

fn first_line() -> Result<String> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("cannot read the password from standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// 100 bits that can be read out and typed: no letter looks like another.
fn made_up() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = rand::rng();
    let mut groups = Vec::new();
    for _ in 0..4 {
        let group: String = (0..5)
            .map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())]))
            .collect();
        groups.push(group);
    }
    groups.join("-")
}

/// Names what was perhaps meant, or whom there is.
fn unknown(email: &str, known: &[AccountSummary]) -> String {
    let mut sentence = format!("no account has the e-mail {email}.");
    let mut near: Vec<_> = known
        .iter()
        .map(|account| (strsim::jaro_winkler(email, &account.email), &account.email))
        .filter(|(likeness, _)| *likeness > 0.85)
        .collect();
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    if let Some((_, nearest)) = near.first() {
        sentence += " Did you mean ";
        sentence += nearest;
        sentence.push('?');
    } else if known.is_empty() {
        sentence.push_str(" There is no account yet: open the panel's /setup page.");
    } else {
        sentence.push_str(" `brokeforge user list` shows those there are.");
    }
    sentence
}
