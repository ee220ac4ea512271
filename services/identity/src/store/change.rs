//! Changing how a person stands: lock, change, record, in one transaction.
//!
//! Changes of one person follow one another, because each locks the person's account first. What
//! one leaves besides its own rows is always the same: a version, an event, the tasks of its fence,
//! and a record of who did it.

use postern_shared::{
    clock::Timestamp,
    db::Tx,
    fence::{self, Raise},
    id::UserId,
    outbox::{self, Body, Event},
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, sea_query::Expr,
};

use super::entity::{self, account, action, session};
use crate::{
    domain::{Account, Action, Lifecycle, Person},
    error::Error,
};

/// A person whose account is locked until the transaction ends.
#[derive(Debug)]
pub(super) struct Held {
    /// The account.
    pub(super) account: Account,
    /// Every action that nobody has seen to be over.
    pub(super) open: Vec<Action>,
}

impl Held {
    /// The person at a moment.
    pub(super) fn at(&self, now: Timestamp) -> Person {
        Person::at(self.account.clone(), self.open.clone(), now)
    }
}

/// Locks a person's account and reads how they stand.
///
/// # Errors
/// When there is no such person, or no longer.
pub(super) async fn hold(tx: &Tx, user: UserId) -> Result<Held, Error> {
    let held = hold_even_erased(tx, user).await?;
    if held.account.lifecycle == Lifecycle::Erased {
        return Err(Error::AccountNotFound);
    }
    Ok(held)
}

/// The same of an account that may be erased: what time does, it does to all.
///
/// # Errors
/// When there was never such a person.
pub(super) async fn hold_even_erased(tx: &Tx, user: UserId) -> Result<Held, Error> {
    let row = account::Entity::find_by_id(user.uuid())
        .lock_exclusive()
        .one(&**tx)
        .await?
        .ok_or(Error::AccountNotFound)?;
    let (account, _) = entity::account_of(row)?;
    let open = action::Entity::find()
        .filter(action::Column::UserId.eq(user.uuid()))
        .filter(action::Column::OverAtMs.is_null())
        .all(&**tx)
        .await?;
    let open = open.into_iter().map(entity::action_of);
    Ok(Held {
        account,
        open: open.collect::<Result<_, _>>()?,
    })
}

/// Gives a changed person their new version and tells of it: an event, and what the fence needs.
/// `by` is who changed it: events tell of the person's own acts alone.
pub(super) async fn save(
    tx: &Tx,
    now: Timestamp,
    by: Option<UserId>,
    before: &Person,
    after: &mut Person,
    narrows: bool,
) -> Result<Option<Raise>, Error> {
    let (old, new) = (&before.account, &mut after.account);
    new.version = old.version + 1;
    let number = |version: u64| version.cast_signed();
    let saved = account::Entity::update_many()
        .col_expr(
            account::Column::Lifecycle,
            Expr::value(entity::lifecycle_word(new.lifecycle)),
        )
        .col_expr(account::Column::Version, Expr::value(number(new.version)))
        .filter(account::Column::UserId.eq(new.id.uuid()))
        // INVARIANT: a version stands for one state; an engine that does not lock fails here.
        .filter(account::Column::Version.eq(number(old.version)))
        .exec(&**tx)
        .await?;
    if saved.rows_affected != 1 {
        return Err(Error::Contention);
    }
    let (user, version) = (new.id, new.version);
    let actor = by.filter(|who| *who == user);
    let body = Body::AccountStandingChanged { user };
    outbox::append(tx, now, &[Event::new(body, version, actor, now)]).await?;
    let raise = before.raise(after, narrows);
    if let Some(raise) = &raise {
        fence::add(tx, now, raise).await?;
    }
    Ok(raise)
}

/// Ends every session of a person.
pub(super) async fn end_sessions(tx: &Tx, user: UserId, now: Timestamp) -> Result<(), Error> {
    session::Entity::update_many()
        .col_expr(session::Column::RevokedAtMs, Expr::value(now.unix_millis()))
        .col_expr(session::Column::ExpiresAtMs, Expr::value(now.unix_millis()))
        .filter(session::Column::UserId.eq(user.uuid()))
        .filter(session::Column::RevokedAtMs.is_null())
        .filter(session::Column::ExpiresAtMs.gt(now.unix_millis()))
        .exec(&**tx)
        .await?;
    Ok(())
}
