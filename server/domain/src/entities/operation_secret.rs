use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "operation_secrets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub operation_id: i64,
    pub session_id: i64,
    #[sea_orm(column_type = "Text")]
    pub sealed: String,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
