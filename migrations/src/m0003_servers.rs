use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, boolean_null, integer, integer_null, string,
    string_null, text, text_null,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("servers")
                    .col(big_pk_auto("id"))
                    .col(big_integer("owner_id"))
                    .col(string("name"))
                    .col(string("address"))
                    .col(integer("port"))
                    .col(string("user"))
                    // `ssh-ed25519 AAAA...`, pinned when the server was added.
                    .col(string("host_key"))
                    .col(string("public_key"))
                    .col(text("sealed_private_key"))
                    .col(string_null("os"))
                    .col(string("connection"))
                    .col(text_null("connection_error"))
                    .col(big_integer_null("connection_checked_at"))
                    .col(string_null("provision_status"))
                    .col(boolean_null("firewall_installed"))
                    .col(boolean_null("firewall_enabled"))
                    // The port sshd was found to listen on; it keeps a rule of its own.
                    .col(integer_null("sshd_port"))
                    .col(big_integer("created_at"))
                    .col(big_integer("updated_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("servers", "owner_id")
                            .to("users", "id"),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("servers_owner")
                    .table("servers")
                    .col("owner_id")
                    .to_owned(),
            )
            .await
    }
}
