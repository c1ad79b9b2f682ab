use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "operation_steps")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub operation_id: i64,
    pub position: i32,
    pub title: String,
    #[sea_orm(column_type = "Text")]
    pub script: String,
    pub status: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub summary: Option<String>,
    pub exit: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub diagnosis: Option<String>,
    pub fingerprint: Option<String>,
    pub done_in: Option<i64>,
    pub run: Option<i64>,
    pub vanished: i32,
    #[sea_orm(column_type = "Text", nullable)]
    pub progress: Option<String>,
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
