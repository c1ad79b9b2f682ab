//! Who may do what. Proof of it is a type: a function that takes `&OwnedServer` cannot be called
//! for somebody else's server.

use std::net::IpAddr;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use wire::accounts::{AccountResource, Role};
use wire::event::Channel;
use wire::{ApiError, OperationId, ServerId, SessionId, UserId};

use crate::entities::{operation, server};
use crate::{Db, Error};

/// Who sent a request, as far as the panel knows.
#[derive(Clone, Debug)]
pub struct Caller {
    pub signed_in: Option<SignedIn>,
    pub peer: IpAddr,
    pub user_agent: String,
}

impl Caller {
    /// # Errors
    /// `SignedOut` when there is no session.
    pub fn signed_in(&self) -> Result<&SignedIn, Error> {
        self.signed_in
            .as_ref()
            .ok_or(Error::Known(ApiError::SignedOut))
    }
}

/// Proof of a living session.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub account: AccountResource,
    pub(crate) session: SessionId,
}

impl SignedIn {
    pub fn user(&self) -> UserId {
        self.account.id
    }

    pub fn session(&self) -> SessionId {
        self.session
    }
}

/// Proof that the caller may invite others and remove their accounts. It gives no access to what is
/// theirs.
#[derive(Clone, Debug)]
pub struct Administrator(SignedIn);

impl Administrator {
    pub fn who(&self) -> &SignedIn {
        &self.0
    }
}

/// # Errors
/// `NotFound` for everybody else: they do not learn that there is something.
pub fn administrator(who: SignedIn) -> Result<Administrator, Error> {
    match who.account.role {
        Role::Administrator => Ok(Administrator(who)),
        Role::Member => Err(Error::Known(ApiError::NotFound)),
    }
}

/// Proof that the caller owns this server.
#[derive(Clone, Debug)]
pub struct OwnedServer(pub(crate) server::Model);

impl OwnedServer {
    pub fn id(&self) -> ServerId {
        ServerId(self.0.id)
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }
}

/// Proof that the caller owns the server this operation runs on.
#[derive(Clone, Debug)]
pub struct OwnedOperation(pub(crate) operation::Model);

/// # Errors
/// `NotFound` for a server that is not there or is somebody else's: nobody learns which.
pub async fn owned_server(db: &Db, who: &SignedIn, id: ServerId) -> Result<OwnedServer, Error> {
    server::Entity::find_by_id(id.0)
        .filter(server::Column::OwnerId.eq(who.user().0))
        .one(db.reads())
        .await?
        .map(OwnedServer)
        .ok_or(Error::Known(ApiError::NotFound))
}

/// # Errors
/// `NotFound`, as for servers.
pub async fn owned_operation(
    db: &Db,
    who: &SignedIn,
    id: OperationId,
) -> Result<OwnedOperation, Error> {
    let operation = operation::Entity::find_by_id(id.0)
        .one(db.reads())
        .await?
        .ok_or(Error::Known(ApiError::NotFound))?;
    owned_server(db, who, ServerId(operation.server_id)).await?;
    Ok(OwnedOperation(operation))
}

/// Whether somebody may listen to a channel.
///
/// # Errors
/// When the database does not answer.
pub async fn may_subscribe(db: &Db, who: &SignedIn, channel: Channel) -> Result<bool, Error> {
    match channel {
        // They carry only what is the subscriber's own; see `Topic::of`.
        Channel::Account | Channel::Servers => Ok(true),
        Channel::Server(id) => match owned_server(db, who, id).await {
            Ok(_) => Ok(true),
            Err(Error::Known(ApiError::NotFound)) => Ok(false),
            Err(error) => Err(error),
        },
        Channel::User(id) => Ok(who.user() == id),
    }
}
