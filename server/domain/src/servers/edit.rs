//! Changing what the panel knows of a server.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use wire::ApiError;
use wire::operations::OperationState;
use wire::servers::HostKeyResource;
use wire::servers::edit::{HostKeyDecision, ServerEdit, ServerFields, UpdateOutcome};
use wire::servers::{Connection, edit::Provider};

use super::connection::check_soon;
use super::find;
use super::host_key::{confirm_name, pin, read, record_acceptance, wait_for_the_key};
use crate::access::{OwnedServer, SignedIn};
use crate::audit::{self, Topic};
use crate::entities::{operation, server};
use crate::{Error, Panel};

/// Saves a change. At another address or port the server must show the pinned host key, unless it was decided
/// otherwise; at another address, port or user the connection is checked afterwards.
///
/// # Errors
/// `Conflict` when somebody else has changed the fields since they were shown, and while an operation runs whose
/// way in would change under it; a sentence for a field that cannot be used.
pub async fn update(
    panel: &Panel,
    who: &SignedIn,
    server: &OwnedServer,
    edit: &ServerEdit,
    shown: &ServerFields,
    decision: &HostKeyDecision,
) -> Result<UpdateOutcome, Error> {
    let changes = Changes::of(&server.0, edit);
    // Before the network is asked; what counts is the look inside the transaction.
    refuse_unseen_changes(&server.0, shown)?;
    refuse_to_pull_the_rug(panel.db.reads(), &server.0, changes).await?;
    let new_key = if changes.place {
        panel.prober.refuse_address(&edit.address, edit.port)?;
        match verify(panel, who, server, edit, decision).await? {
            Verdict::Same => None,
            Verdict::Accepted(key) => Some(key),
            Verdict::NotYet(outcome) => return Ok(outcome),
        }
    } else {
        None
    };
    let mut tx = panel.db.begin().await?;
    let row = find(&tx, server.id()).await?;
    refuse_unseen_changes(&row, shown)?;
    refuse_to_pull_the_rug(tx.reads(), &row, changes).await?;
    refuse_a_taken_place(tx.reads(), &row, edit).await?;
    if let Some(new) = &new_key {
        let old = read(panel, &row.host_key)?;
        record_acceptance(&mut tx, who, &row, &old, new).await?;
    }
    let at = tx.at().0;
    let after = tx
        .update(&row, |row| {
            let before = row.clone();
            write(row, edit);
            if *row != before {
                row.updated_at = at;
            }
            if let Some(new) = &new_key {
                pin(row, new);
            } else if changes.user
                || changes.place && row.connection == Connection::HostKeyChanged.as_str()
            {
                wait_for_the_key(row);
            }
        })
        .await?;
    if let Some(sentence) = sentence(&row, &after) {
        audit::record(&mut tx, &who.into(), server.id(), Topic::Server, sentence).await?;
    }
    tx.commit().await?;
    if changes.any_login() {
        check_soon(panel, server.id());
    }
    Ok(UpdateOutcome::Saved)
}

/// Which changes concern the way in.
#[derive(Clone, Copy)]
struct Changes {
    /// Address or port.
    place: bool,
    user: bool,
}

impl Changes {
    fn of(row: &server::Model, edit: &ServerEdit) -> Self {
        Self {
            place: row.address != edit.address.as_str() || row.port != i32::from(edit.port.get()),
            user: row.user != edit.user.as_str(),
        }
    }

    fn any_login(self) -> bool {
        self.place || self.user
    }
}

/// What the host key at the new place means for the change.
enum Verdict {
    Same,
    Accepted(HostKeyResource),
    NotYet(UpdateOutcome),
}

async fn verify(
    panel: &Panel,
    who: &SignedIn,
    server: &OwnedServer,
    edit: &ServerEdit,
    decision: &HostKeyDecision,
) -> Result<Verdict, Error> {
    // Each of these ends with a look at the new place, if only the next check of the connection.
    panel.limits.probe(who.user())?;
    let accepted = match decision {
        HostKeyDecision::KeepPinned => return Ok(Verdict::Same),
        HostKeyDecision::Verify => None,
        HostKeyDecision::Accept {
            host_key,
            confirm_name: typed,
        } => {
            confirm_name(server, typed)?;
            Some(host_key)
        }
    };
    let pinned = &server.0.host_key;
    let asked = panel
        .prober
        .host_key_like(pinned, &edit.address, edit.port)
        .await;
    let found = match asked {
        Ok(found) => found,
        Err(ApiError::Remote { message }) => {
            return Ok(Verdict::NotYet(UpdateOutcome::Unreachable { message }));
        }
        Err(error) => return Err(error.into()),
    };
    if found.host_key == *pinned {
        return Ok(Verdict::Same);
    }
    // Accepted is what was shown, and nothing that has come since.
    if accepted == Some(&found.host_key) {
        return Ok(Verdict::Accepted(found));
    }
    Ok(Verdict::NotYet(UpdateOutcome::OtherHostKey {
        pinned: read(panel, pinned)?,
        found,
    }))
}

/// Two people, or two tabs: whoever comes second is told what the first one did.
fn refuse_unseen_changes(row: &server::Model, shown: &ServerFields) -> Result<(), Error> {
    let present = fields(row);
    let changed: Vec<String> = present
        .differing(shown)
        .into_iter()
        .map(|name| match name {
            "notes" => "the notes changed".to_owned(),
            name => match present.get(name) {
                "" => format!("the {name} was taken away"),
                value => format!("the {name} is now {value}"),
            },
        })
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "This server was changed elsewhere meanwhile: {}. Nothing was saved, and what you typed is still here.",
        changed.join(", ")
    )))
}

async fn refuse_to_pull_the_rug(
    conn: &impl ConnectionTrait,
    row: &server::Model,
    changes: Changes,
) -> Result<(), Error> {
    if !changes.any_login() {
        return Ok(());
    }
    let under_way = operation::Entity::find()
        .filter(operation::Column::ServerId.eq(row.id))
        .filter(operation::Column::State.is_in([
            OperationState::Queued.as_str(),
            OperationState::Running.as_str(),
        ]))
        .one(conn)
        .await?;
    match under_way {
        None => Ok(()),
        Some(operation) => Err(Error::conflict(format!(
            "An operation is under way on this server: {}. Change its address, port and user when that has ended; name, provider and notes can be saved now.",
            operation.title
        ))),
    }
}

async fn refuse_a_taken_place(
    conn: &impl ConnectionTrait,
    row: &server::Model,
    edit: &ServerEdit,
) -> Result<(), Error> {
    let same = server::Entity::find()
        .filter(server::Column::OwnerId.eq(row.owner_id))
        .filter(server::Column::Id.ne(row.id))
        .filter(server::Column::Address.eq(edit.address.as_str()))
        .filter(server::Column::Port.eq(i32::from(edit.port.get())))
        .one(conn)
        .await?;
    match same {
        None => Ok(()),
        Some(same) => {
            let message = format!("{} has this address and port already.", same.name);
            Err(ApiError::field("address", message).into())
        }
    }
}

fn write(row: &mut server::Model, edit: &ServerEdit) {
    edit.name.as_str().clone_into(&mut row.name);
    edit.address.as_str().clone_into(&mut row.address);
    row.port = i32::from(edit.port.get());
    edit.user.as_str().clone_into(&mut row.user);
    row.provider = edit
        .provider
        .as_ref()
        .map(Provider::as_str)
        .map(str::to_owned);
    edit.notes.as_str().clone_into(&mut row.notes);
}

/// `Change web-1: name to web-2, notes`; `None` when nothing changed.
fn sentence(before: &server::Model, after: &server::Model) -> Option<String> {
    let new = fields(after);
    let changes: Vec<String> = fields(before)
        .differing(&new)
        .into_iter()
        .map(|name| match (name, new.get(name)) {
            ("notes", _) => "notes".to_owned(),
            (name, "") => format!("no {name}"),
            (name, value) => format!("{name} to {value}"),
        })
        .collect();
    (!changes.is_empty()).then(|| format!("Change {}: {}", before.name, changes.join(", ")))
}

fn fields(row: &server::Model) -> ServerFields {
    ServerFields {
        name: row.name.clone(),
        address: row.address.clone(),
        port: row.port.to_string(),
        user: row.user.clone(),
        provider: row.provider.clone().unwrap_or_default(),
        notes: row.notes.clone(),
    }
}
