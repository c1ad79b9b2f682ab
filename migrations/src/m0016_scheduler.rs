use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, boolean, boolean_null, integer, integer_null,
    string, string_null, text, text_null,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for column in [
            string_null("time_zone"),
            // Seconds, against the panel's clock.
            big_integer_null("clock_ahead"),
            boolean_null("scheduler_running"),
        ] {
            let mut add = Table::alter();
            add.table("servers").add_column(column);
            manager.alter_table(add).await?;
        }
        manager.create_table(scheduled_tasks()).await?;
        manager.create_table(task_runs()).await?;
        for (name, table, columns, is_unique) in [
            (
                "scheduled_tasks_request",
                "scheduled_tasks",
                &["server_id", "request_key"][..],
                true,
            ),
            (
                "scheduled_tasks_handle",
                "scheduled_tasks",
                &["handle"][..],
                true,
            ),
            // Whoever reports a run says nothing but this.
            (
                "scheduled_tasks_token",
                "scheduled_tasks",
                &["token_hash"][..],
                true,
            ),
            // A run is reported over the network and collected as well, both more than once.
            (
                "task_runs_key",
                "task_runs",
                &["task_id", "run_key"][..],
                true,
            ),
            // The history of one task, newest first, out of ten thousands of runs.
            (
                "task_runs_history",
                "task_runs",
                &["task_id", "started_at", "id"][..],
                false,
            ),
            // Whether one goes on.
            (
                "task_runs_state",
                "task_runs",
                &["task_id", "state"][..],
                false,
            ),
            ("task_runs_server", "task_runs", &["server_id"][..], false),
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

fn scheduled_tasks() -> TableCreateStatement {
    Table::create()
        .table("scheduled_tasks")
        .col(big_pk_auto("id"))
        .col(big_integer("server_id"))
        .col(string("name"))
        .col(text("command"))
        .col(string("run_as"))
        .col(string("frequency"))
        .col(string("expression"))
        .col(integer("timeout"))
        .col(string("overlap"))
        .col(boolean("notify"))
        .col(string("status"))
        // What its owner wants, whatever the work on it has come to.
        .col(boolean("paused"))
        .col(text_null("error_log"))
        // The key of the form that made it: ten clicks make one task.
        .col(string("request_key"))
        // Its name on the server, where another panel may have a task of the same number.
        .col(string("handle"))
        // Of the token that the server made and keeps.
        .col(string_null("token_hash"))
        // Since when cron has it as it is now.
        .col(big_integer_null("active_since"))
        .col(big_integer_null("missed_at"))
        .col(big_integer_null("last_success_at"))
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        .foreign_key(
            ForeignKey::create()
                .from("scheduled_tasks", "server_id")
                .to("servers", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn task_runs() -> TableCreateStatement {
    Table::create()
        .table("task_runs")
        .col(big_pk_auto("id"))
        .col(big_integer("server_id"))
        .col(big_integer("task_id"))
        // Made on the server, once for each run.
        .col(string("run_key"))
        .col(string("state"))
        .col(string("began_by"))
        // By the server's clock.
        .col(big_integer("started_at"))
        .col(big_integer_null("ended_at"))
        .col(integer_null("exit_code"))
        .col(text("output"))
        // Lists tell it without reading the text.
        .col(big_integer("output_bytes"))
        .foreign_key(
            ForeignKey::create()
                .from("task_runs", "server_id")
                .to("servers", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .foreign_key(
            ForeignKey::create()
                .from("task_runs", "task_id")
                .to("scheduled_tasks", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
