//! Roles: given and taken by an operator on the machine, each time on record.

use postern_shared::{caller::Role, clock::Timestamp, id::UserId};
use sea_orm::{
    EntityTrait as _, IntoActiveModel as _, QueryOrder as _, QuerySelect as _,
    sea_query::OnConflict,
};

use super::{
    Store,
    audit::{self, Deed, Stamp},
    change,
    entity::{self, role_grant},
};
use crate::{domain::Handle, error::Error};

/// A role that somebody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Who.
    pub handle: Handle,
    /// What.
    pub role: Role,
    /// Since when.
    pub at: Timestamp,
}

impl Store {
    /// Whose handle it is; none when nobody goes by it.
    pub async fn user_of(&self, handle: &Handle) -> Result<Option<UserId>, Error> {
        Ok(self.owner(handle).await?.map(UserId::from_uuid))
    }

    /// Gives a person a role; tells whether they did not have it.
    ///
    /// # Errors
    /// When there is no such person.
    pub async fn grant(&self, user: UserId, role: Role, stamp: Stamp) -> Result<bool, Error> {
        self.db
            .write(|tx| async move {
                // Nobody acts on them while they are given it.
                change::hold(&tx, user).await?;
                let row = role_grant::Model {
                    user_id: user.uuid(),
                    role: role.as_str().to_owned(),
                    granted_at_ms: stamp.now.unix_millis(),
                };
                let key = [role_grant::Column::UserId, role_grant::Column::Role];
                let given = role_grant::Entity::insert(row.into_active_model())
                    .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
                    .exec_without_returning(&*tx)
                    .await?;
                if given > 0 {
                    audit::record(&tx, user, None, stamp, &Deed::Grant(role)).await?;
                }
                Ok(given > 0)
            })
            .await
    }

    /// Takes a role from a person; tells whether they had it. Tokens that tell of it live for 10
    /// minutes at the most; where identity itself acts, it is gone at once.
    ///
    /// # Errors
    /// When there is no such person.
    pub async fn revoke(&self, user: UserId, role: Role, stamp: Stamp) -> Result<bool, Error> {
        self.db
            .write(|tx| async move {
                change::hold(&tx, user).await?;
                let key = (user.uuid(), role.as_str().to_owned());
                let taken = role_grant::Entity::delete_by_id(key).exec(&*tx).await?;
                if taken.rows_affected > 0 {
                    audit::record(&tx, user, None, stamp, &Deed::Revoke(role)).await?;
                }
                Ok(taken.rows_affected > 0)
            })
            .await
    }

    /// Who has a role, in the order of their ids; at most `count_max`.
    pub async fn grants(&self, count_max: u64) -> Result<Vec<Grant>, Error> {
        let rows = role_grant::Entity::find()
            .order_by_asc(role_grant::Column::UserId)
            .order_by_asc(role_grant::Column::Role)
            .limit(count_max)
            .all(self.db.reader())
            .await?;
        let mut grants = Vec::with_capacity(rows.len());
        for row in rows {
            let account = self.account(UserId::from_uuid(row.user_id)).await?;
            let role = entity::role_of(&row);
            if let Some((account, role)) = account.zip(role) {
                grants.push(Grant {
                    handle: account.handle,
                    role,
                    at: Timestamp::from_unix_millis(row.granted_at_ms),
                });
            }
        }
        Ok(grants)
    }
}
