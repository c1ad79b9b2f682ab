use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{boolean_null, string_null, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            string_null("provider"),
            text("notes").default("").to_owned(),
            // The key that was met instead of the pinned one, until somebody decides about it.
            string_null("found_host_key"),
            boolean_null("reboot_required"),
        ];
        // SQLite adds one column a statement.
        for column in columns {
            manager
                .alter_table(
                    Table::alter()
                        .table("servers")
                        .add_column(column)
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }
}
