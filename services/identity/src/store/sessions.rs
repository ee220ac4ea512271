//! Opening, refreshing, listing and ending sessions.

use std::time::Duration;

use postern_shared::{
    clock::Timestamp,
    db::Tx,
    id::{SessionId, UserId},
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, sea_query::Expr,
};
use uuid::Uuid;

use super::{
    Store,
    entity::{self, account, refresh_token, session},
};
use crate::{
    domain::{Judgement, PasswordHash, RefreshToken, SALT_BYTES, Session, StoredToken},
    error::Error,
};

/// What a refresh token was exchanged for.
#[derive(Debug)]
pub struct Rotated {
    /// Whose it is.
    pub user: UserId,
    /// Of which sign-in.
    pub session: SessionId,
    /// The token that works now.
    pub token: RefreshToken,
    /// When it stops working.
    pub expires_at: Timestamp,
}

impl Store {
    /// Stores a new session with its first refresh token; with `rehashed` also a new hash in the
    /// place of an old one.
    pub async fn open_session(
        &self,
        opened: &Session,
        token: &RefreshToken,
        rehashed: Option<(&PasswordHash, &PasswordHash)>,
    ) -> Result<(), Error> {
        self.db
            .write(|tx| async move {
                if let Some((old, new)) = rehashed {
                    // Whoever changed the password meanwhile wins.
                    account::Entity::update_many()
                        .col_expr(account::Column::PasswordHash, Expr::value(new.as_str()))
                        .filter(account::Column::UserId.eq(opened.user.uuid()))
                        .filter(account::Column::PasswordHash.eq(old.as_str()))
                        .exec(&*tx)
                        .await?;
                }
                insert_session(&tx, opened, token).await
            })
            .await
    }

    /// Exchanges a refresh token for its successor, which lives for `life` and may be made with
    /// `salt`. A token that comes again too late ends its session.
    ///
    /// # Errors
    /// When the token does not work, whatever the reason.
    pub async fn rotate(
        &self,
        old: &RefreshToken,
        salt: [u8; SALT_BYTES],
        life: Duration,
        now: Timestamp,
    ) -> Result<Rotated, Error> {
        let hash = &old.hash();
        // Made-up tokens must not queue for the writer.
        let known = refresh_token::Entity::find_by_id(hash.as_str())
            .one(self.db.reader())
            .await?;
        known.ok_or(Error::RefreshTokenInvalid)?;
        let rotated = self
            .db
            .write(|tx| async move {
                // Uses of one token follow one another.
                let row = refresh_token::Entity::find_by_id(hash.as_str())
                    .lock_exclusive()
                    .one(&*tx)
                    .await?
                    .ok_or(Error::RefreshTokenInvalid)?;
                let stored = entity::token_of(&row)?;
                match stored.judge(now) {
                    Judgement::Refuse => Err(Error::RefreshTokenInvalid),
                    // Not an error in here: what it does must be committed.
                    Judgement::Revoke => {
                        end_session(&tx, stored.user, stored.session, now).await?;
                        Ok(None)
                    }
                    Judgement::Repeat(salt) => repeat(&tx, old, &stored, &salt, now).await,
                    Judgement::Rotate => {
                        let expires_at = now.plus(life);
                        mark_used(&tx, hash, salt, now).await?;
                        extend_session(&tx, &stored, now, expires_at).await?;
                        require_owner(&tx, stored.user).await?;
                        let token = old.successor(&salt);
                        insert_token(&tx, &token, stored.user, stored.session, expires_at).await?;
                        Ok(Some(Rotated {
                            user: stored.user,
                            session: stored.session,
                            token,
                            expires_at,
                        }))
                    }
                }
            })
            .await?;
        if rotated.is_none() {
            tracing::warn!("a used refresh token came again: its session was ended");
        }
        rotated.ok_or(Error::RefreshTokenInvalid)
    }

    /// A person's sessions that have not ended, newest first, from the one after `after` on.
    pub async fn sessions(
        &self,
        user: UserId,
        after: Option<SessionId>,
        count_max: u64,
        now: Timestamp,
    ) -> Result<Vec<Session>, Error> {
        let mut query = session::Entity::find()
            .filter(session::Column::UserId.eq(user.uuid()))
            .filter(session::Column::RevokedAtMs.is_null())
            .filter(session::Column::ExpiresAtMs.gt(now.unix_millis()));
        if let Some(after) = after {
            query = query.filter(session::Column::SessionId.lt(after.uuid()));
        }
        let rows = query
            .order_by_desc(session::Column::SessionId)
            .limit(count_max)
            .all(self.db.reader())
            .await?;
        Ok(rows.into_iter().map(entity::session_of).collect())
    }

    /// Ends one of a person's sessions. Ending it again changes nothing.
    ///
    /// # Errors
    /// When the person has no such session.
    pub async fn revoke_session(
        &self,
        user: UserId,
        id: SessionId,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.db
            .write(|tx| async move {
                if end_session(&tx, user, id, now).await? == 0 {
                    let key = (user.uuid(), id.uuid());
                    let row = session::Entity::find_by_id(key).one(&*tx).await?;
                    row.ok_or(Error::SessionNotFound)?;
                }
                Ok(())
            })
            .await
    }
}

/// Stores a session and its first refresh token.
pub(super) async fn insert_session(
    tx: &Tx,
    opened: &Session,
    token: &RefreshToken,
) -> Result<(), Error> {
    let row = session::Model {
        user_id: opened.user.uuid(),
        session_id: opened.id.uuid(),
        device_name: opened.device_name.clone(),
        created_at_ms: opened.created_at.unix_millis(),
        refreshed_at_ms: opened.refreshed_at.unix_millis(),
        expires_at_ms: opened.expires_at.unix_millis(),
        revoked_at_ms: None,
    };
    session::Entity::insert(row.into_active_model())
        .exec_without_returning(&**tx)
        .await?;
    insert_token(tx, token, opened.user, opened.id, opened.expires_at).await
}

async fn insert_token(
    tx: &Tx,
    token: &RefreshToken,
    user: UserId,
    session: SessionId,
    expires_at: Timestamp,
) -> Result<(), Error> {
    let row = refresh_token::Model {
        token_hash: token.hash(),
        user_id: user.uuid(),
        session_id: session.uuid(),
        expires_at_ms: expires_at.unix_millis(),
        used_at_ms: None,
        successor_salt: None,
    };
    refresh_token::Entity::insert(row.into_active_model())
        .exec_without_returning(&**tx)
        .await?;
    Ok(())
}

async fn mark_used(
    tx: &Tx,
    hash: &str,
    salt: [u8; SALT_BYTES],
    now: Timestamp,
) -> Result<(), Error> {
    let marked = refresh_token::Entity::update_many()
        .col_expr(
            refresh_token::Column::UsedAtMs,
            Expr::value(now.unix_millis()),
        )
        .col_expr(
            refresh_token::Column::SuccessorSalt,
            Expr::value(Uuid::from_bytes(salt)),
        )
        .filter(refresh_token::Column::TokenHash.eq(hash))
        .filter(refresh_token::Column::UsedAtMs.is_null())
        .exec(&**tx)
        .await?;
    // INVARIANT: a token has one successor; on an engine that does not lock, the second use fails.
    if marked.rows_affected == 1 {
        Ok(())
    } else {
        Err(Error::RefreshTokenInvalid)
    }
}

/// Gives the successor that was given before. Once that has been used, its answer was not lost, and
/// whoever comes with the old one has a copy: the session ends, and there is none to give.
async fn repeat(
    tx: &Tx,
    old: &RefreshToken,
    stored: &StoredToken,
    salt: &[u8; SALT_BYTES],
    now: Timestamp,
) -> Result<Option<Rotated>, Error> {
    let token = old.successor(salt);
    let row = refresh_token::Entity::find_by_id(token.hash())
        .one(&**tx)
        .await?
        .ok_or(Error::RefreshTokenInvalid)?;
    let successor = entity::token_of(&row)?;
    if successor.used.is_some() {
        end_session(tx, stored.user, stored.session, now).await?;
        return Ok(None);
    }
    if successor.judge(now) != Judgement::Rotate {
        return Err(Error::RefreshTokenInvalid);
    }
    let live = session::Entity::find_by_id((stored.user.uuid(), stored.session.uuid()))
        .filter(session::Column::RevokedAtMs.is_null())
        .filter(session::Column::ExpiresAtMs.gt(now.unix_millis()))
        .one(&**tx)
        .await?;
    live.ok_or(Error::RefreshTokenInvalid)?;
    require_owner(tx, stored.user).await?;
    Ok(Some(Rotated {
        user: stored.user,
        session: stored.session,
        token,
        expires_at: successor.expires_at,
    }))
}

async fn extend_session(
    tx: &Tx,
    stored: &StoredToken,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Error> {
    let extended = session::Entity::update_many()
        .col_expr(
            session::Column::RefreshedAtMs,
            Expr::value(now.unix_millis()),
        )
        .col_expr(
            session::Column::ExpiresAtMs,
            Expr::value(expires_at.unix_millis()),
        )
        .filter(session::Column::UserId.eq(stored.user.uuid()))
        .filter(session::Column::SessionId.eq(stored.session.uuid()))
        .filter(session::Column::RevokedAtMs.is_null())
        .filter(session::Column::ExpiresAtMs.gt(now.unix_millis()))
        .exec(&**tx)
        .await?;
    if extended.rows_affected == 1 {
        Ok(())
    } else {
        Err(Error::RefreshTokenInvalid)
    }
}

/// Ends a session that has not ended; tells how many there were.
async fn end_session(tx: &Tx, user: UserId, id: SessionId, now: Timestamp) -> Result<u64, Error> {
    let ended = session::Entity::update_many()
        .col_expr(session::Column::RevokedAtMs, Expr::value(now.unix_millis()))
        .col_expr(session::Column::ExpiresAtMs, Expr::value(now.unix_millis()))
        .filter(session::Column::UserId.eq(user.uuid()))
        .filter(session::Column::SessionId.eq(id.uuid()))
        .filter(session::Column::RevokedAtMs.is_null())
        .filter(session::Column::ExpiresAtMs.gt(now.unix_millis()))
        .exec(&**tx)
        .await?;
    Ok(ended.rows_affected)
}

/// A session outlives whatever was done about its account, except that it was erased: what it opens
/// is told by its tokens.
async fn require_owner(tx: &Tx, user: UserId) -> Result<(), Error> {
    let row = account::Entity::find_by_id(user.uuid()).one(&**tx).await?;
    let account = row
        .map(entity::account_of)
        .transpose()?
        .map(|(account, _)| account);
    if account.is_some_and(|account| account.can_sign_in()) {
        Ok(())
    } else {
        Err(Error::RefreshTokenInvalid)
    }
}
