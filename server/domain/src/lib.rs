//! Entities, rules, operations, events, access. Knows who may do what and what follows from it;
//! knows no SSH and no page.

pub mod access;
pub mod accounts;
pub mod audit;
pub mod authorize;
pub mod broadcasting;
pub mod bus;
pub mod db;
pub mod entities;
pub mod error;
pub mod firewall;
pub mod invitations;
pub mod key_check;
pub mod limits;
pub mod managed;
pub mod operation_secrets;
pub mod operations;
pub mod panel;
pub mod planner;
pub mod prober;
pub mod programs;
pub mod provisioning;
pub mod queue;
pub mod retention;
pub mod scheduler;
pub mod secrets;
pub mod servers;
pub mod sessions;
pub mod standing;
mod user_agent;
mod words;

pub use db::{Db, Tx};
pub use error::Error;
pub use panel::Panel;
pub use planner::Planner;
pub use prober::{KeyPair, Prober, Survey};
