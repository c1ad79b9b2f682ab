//! Words of the database as the types of `wire`.

use wire::accounts::Role;
use wire::diagnosis::Diagnosis;
use wire::firewall::{Action, PortRange, Protocol, Source};
use wire::operations::{OperationKind, OperationState, StepStatus};
use wire::programs::{ProcessCount, ProcessState, StopSignal, StopWait};
use wire::scheduler::{Frequency, Overlap, RunAs, RunState, TaskTimeout, Trigger};
use wire::servers::Connection;
use wire::{ResourceKind, Status};

use crate::Error;
use crate::programs::ProgramHandle;
use crate::scheduler::TaskHandle;

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

pub(crate) fn run_as(word: &str) -> Result<RunAs, Error> {
    known("user", word, RunAs::parse(word))
}

pub(crate) fn frequency(word: &str) -> Result<Frequency, Error> {
    known("frequency", word, Frequency::parse(word))
}

pub(crate) fn overlap(word: &str) -> Result<Overlap, Error> {
    known("overlap policy", word, Overlap::parse(word))
}

pub(crate) fn timeout(seconds: i32) -> Result<TaskTimeout, Error> {
    let known_one = u32::try_from(seconds).ok().and_then(TaskTimeout::of);
    known("timeout", &seconds.to_string(), known_one)
}

pub(crate) fn handle(word: &str) -> Result<TaskHandle, Error> {
    known("handle of a task", word, TaskHandle::parse(word))
}

pub(crate) fn run_state(word: &str) -> Result<RunState, Error> {
    known("state of a run", word, RunState::parse(word))
}

pub(crate) fn trigger(word: &str) -> Result<Trigger, Error> {
    known("trigger", word, Trigger::parse(word))
}

pub(crate) fn process_count(count: i32) -> Result<ProcessCount, Error> {
    let known_one = u16::try_from(count).ok().and_then(ProcessCount::of);
    known("number of processes", &count.to_string(), known_one)
}

pub(crate) fn stop_wait(seconds: i32) -> Result<StopWait, Error> {
    let known_one = u16::try_from(seconds).ok().and_then(StopWait::of);
    known("wait", &seconds.to_string(), known_one)
}

pub(crate) fn stop_signal(word: &str) -> Result<StopSignal, Error> {
    known("signal", word, StopSignal::parse(word))
}

pub(crate) fn program_handle(word: &str) -> Result<ProgramHandle, Error> {
    known("handle of a program", word, ProgramHandle::parse(word))
}

pub(crate) fn process_state(word: &str) -> Result<ProcessState, Error> {
    known("state of a process", word, ProcessState::parse(word))
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
