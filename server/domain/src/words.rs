//! Words of the database as the types of `wire`.

use wire::accounts::Role;
use wire::diagnosis::Diagnosis;
use wire::firewall::{Action, PortRange, Protocol, Source};
use wire::operations::{OperationKind, OperationState, StepStatus};
use wire::servers::Connection;
use wire::{ResourceKind, Status};

use crate::Error;

fn known<T>(what: &'static str, word: &str, parsed: Option<T>) -> Result<T, Error> {
    parsed.ok_or_else(|| Error::Corrupt {
        what,
        word: word.to_owned(),
    })
}

pub(crate) fn role(word: &str) -> Result<Role, Error> {
    known("role", word, Role::parse(word))
}

pub(crate) fn status(word: &str) -> Result<Status, Error> {
    known("status", word, Status::parse(word))
}

pub(crate) fn connection(word: &str) -> Result<Connection, Error> {
    known("connection", word, Connection::parse(word))
}

pub(crate) fn protocol(word: &str) -> Result<Protocol, Error> {
    known("protocol", word, Protocol::parse(word))
}

pub(crate) fn action(word: &str) -> Result<Action, Error> {
    known("action", word, Action::parse(word))
}

pub(crate) fn port_range(word: &str) -> Result<PortRange, Error> {
    known("port", word, PortRange::parse(word).ok())
}

pub(crate) fn source(word: &str) -> Result<Source, Error> {
    known("source", word, Source::parse(word).ok())
}

pub(crate) fn operation_state(word: &str) -> Result<OperationState, Error> {
    known("operation state", word, OperationState::parse(word))
}

pub(crate) fn step_status(word: &str) -> Result<StepStatus, Error> {
    known("step status", word, StepStatus::parse(word))
}

pub(crate) fn diagnosis(json: &str) -> Result<Diagnosis, Error> {
    known("diagnosis", json, serde_json::from_str(json).ok())
}

pub(crate) fn operation_kind(verb: &str, resource: Option<&str>) -> Result<OperationKind, Error> {
    let kind = match resource {
        None => None,
        Some(word) => Some(known("resource kind", word, ResourceKind::parse(word))?),
    };
    known("operation", verb, OperationKind::parse(verb, kind))
}
