//! How a record of any kind comes from one status to the next.

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, EntityTrait, IntoActiveModel, PrimaryKeyTrait,
};
use wire::Status;

use crate::Error;
use crate::db::{Record, Tx};
use crate::entities::{firewall_rule, program, scheduled_task, scheduler};

/// A row that has a status.
pub trait Standing {
    fn status(&self) -> &str;
    fn stand(&mut self, to: Status, error: Option<&str>, at: i64);
}

/// From where to where, and why it came to that.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    pub from: Status,
    pub to: Status,
    pub error: Option<&'a str>,
}

/// Moves a record if it still stands where the caller saw it. `also` changes what else depends on that, at a time.
pub async fn move_status<E, A>(
    tx: &mut Tx,
    id: i64,
    step: Step<'_>,
    also: impl FnOnce(&mut E::Model, i64),
) -> Result<bool, Error>
where
    E: EntityTrait,
    E::PrimaryKey: PrimaryKeyTrait<ValueType = i64>,
    E::Model: Record<Entity = E> + Standing + IntoActiveModel<A>,
    A: ActiveModelTrait<Entity = E> + ActiveModelBehavior + Send,
{
    let Some(row) = E::find_by_id(id).one(tx.reads()).await? else {
        return Ok(false);
    };
    if row.status() != step.from.as_str() {
        return Ok(false);
    }
    let at = tx.at().0;
    tx.update(&row, |row| {
        row.stand(step.to, step.error, at);
        also(row, at);
    })
    .await?;
    Ok(true)
}

macro_rules! standing {
    ($($record:ident),+) => {
        $(impl Standing for $record::Model {
            fn status(&self) -> &str {
                &self.status
            }

            fn stand(&mut self, to: Status, error: Option<&str>, at: i64) {
                self.status = to.as_str().to_owned();
                self.error_log = error.map(str::to_owned);
                self.updated_at = at;
            }
        })+
    };
}

standing!(firewall_rule, program, scheduled_task, scheduler);
