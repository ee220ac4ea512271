//! Who did what about an account: written in the transaction of the deed, never changed.

use postern_shared::{
    caller::Role,
    clock::Timestamp,
    db::Tx,
    id::{ActionId, AuditId, UserId},
    random::Random,
};
use sea_orm::{EntityTrait as _, IntoActiveModel as _};

use super::entity;
use crate::{
    domain::{Action, BirthDate},
    error::Error,
};

/// When something is done, and under which id it is recorded.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    /// When.
    pub now: Timestamp,
    /// Its record.
    pub audit: AuditId,
}

impl Stamp {
    /// The stamp of what is done now.
    pub fn new(now: Timestamp, random: &Random) -> Self {
        Self {
            now,
            audit: AuditId::new(now, random),
        }
    }
}

/// What is recorded.
#[derive(Debug)]
pub enum Deed<'a> {
    /// An action was taken.
    Act(&'a Action),
    /// An action was lifted.
    Lift(ActionId),
    /// A role was given.
    Grant(Role),
    /// A role was taken.
    Revoke(Role),
    /// The account was switched off.
    Deactivate,
    /// The account was switched on again.
    Reactivate,
    /// The birth date was corrected.
    CorrectBirthDate {
        /// What it was.
        before: BirthDate,
        /// What it is.
        after: BirthDate,
    },
}

/// Records what was done about an account: by whom, or by nobody but the machine.
pub(super) async fn record(
    tx: &Tx,
    user: UserId,
    who: Option<UserId>,
    stamp: Stamp,
    deed: &Deed<'_>,
) -> Result<(), Error> {
    let row = entity::audit_row(user, who, stamp, deed);
    entity::audit::Entity::insert(row.into_active_model())
        .exec_without_returning(&**tx)
        .await?;
    Ok(())
}
