use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "program_processes")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub server_id: i64,
    pub program_id: i64,
    pub number: i32,
    pub state: String,
    pub pid: Option<i64>,
    pub started_at: Option<i64>,
    pub restarts: i64,
    pub last_end: Option<String>,
    pub last_end_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
