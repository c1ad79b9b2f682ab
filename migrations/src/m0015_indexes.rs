use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite makes none for a foreign key: each parent that goes would read the whole table of its children.
        for (name, table, column) in [
            ("sessions_user", "sessions", "user_id"),
            (
                "operation_secrets_session",
                "operation_secrets",
                "session_id",
            ),
            ("invitations_inviter", "invitations", "invited_by"),
        ] {
            let index = Index::create()
                .name(name)
                .table(table)
                .col(column)
                .to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
