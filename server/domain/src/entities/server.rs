use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "servers")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub owner_id: i64,
    pub name: String,
    pub address: String,
    pub port: i32,
    pub user: String,
    pub host_key: String,
    pub public_key: String,
    #[sea_orm(column_type = "Text")]
    pub sealed_private_key: String,
    pub os: Option<String>,
    pub connection: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub connection_error: Option<String>,
    pub connection_checked_at: Option<i64>,
    pub provision_status: Option<String>,
    pub firewall_installed: Option<bool>,
    pub firewall_enabled: Option<bool>,
    pub sshd_ports: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub provision_choices: Option<String>,
    pub php_offered: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub installed: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
    pub provider: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub notes: String,
    pub found_host_key: Option<String>,
    pub reboot_required: Option<bool>,
    pub time_zone: Option<String>,
    pub clock_ahead: Option<i64>,
    pub scheduler_running: Option<bool>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
