use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::string;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter()
                    .table("users")
                    .add_column(string("role").default("member"))
                    .to_owned(),
            )
            .await?;
        // Until now there could be one account only: the one that set the panel up.
        let update = Query::update()
            .table("users")
            .value("role", "administrator")
            .to_owned();
        manager.execute(update).await
    }
}
