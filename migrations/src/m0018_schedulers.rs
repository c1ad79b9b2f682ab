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
                    .table("schedulers")
                    .col(big_pk_auto("id"))
                    .col(big_integer("server_id"))
                    .col(string("status"))
                    .col(text_null("error_log"))
                    .col(big_integer("created_at"))
                    .col(big_integer("updated_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("schedulers", "server_id")
                            .to("servers", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        // A server has one or none, however often it is asked for.
        let mut one = Index::create();
        one.name("schedulers_server")
            .table("schedulers")
            .col("server_id")
            .unique();
        manager.create_index(one).await?;
        manager.execute(those_that_are_there()?).await
    }
}

/// Until now a server could have tasks once it was provisioned, or once the step that sets up cron had told of it. Since when
/// is not on record; the last change of the server comes closest.
fn those_that_are_there() -> Result<InsertStatement, DbErr> {
    let ready = Query::select()
        .column("id")
        .expr(Expr::val("active"))
        .column("updated_at")
        .column("updated_at")
        .from("servers")
        .cond_where(
            Cond::any()
                .add(Expr::col("provision_status").eq("active"))
                .add(Expr::col("scheduler_running").is_not_null()),
        )
        .to_owned();
    let mut insert = Query::insert();
    insert
        .into_table("schedulers")
        .columns(["server_id", "status", "created_at", "updated_at"]);
    insert
        .select_from(ready)
        .map_err(|error| DbErr::Migration(error.to_string()))?;
    Ok(insert)
}
