use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, big_pk_auto, string, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("audit_entries")
                    .col(big_pk_auto("id"))
                    .col(big_integer("at"))
                    // Empty for what the panel did by itself.
                    .col(big_integer_null("user_id"))
                    .col(string("actor"))
                    // No foreign key: the entry outlives the server.
                    .col(big_integer_null("server_id"))
                    .col(string("topic"))
                    .col(text("sentence"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("audit_entries_server")
                    .table("audit_entries")
                    .col("server_id")
                    .col("topic")
                    .col("id")
                    .to_owned(),
            )
            .await
    }
}
