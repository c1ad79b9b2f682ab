use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "programs")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub server_id: i64,
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub command: String,
    #[sea_orm(column_type = "Text")]
    pub directory: String,
    pub run_as: String,
    pub processes: i32,
    pub auto_restart: bool,
    pub stop_signal: String,
    pub stop_wait: i32,
    #[sea_orm(column_type = "Text")]
    pub variables: String,
    #[sea_orm(column_type = "Text")]
    pub sealed_environment: String,
    pub status: String,
    pub stopped: bool,
    #[sea_orm(column_type = "Text", nullable)]
    pub error_log: Option<String>,
    pub request_key: String,
    pub handle: String,
    pub installed: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
