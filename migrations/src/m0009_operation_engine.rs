use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer_null, integer, string_null, text_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in columns() {
            // SQLite adds one column at a time.
            let mut alter = Table::alter();
            alter.table(table).add_column(column);
            manager.alter_table(alter).await?;
        }
        Ok(())
    }
}

fn columns() -> [(&'static str, ColumnDef); 8] {
    [
        // Claims since the last thing that this operation got done.
        ("operations", integer("attempts").default(0).take()),
        // The name of who wants it cancelled, while it still runs.
        ("operations", string_null("cancel_requested_by")),
        // What it waits for, in a sentence.
        ("operations", text_null("note")),
        // What a step is, whoever runs it and when: the same work has the same one.
        ("operation_steps", string_null("fingerprint")),
        // The earlier operation that did this step.
        ("operation_steps", big_integer_null("done_in")),
        // The number under which it was begun on the server, the fence of then.
        ("operation_steps", big_integer_null("run")),
        // How often its run vanished on the server.
        ("operation_steps", integer("vanished").default(0).take()),
        // How much of its output is read, as JSON.
        ("operation_steps", text_null("progress")),
    ]
}
