use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::string_null;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // All that sshd was found to listen on, as `22 2222`; until now the lowest alone was kept.
        let mut add = Table::alter();
        add.table("servers").add_column(string_null("sshd_ports"));
        manager.alter_table(add).await?;
        let copy = Query::update()
            .table("servers")
            .value(
                "sshd_ports",
                Expr::col("sshd_port").cast_as(Alias::new("text")),
            )
            .to_owned();
        manager.execute(copy).await?;
        let mut drop = Table::alter();
        drop.table("servers").drop_column("sshd_port");
        manager.alter_table(drop).await
    }
}
