use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, boolean, integer, string, string_null, text,
    text_null,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(programs()).await?;
        manager.create_table(program_processes()).await?;
        for (name, table, columns, is_unique) in [
            (
                "programs_request",
                "programs",
                &["server_id", "request_key"][..],
                true,
            ),
            ("programs_handle", "programs", &["handle"][..], true),
            (
                "program_processes_number",
                "program_processes",
                &["program_id", "number"][..],
                true,
            ),
            (
                "program_processes_server",
                "program_processes",
                &["server_id"][..],
                false,
            ),
        ] {
            let mut index = Index::create();
            index.name(name).table(table);
            for column in columns {
                index.col(*column);
            }
            if is_unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn programs() -> TableCreateStatement {
    Table::create()
        .table("programs")
        .col(big_pk_auto("id"))
        .col(big_integer("server_id"))
        .col(string("name"))
        .col(text("command"))
        .col(text("directory"))
        .col(string("run_as"))
        .col(integer("processes"))
        .col(boolean("auto_restart"))
        .col(string("stop_signal"))
        // Seconds.
        .col(integer("stop_wait"))
        // One a line.
        .col(text("variables"))
        // With their values.
        .col(text("sealed_environment"))
        .col(string("status"))
        // What its owner wants, whatever the work on it has come to.
        .col(boolean("stopped"))
        .col(text_null("error_log"))
        // The key of the form that made it: ten clicks make one program.
        .col(string("request_key"))
        // Its name on the server, where another panel may have a program of the same number.
        .col(string("handle"))
        // Whether there is something on its server to look at.
        .col(boolean("installed"))
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        .foreign_key(
            ForeignKey::create()
                .from("programs", "server_id")
                .to("servers", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

/// As they were seen last.
fn program_processes() -> TableCreateStatement {
    Table::create()
        .table("program_processes")
        .col(big_pk_auto("id"))
        .col(big_integer("server_id"))
        .col(big_integer("program_id"))
        .col(integer("number"))
        .col(string("state"))
        .col(big_integer_null("pid"))
        // By the server's clock.
        .col(big_integer_null("started_at"))
        .col(big_integer("restarts"))
        .col(string_null("last_end"))
        .col(big_integer_null("last_end_at"))
        .foreign_key(
            ForeignKey::create()
                .from("program_processes", "server_id")
                .to("servers", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .foreign_key(
            ForeignKey::create()
                .from("program_processes", "program_id")
                .to("programs", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
