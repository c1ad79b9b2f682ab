//! The folder of a panel: one process at a time, and no work from a backup by itself.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use domain::entities::setting;
use domain::{Db, Panel, queue};
use sea_orm::{EntityTrait, Set};

/// How far apart the times are that the database and the file beside it remember.
const BEAT: Duration = Duration::from_mins(1);
const NAME: &str = "last_seen";

/// Held as long as the process lives; the kernel lets go of it however that ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Makes the folder, closes it to others, and makes sure that no other panel runs on it.
///
/// # Errors
/// A sentence, with the process that has it.
pub fn lock(data: &Path) -> Result<Lock> {
    fs::create_dir_all(data)
        .with_context(|| format!("cannot make the folder {}", data.display()))?;
    fs::set_permissions(data, fs::Permissions::from_mode(0o700))
        .with_context(|| format!("cannot close the folder {} to others", data.display()))?;
    let path = data.join("brokeforge.lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut process = String::new();
            let _ = file.read_to_string(&mut process);
            bail!(
                "a panel runs on the folder {} already (process {}). Stop it first, or give this one a folder of its \
                 own with --data",
                data.display(),
                process.trim()
            );
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(Lock { _file: file })
}

/// Ends what was under way if the database is older than the panel's last run on this folder.
///
/// # Errors
/// When the database does not answer.
pub async fn end_work_of_a_backup(panel: &Panel, data: &Path) -> Result<()> {
    let Some(stored) = stored(&panel.db).await? else {
        return Ok(());
    };
    let seen = fs::read_to_string(seen_file(data))
        .ok()
        .and_then(|text| text.trim().parse::<i64>().ok());
    // The file is written after the database, so an older database was put back.
    let is_older = match seen {
        Some(seen) => seen > stored,
        // A database that is a file was put back without the one beside it; a shared one has a new panel.
        None => !panel.db.is_shared(),
    };
    if !is_older {
        return Ok(());
    }
    let ended = queue::end_what_was_under_way(&panel.db).await?;
    tracing::warn!(ended, "the database was put back from a backup");
    Ok(())
}

/// Remembers, in the database and beside it, that the panel is there.
pub async fn remember(db: Db, data: PathBuf) {
    let mut beat = tokio::time::interval(BEAT);
    loop {
        beat.tick().await;
        if let Err(error) = remember_once(&db, &data).await {
            tracing::error!(
                error = format!("{error:#}"),
                "could not store when the panel was last here"
            );
        }
    }
}

async fn remember_once(db: &Db, data: &Path) -> Result<()> {
    let mut tx = db.begin().await?;
    let at = tx.at().0.to_string();
    match setting::Entity::find_by_id(NAME).one(tx.reads()).await? {
        Some(row) => {
            tx.update(&row, |row| row.value.clone_from(&at)).await?;
        }
        None => {
            tx.insert(setting::ActiveModel {
                name: Set(NAME.to_owned()),
                value: Set(at.clone()),
            })
            .await?;
        }
    }
    tx.commit().await?;
    let new = data.join("brokeforge.seen.new");
    fs::write(&new, at)?;
    Ok(fs::rename(new, seen_file(data))?)
}

async fn stored(db: &Db) -> Result<Option<i64>> {
    let row = setting::Entity::find_by_id(NAME).one(db.reads()).await?;
    Ok(row.and_then(|row| row.value.parse().ok()))
}

fn seen_file(data: &Path) -> PathBuf {
    data.join("brokeforge.seen")
}
