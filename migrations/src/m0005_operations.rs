use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, integer, string, string_null, text, text_null,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("operations")
                    .col(big_pk_auto("id"))
                    .col(big_integer("server_id"))
                    .col(string("verb"))
                    .col(string_null("resource_kind"))
                    .col(big_integer_null("resource_id"))
                    .col(string("title"))
                    .col(big_integer("requested_by"))
                    .col(string("state"))
                    // The status to restore when the work fails.
                    .col(string_null("prior_status"))
                    // What the work needs beside the record: the new fields of a change, as JSON.
                    .col(text_null("payload"))
                    .col(text_null("error"))
                    .col(string_null("lease_owner"))
                    .col(big_integer_null("lease_until"))
                    // Grows with every claim; a worker that lost its lease cannot write any more.
                    .col(big_integer("fence"))
                    .col(big_integer("created_at"))
                    .col(big_integer_null("started_at"))
                    .col(big_integer_null("ended_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("operations", "server_id")
                            .to("servers", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        for (name, columns) in [
            ("operations_queue", &["state", "server_id"][..]),
            ("operations_server", &["server_id", "id"][..]),
            ("operations_resource", &["resource_kind", "resource_id"][..]),
        ] {
            let mut index = Index::create();
            index.name(name).table("operations");
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("operation_steps")
                    .col(big_pk_auto("id"))
                    .col(big_integer("operation_id"))
                    .col(integer("position"))
                    .col(string("title"))
                    .col(text("script"))
                    .col(string("status"))
                    .col(text_null("summary"))
                    .col(string_null("exit"))
                    .col(big_integer_null("started_at"))
                    .col(big_integer_null("ended_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("operation_steps", "operation_id")
                            .to("operations", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("operation_steps_position")
                    .table("operation_steps")
                    .col("operation_id")
                    .col("position")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("operation_output")
                    .col(big_pk_auto("id"))
                    .col(big_integer("operation_id"))
                    .col(integer("step"))
                    .col(text("text"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("operation_output", "operation_id")
                            .to("operations", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("operation_output_operation")
                    .table("operation_output")
                    .col("operation_id")
                    .col("id")
                    .to_owned(),
            )
            .await
    }
}
