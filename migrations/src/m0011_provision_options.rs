use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{string_null, text_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // What was chosen last, what there is to choose from, and what was found installed.
        // SQLite takes one column at a time.
        for column in [
            text_null("provision_choices"),
            string_null("php_offered"),
            text_null("installed"),
        ] {
            let mut table = Table::alter();
            table.table("servers").add_column(column);
            manager.alter_table(table).await?;
        }
        let mut table = Table::alter();
        // Why a step failed, as the page shows it.
        table
            .table("operation_steps")
            .add_column(text_null("diagnosis"));
        manager.alter_table(table).await
    }
}
