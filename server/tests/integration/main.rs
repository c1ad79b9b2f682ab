//! The panel in process: real database, real router, real worker; the remote side is the fake that
//! the `ssh` crate owns. What needs a real server is in `provisioner` and in `end2end`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod accounts_invitations;
mod accounts_sessions;
mod accounts_settings;
mod announcements;
mod announcements_all;
mod authorize;
mod authorize_secrecy;
mod calls;
mod canaries;
mod data_folder;
mod databases;
mod doctor;
mod firewall;
mod hostile;
mod lifecycle;
mod operations_list;
mod operations_plan;
mod papers;
mod policy;
mod process;
mod programs;
mod provisioning;
mod proxies;
mod scheduler;
mod scheduler_installation;
mod scheduler_runs;
mod servers;
mod servers_edit;
mod servers_host_key;
mod servers_reach;
mod servers_reboot;
mod shared_database;
// The harness of the `ssh` crate's own tests; one sshd is as good as another.
#[expect(dead_code, reason = "the tests here need only a part of it")]
#[path = "../../ssh/tests/integration/sshd.rs"]
mod sshd;
mod starting;
mod support;
mod tree;
mod unseen_changes;
mod user_command;
mod websocket;
mod websocket_access;
mod websocket_auth;
mod websocket_endings;
mod websocket_limits;
mod websocket_return;
mod websocket_slow;
