//! The tables, one file each, in the order they came to be.

mod m0001_users;
mod m0002_sessions;
mod m0003_servers;
mod m0004_firewall_rules;
mod m0005_operations;
mod m0006_audit_entries;
mod m0007_server_details;
mod m0008_invitations;
mod m0009_operation_engine;
mod m0010_operation_secrets;
mod m0011_provision_options;
mod m0013_user_roles;
mod m0014_sshd_ports;
mod m0015_indexes;
mod m0016_scheduler;
mod m0017_programs;
mod m0018_schedulers;

use sea_orm_migration::prelude::*;

/// Brings a database to the present schema.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_users::Migration),
            Box::new(m0002_sessions::Migration),
            Box::new(m0003_servers::Migration),
            Box::new(m0004_firewall_rules::Migration),
            Box::new(m0005_operations::Migration),
            Box::new(m0006_audit_entries::Migration),
            Box::new(m0007_server_details::Migration),
            Box::new(m0008_invitations::Migration),
            Box::new(m0009_operation_engine::Migration),
            Box::new(m0010_operation_secrets::Migration),
            Box::new(m0011_provision_options::Migration),
            Box::new(m0013_user_roles::Migration),
            Box::new(m0014_sshd_ports::Migration),
            Box::new(m0015_indexes::Migration),
            Box::new(m0016_scheduler::Migration),
            Box::new(m0017_programs::Migration),
            Box::new(m0018_schedulers::Migration),
        ]
    }
}
