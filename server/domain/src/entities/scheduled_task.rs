use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "scheduled_tasks")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub server_id: i64,
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub command: String,
    pub run_as: String,
    pub frequency: String,
    pub expression: String,
    pub timeout: i32,
    pub overlap: String,
    pub notify: bool,
    pub status: String,
    pub paused: bool,
    #[sea_orm(column_type = "Text", nullable)]
    pub error_log: Option<String>,
    pub request_key: String,
    pub handle: String,
    pub token_hash: Option<String>,
    pub active_since: Option<i64>,
    pub missed_at: Option<i64>,
    pub last_success_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
