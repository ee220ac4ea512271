//! Raising a fence: the lowest version that a decision about a person must carry, and what their
//! change does to lists.
//!
//! Promises: a fence never falls; an effect is applied iff it is newer than the one that stands, so
//! raises may come twice and in any order; once it is committed, no decision that is older commits.
//! Must not ask anybody.

use postern_shared::{
    caller::ServiceName,
    db::{AsDbErr, Tx},
    fence::{Effect, OutOfRange, Raise, raised},
    id::UserId,
};
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, ExprTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set,
    sea_query::{Expr, OnConflict},
};

use super::{
    Store,
    commit::Locked,
    entity::{mailbox, message, participant},
    rows,
    withdraw::leave_folder,
};
use crate::domain::{Conversation, Folder, Later, Request, block, conversation_id};

/// Why a fence is not raised.
#[derive(Debug, thiserror::Error)]
pub enum RaiseError {
    /// The version is too far above the one that stands; nothing was changed.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbErr),
}

impl AsDbErr for RaiseError {
    fn as_db_err(&self) -> Option<&DbErr> {
        match self {
            Self::Db(error) => Some(error),
            Self::OutOfRange(_) => None,
        }
    }
}

impl Store {
    /// Raises an owner's fence of a person, and applies the effect of the change.
    ///
    /// # Errors
    /// When the version jumps too far, or the database fails; then nothing is changed.
    pub async fn raise(&self, owner: ServiceName, raise: Raise) -> Result<(), RaiseError> {
        self.db
            .write(|tx| async move { apply(&tx, owner, raise).await })
            .await
    }
}

async fn apply(tx: &Tx, owner: ServiceName, raise: Raise) -> Result<(), RaiseError> {
    // Before anything is locked: whoever waits here for another raise holds nothing.
    rows::create_mailbox(tx, raise.user).await?;
    let peer = match raise.effect {
        Some(Effect::PeerBlocked(peer) | Effect::PeerUnblocked(peer)) => Some(peer),
        Some(Effect::Gone | Effect::Returned) | None => None,
    };
    let people = std::iter::once(raise.user).chain(peer);
    let pair = peer.map(|peer| conversation_id(raise.user, peer));
    let mut locked = Locked::take(tx, people, pair.into_iter()).await?;
    raise_fence(tx, &locked, owner, raise).await?;
    let version = rows::number(raise.version);
    match raise.effect {
        Some(Effect::Gone) => go(tx, &locked, raise.user, true, version).await?,
        Some(Effect::Returned) => go(tx, &locked, raise.user, false, version).await?,
        Some(Effect::PeerBlocked(peer)) => set_block(tx, &mut locked, raise, peer, true).await?,
        Some(Effect::PeerUnblocked(peer)) => {
            set_block(tx, &mut locked, raise, peer, false).await?;
        }
        None => {}
    }
    locked.write_back(tx).await?;
    Ok(())
}

async fn raise_fence(
    tx: &Tx,
    locked: &Locked,
    owner: ServiceName,
    raise: Raise,
) -> Result<(), RaiseError> {
    let (column, stands) = match (owner, locked.mailbox(raise.user)) {
        (ServiceName::Graph, row) => (mailbox::Column::FenceGraph, row.map(|r| r.fence_graph)),
        (ServiceName::Settings, row) => (
            mailbox::Column::FenceSettings,
            row.map(|r| r.fence_settings),
        ),
        (ServiceName::Identity, row) => (
            mailbox::Column::FenceIdentity,
            row.map(|r| r.fence_identity),
        ),
        (ServiceName::Messaging, _) => return Err(owns_nothing()),
    };
    let stands = rows::version(stands.unwrap_or(0));
    let fence = raised(stands, raise.version)?;
    if fence > stands {
        mailbox::Entity::update_many()
            .col_expr(column, Expr::value(rows::number(fence)))
            .filter(mailbox::Column::UserId.eq(raise.user.uuid()))
            .exec(&**tx)
            .await?;
    }
    Ok(())
}

/// The contract has no fence of messaging: none can be asked for.
fn owns_nothing() -> RaiseError {
    DbErr::Custom("messaging owns no part of the policy".to_owned()).into()
}

/// A person goes, or returns.
async fn go(
    tx: &Tx,
    locked: &Locked,
    person: UserId,
    gone: bool,
    version: i64,
) -> Result<(), DbErr> {
    if locked
        .mailbox(person)
        .is_some_and(|row| row.gone_version >= version)
    {
        return Ok(());
    }
    mailbox::Entity::update_many()
        .col_expr(mailbox::Column::Gone, Expr::value(gone))
        .col_expr(mailbox::Column::GoneVersion, Expr::value(version))
        .filter(mailbox::Column::UserId.eq(person.uuid()))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// A person blocks another, or ends it.
///
/// Ending it implies the block before it, which may not have been heard of and is too old once it
/// is. Nobody writes between a block and its end, so that whatever was decided before either was
/// decided before the block: it ends with both alike.
async fn set_block(
    tx: &Tx,
    locked: &mut Locked,
    raise: Raise,
    peer: UserId,
    blocked: bool,
) -> Result<(), DbErr> {
    if !set_blocked(tx, raise, peer, blocked).await? {
        return Ok(());
    }
    let Some(before) = locked.pair(conversation_id(raise.user, peer)).copied() else {
        return Ok(());
    };
    let later = Later {
        own: later(tx, &before, raise.user, raise).await?,
        theirs: later(tx, &before, peer, raise).await?,
    };
    end_requests(tx, locked, &before, block(before, raise.user, peer, later)).await
}

/// How many messages of an author's request were decided after a change of the one whose it is.
async fn later(tx: &Tx, pair: &Conversation, author: UserId, raise: Raise) -> Result<u32, DbErr> {
    let (Request::Pending { sent } | Request::Withdrawn { sent }) = pair.side(author).request
    else {
        return Ok(0);
    };
    let decided_with = if author == raise.user {
        message::Column::SenderGraphVersion
    } else {
        message::Column::RecipientGraphVersion
    };
    // Those that it counts are its author's newest: a reply would have settled it.
    let versions: Vec<i64> = message::Entity::find()
        .filter(message::Column::ConversationId.eq(pair.id.uuid()))
        .filter(message::Column::SenderId.eq(author.uuid()))
        .order_by_desc(message::Column::Seq)
        .limit(u64::from(sent))
        .select_only()
        .column(decided_with)
        .into_tuple()
        .all(&**tx)
        .await?;
    let change = rows::number(raise.version);
    let later = versions.into_iter().filter(|version| *version >= change);
    Ok(u32::try_from(later.count()).unwrap_or(u32::MAX))
}

/// Notes on a person's side of a conversation whether they block the other. Answers whether it is
/// news. A row that is missing is made, or an older raise would not know that it is one.
async fn set_blocked(tx: &Tx, raise: Raise, peer: UserId, blocked: bool) -> Result<bool, DbErr> {
    let (person, version) = (raise.user, rows::number(raise.version));
    use participant::Column::{Blocked, BlockedVersion, ConversationId, UserId as User};
    let row = participant::ActiveModel {
        user_id: Set(person.uuid()),
        conversation_id: Set(conversation_id(person, peer).uuid()),
        peer_id: Set(peer.uuid()),
        folder: Set(Folder::Nowhere.as_str().to_owned()),
        last_event: Set(0),
        unread: Set(0),
        blocked: Set(blocked),
        blocked_version: Set(version),
        ..participant::ActiveModel::default()
    };
    let newer = Expr::col((participant::Entity, BlockedVersion)).lt(version);
    let changed = participant::Entity::insert(row)
        .on_conflict(
            OnConflict::columns([User, ConversationId])
                .update_columns([Blocked, BlockedVersion])
                .action_and_where(newer)
                .to_owned(),
        )
        .exec_without_returning(&**tx)
        .await?;
    Ok(changed > 0)
}

/// What either of the two had asked and is ended waits nowhere any more. The one who is blocked is
/// told nothing: no number of theirs moves.
async fn end_requests(
    tx: &Tx,
    locked: &mut Locked,
    before: &Conversation,
    after: Conversation,
) -> Result<(), DbErr> {
    if after != *before {
        locked.replace(after);
    }
    for (person, other) in [(after.lo, after.hi), (after.hi, after.lo)] {
        if !matches!(after.side(other).request, Request::Pending { .. }) {
            leave_folder(tx, person, &after).await?;
        }
    }
    Ok(())
}
