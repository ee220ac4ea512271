//! Making accounts, finding them, and changing what they show.

use postern_shared::{
    clock::Timestamp,
    id::UserId,
    outbox::{self, Body, Event},
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, IntoActiveModel as _, QueryFilter as _,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use super::{
    Store, change,
    entity::{self, account, handle},
};
use crate::{
    domain::{Account, Handle, PasswordHash},
    error::Error,
};

impl Store {
    /// Whether somebody has the handle.
    pub async fn handle_taken(&self, name: &Handle) -> Result<bool, Error> {
        Ok(self.owner(name).await?.is_some())
    }

    /// Stores a new account and reserves its handle.
    ///
    /// # Errors
    /// When the handle is taken: then nothing is stored.
    pub async fn create_account(
        &self,
        account: &Account,
        password: &PasswordHash,
    ) -> Result<(), Error> {
        let row = &entity::account_row(account, password)?;
        let (user, now) = (account.id, account.created_at);
        let body = Body::AccountStandingChanged { user };
        let events = &[Event::new(body, account.version, user, now)];
        self.db
            .write(|tx| async move {
                let reservation = handle::Model {
                    handle: row.handle.clone(),
                    user_id: row.user_id,
                    created_at_ms: row.created_at_ms,
                };
                let reserved = handle::Entity::insert(reservation.into_active_model())
                    .on_conflict(
                        OnConflict::column(handle::Column::Handle)
                            .do_nothing()
                            .to_owned(),
                    )
                    .exec_without_returning(&*tx)
                    .await?;
                if reserved == 0 {
                    return Err(Error::HandleTaken);
                }
                account::Entity::insert(row.clone().into_active_model())
                    .exec_without_returning(&*tx)
                    .await?;
                outbox::append(&tx, now, events).await?;
                Ok(())
            })
            .await
    }

    /// Finds an account.
    pub async fn account(&self, id: UserId) -> Result<Option<Account>, Error> {
        let row = account::Entity::find_by_id(id.uuid())
            .one(self.db.reader())
            .await?;
        Ok(row
            .map(entity::account_of)
            .transpose()?
            .map(|(account, _)| account))
    }

    /// Finds an account and the hash of its password. For a handle that nobody has, as much is
    /// asked of the database as for one that somebody has.
    pub async fn credentials(
        &self,
        name: &Handle,
    ) -> Result<Option<(Account, PasswordHash)>, Error> {
        let owner = self.owner(name).await?.unwrap_or(Uuid::nil());
        let row = account::Entity::find_by_id(owner)
            .one(self.db.reader())
            .await?;
        row.map(entity::account_of).transpose()
    }

    /// Gives an account another display name; where `etag` is given, only if it is still the
    /// account's. The version stays: a display name is not part of anybody's standing.
    ///
    /// # Errors
    /// When there is no such account, it is not in use, or it has changed.
    pub async fn rename(
        &self,
        id: UserId,
        display_name: &str,
        etag: Option<&str>,
        now: Timestamp,
    ) -> Result<Account, Error> {
        self.db
            .write(|tx| async move {
                // A token may be older than what was done about the account.
                let held = change::hold(&tx, id).await?;
                if held.at(now).is_gone() {
                    return Err(Error::AccountRestricted);
                }
                let present = held.account;
                if etag.is_some_and(|etag| etag != present.etag()) {
                    return Err(Error::EtagMismatch);
                }
                if present.display_name == display_name {
                    return Ok(present);
                }
                let revision = present.revision.cast_signed();
                let update = account::Entity::update_many()
                    .col_expr(account::Column::DisplayName, Expr::value(display_name))
                    .col_expr(
                        account::Column::Revision,
                        Expr::col(account::Column::Revision).add(1_i64),
                    )
                    .filter(account::Column::UserId.eq(id.uuid()))
                    // INVARIANT: an etag names one state; an engine that does not lock fails here.
                    .filter(account::Column::Revision.eq(revision));
                if update.exec(&*tx).await?.rows_affected == 0 {
                    return Err(Error::EtagMismatch);
                }
                Ok(Account {
                    display_name: display_name.to_owned(),
                    revision: present.revision + 1,
                    ..present
                })
            })
            .await
    }

    pub(super) async fn owner(&self, name: &Handle) -> Result<Option<Uuid>, Error> {
        let row = handle::Entity::find_by_id(name.as_str())
            .one(self.db.reader())
            .await?;
        Ok(row.map(|row| row.user_id))
    }
}
