use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_pk_auto, string, text_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("firewall_rules")
                    .col(big_pk_auto("id"))
                    .col(big_integer("server_id"))
                    .col(string("name"))
                    .col(string("port"))
                    .col(string("protocol"))
                    .col(string("source"))
                    .col(string("action"))
                    .col(string("status"))
                    .col(text_null("error_log"))
                    // The key of the form that made it: ten clicks make one rule.
                    .col(string("request_key"))
                    .col(big_integer("created_at"))
                    .col(big_integer("updated_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("firewall_rules", "server_id")
                            .to("servers", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("firewall_rules_request")
                    .table("firewall_rules")
                    .col("server_id")
                    .col("request_key")
                    .unique()
                    .to_owned(),
            )
            .await
    }
}
