//! Changing a pair: lock, then save what differs, inside a transaction of the caller's.
//!
//! Every change takes its locks in one order, so that no two wait for each other in a circle:
//! first the version of the one who acts, then the two sides of the pair by their owner's id.
//! - Whoever waits for a version holds nothing yet: a transaction takes one version alone, first.
//! - Whoever waits for a side holds at most the side that sorts before it, and a version, for which
//!   no holder of a side waits. So when two people act on each other at once, both go for the same
//!   side first, and one waits for the other to end.
//! - A row of `follower` or `friend` is touched only by who holds both sides of its pair.

use postern_shared::id::UserId;
use sea_orm::{
    ColumnTrait as _, DatabaseTransaction, DbErr, EntityTrait as _, QueryFilter as _, Set,
    sea_query::{Expr, OnConflict},
};

use super::{
    entities::{follower, friend, policy_version, relation},
    read,
};
use crate::domain::{Edge, Pair, Side};

/// A pair whose rows are locked until the transaction ends.
#[derive(Debug)]
pub struct Held {
    /// What lies between the two.
    pub pair: Pair,
    /// The version of the one who acts.
    version: i64,
}

/// Locks what an act of `me` on `peer` may change, and reads it.
///
/// # Errors
/// The database's.
pub async fn lock(tx: &DatabaseTransaction, me: UserId, peer: UserId) -> Result<Held, DbErr> {
    let version = lock_version(tx, me).await?;
    let pair = if me < peer {
        let mine = lock_side(tx, me, peer).await?;
        Pair {
            mine,
            theirs: lock_side(tx, peer, me).await?,
        }
    } else {
        let theirs = lock_side(tx, peer, me).await?;
        Pair {
            mine: lock_side(tx, me, peer).await?,
            theirs,
        }
    };
    Ok(Held { pair, version })
}

/// Stores what `me` has changed and tells their new version; nothing when `after` is what was held.
///
/// # Errors
/// The database's.
pub async fn save(
    tx: &DatabaseTransaction,
    me: UserId,
    peer: UserId,
    held: &Held,
    after: &Pair,
) -> Result<Option<u64>, DbErr> {
    if held.pair == *after {
        return Ok(None);
    }
    let version = held.version + 1;
    save_side(tx, me, peer, &held.pair.mine, &after.mine).await?;
    save_side(tx, peer, me, &held.pair.theirs, &after.theirs).await?;
    save_friends(tx, me, peer, &held.pair, after).await?;
    policy_version::Entity::update_many()
        .col_expr(policy_version::Column::Version, Expr::value(version))
        .filter(policy_version::Column::UserId.eq(me.uuid()))
        .exec(tx)
        .await?;
    Ok(Some(version.cast_unsigned()))
}

/// Writing the value that is there locks the row on every engine, and makes it when it is missing.
async fn lock_version(tx: &DatabaseTransaction, user: UserId) -> Result<i64, DbErr> {
    use policy_version::{ActiveModel, Column, Entity};
    let present = OnConflict::column(Column::UserId)
        .value(Column::Version, Expr::col((Entity, Column::Version)))
        .to_owned();
    let row = Entity::insert(ActiveModel {
        user_id: Set(user.uuid()),
        version: Set(0),
    })
    .on_conflict(present)
    .exec_with_returning(tx)
    .await?;
    Ok(row.version)
}

/// As [`lock_version`].
async fn lock_side(tx: &DatabaseTransaction, owner: UserId, peer: UserId) -> Result<Side, DbErr> {
    use relation::{Column, Entity};
    let present = OnConflict::columns([Column::OwnerId, Column::PeerId])
        .value(Column::Epoch, Expr::col((Entity, Column::Epoch)))
        .to_owned();
    let row = Entity::insert(row_of(owner, peer, &Side::default()))
        .on_conflict(present)
        .exec_with_returning(tx)
        .await?;
    Ok(Side {
        follow: read::edge(row.follow_id, row.followed_at_ms),
        block: read::edge(row.block_id, row.blocked_at_ms),
        epoch: row.epoch.cast_unsigned(),
    })
}

async fn save_side(
    tx: &DatabaseTransaction,
    owner: UserId,
    peer: UserId,
    before: &Side,
    after: &Side,
) -> Result<(), DbErr> {
    if before == after {
        return Ok(());
    }
    relation::Entity::update_many()
        .set(row_of(owner, peer, after))
        .filter(relation::Column::OwnerId.eq(owner.uuid()))
        .filter(relation::Column::PeerId.eq(peer.uuid()))
        .exec(tx)
        .await?;
    match (before.follow, after.follow) {
        (None, Some(follow)) => add_follower(tx, owner, peer, follow).await,
        (Some(_), None) => remove_follower(tx, owner, peer).await,
        // A follow is never replaced by another.
        (None, None) | (Some(_), Some(_)) => Ok(()),
    }
}

/// Both follows at once, or none: each of the two has the other among their friends, or neither.
async fn save_friends(
    tx: &DatabaseTransaction,
    me: UserId,
    peer: UserId,
    before: &Pair,
    after: &Pair,
) -> Result<(), DbErr> {
    let both = |pair: &Pair| pair.mine.follow.zip(pair.theirs.follow);
    match (both(before), both(after)) {
        (None, Some((mine, theirs))) => {
            let row = |owner: UserId, peer: UserId, follow: Edge| friend::ActiveModel {
                owner_id: Set(owner.uuid()),
                peer_id: Set(peer.uuid()),
                follow_id: Set(follow.id.uuid()),
                followed_at_ms: Set(follow.at.unix_millis()),
            };
            let rows = [row(me, peer, mine), row(peer, me, theirs)];
            // A row that an earlier version left behind must not stop anybody from following.
            let stale = OnConflict::columns([friend::Column::OwnerId, friend::Column::PeerId])
                .update_columns([friend::Column::FollowId, friend::Column::FollowedAtMs])
                .to_owned();
            friend::Entity::insert_many(rows)
                .on_conflict(stale)
                .exec_without_returning(tx)
                .await?;
        }
        (Some(_), None) => {
            for (owner, peer) in [(me, peer), (peer, me)] {
                friend::Entity::delete_by_id((owner.uuid(), peer.uuid()))
                    .exec(tx)
                    .await?;
            }
        }
        // A follow is never replaced by another.
        (None, None) | (Some(_), Some(_)) => {}
    }
    Ok(())
}

async fn add_follower(
    tx: &DatabaseTransaction,
    owner: UserId,
    peer: UserId,
    follow: Edge,
) -> Result<(), DbErr> {
    let copy = follower::ActiveModel {
        followee_id: Set(peer.uuid()),
        follower_id: Set(owner.uuid()),
        follow_id: Set(follow.id.uuid()),
        followed_at_ms: Set(follow.at.unix_millis()),
    };
    follower::Entity::insert(copy)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

async fn remove_follower(
    tx: &DatabaseTransaction,
    owner: UserId,
    peer: UserId,
) -> Result<(), DbErr> {
    follower::Entity::delete_many()
        .filter(follower::Column::FolloweeId.eq(peer.uuid()))
        .filter(follower::Column::FollowerId.eq(owner.uuid()))
        .exec(tx)
        .await?;
    Ok(())
}

fn row_of(owner: UserId, peer: UserId, side: &Side) -> relation::ActiveModel {
    relation::ActiveModel {
        owner_id: Set(owner.uuid()),
        peer_id: Set(peer.uuid()),
        follow_id: Set(side.follow.map(|edge| edge.id.uuid())),
        followed_at_ms: Set(side.follow.map(|edge| edge.at.unix_millis())),
        block_id: Set(side.block.map(|edge| edge.id.uuid())),
        blocked_at_ms: Set(side.block.map(|edge| edge.at.unix_millis())),
        epoch: Set(side.epoch.cast_signed()),
    }
}
