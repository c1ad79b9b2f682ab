use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, big_pk_auto, string, string_uniq};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("invitations")
                    .col(big_pk_auto("id"))
                    .col(string("email"))
                    // SHA-256 of the link's token: a stolen database opens no door.
                    .col(string_uniq("token_hash"))
                    .col(big_integer("invited_by"))
                    .col(big_integer("created_at"))
                    .col(big_integer("expires_at"))
                    // Used and revoked ones stay for a while, so that their links can say so.
                    .col(big_integer_null("used_at"))
                    .col(big_integer_null("revoked_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("invitations", "invited_by")
                            .to("users", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await
    }
}
