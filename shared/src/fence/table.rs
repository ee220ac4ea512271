//! The rows of tasks and the statements over them.

use sea_orm::{
    ConnectionTrait, DbErr, QueryOrder as _, QuerySelect as _, Set,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait as _, OnConflict, Query, SelectStatement},
};

use super::{Effect, Raise};
use crate::{
    caller::ServiceName,
    clock::Timestamp,
    db::{Db, Tx},
    id::UserId,
};

/// One raise that a target has not acknowledged yet.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "fence_task")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub target: String,
    pub effect: String,
    pub peer_id: Option<Uuid>,
    pub created_at_ms: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A task as the relay takes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task {
    pub(super) raise: Raise,
    pub(super) target: ServiceName,
}

/// The place of a task among all.
pub(super) type Place = (Uuid, i64, String);

/// Some tasks in the order of their keys.
pub(super) struct Page {
    pub(super) tasks: Vec<Task>,
    /// Where it ends, whatever could be read of it; none when there is nothing more.
    pub(super) last: Option<Place>,
}

pub(super) async fn insert(
    tx: &Tx,
    now: Timestamp,
    raise: &Raise,
    targets: &[ServiceName],
) -> Result<(), DbErr> {
    let (effect, peer) = words(raise.effect);
    let rows = targets.iter().map(|target| ActiveModel {
        user_id: Set(raise.user.uuid()),
        version: Set(raise.version.cast_signed()),
        target: Set(target.as_str().to_owned()),
        effect: Set(effect.to_owned()),
        peer_id: Set(peer.map(UserId::uuid)),
        created_at_ms: Set(now.unix_millis()),
    });
    Entity::insert_many(rows)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(&**tx)
        .await?;
    Ok(())
}

pub(super) async fn remove(db: &Db, raise: &Raise, target: ServiceName) -> Result<(), DbErr> {
    let key = (
        raise.user.uuid(),
        raise.version.cast_signed(),
        target.as_str().to_owned(),
    );
    let key = &key;
    db.write(|tx| async move {
        Entity::delete_by_id(key.clone()).exec(&*tx).await?;
        Ok(())
    })
    .await
}

pub(super) async fn has_tasks(db: &impl ConnectionTrait, user: UserId) -> Result<bool, DbErr> {
    let one = Entity::find()
        .filter(Column::UserId.eq(user.uuid()))
        .one(db)
        .await?;
    Ok(one.is_some())
}

pub(super) fn moments(user: UserId) -> SelectStatement {
    Query::select()
        .column(Column::CreatedAtMs)
        .from(Entity)
        .and_where(Column::UserId.eq(user.uuid()))
        .to_owned()
}

/// Tasks in the order of their keys, from the one after a place on. A row that this version cannot
/// read, which one after it may have written, is left to that one, and holds up no other.
pub(super) async fn page(
    db: &impl ConnectionTrait,
    after: Option<Place>,
    rows_max: u64,
) -> Result<Page, DbErr> {
    let mut find = Entity::find();
    if let Some((user, version, target)) = after {
        let key = [Column::UserId, Column::Version, Column::Target];
        let place = [Expr::value(user), Expr::value(version), Expr::value(target)];
        // One comparison of rows is a range of the key; comparing column by column is none.
        find = find.filter(Expr::tuple(key.map(Expr::col)).gt(Expr::tuple(place)));
    }
    let rows = find
        .order_by_asc(Column::UserId)
        .order_by_asc(Column::Version)
        .order_by_asc(Column::Target)
        .limit(rows_max)
        .all(db)
        .await?;
    let last = rows.last();
    let last = last.map(|row| (row.user_id, row.version, row.target.clone()));
    let mut tasks = Vec::with_capacity(rows.len());
    for row in rows {
        match task(row) {
            Ok(task) => tasks.push(task),
            Err(error) => tracing::error!(%error, "a fence task was passed over"),
        }
    }
    Ok(Page { tasks, last })
}

fn task(row: Model) -> Result<Task, DbErr> {
    let unreadable = |what: &str| DbErr::Type(format!("a fence task holds {what}"));
    let peer = || {
        let peer = row.peer_id.map(UserId::from_uuid);
        peer.ok_or_else(|| unreadable("no peer where one belongs"))
    };
    let effect = match row.effect.as_str() {
        "none" => None,
        "peer_blocked" => Some(Effect::PeerBlocked(peer()?)),
        "peer_unblocked" => Some(Effect::PeerUnblocked(peer()?)),
        "gone" => Some(Effect::Gone),
        "returned" => Some(Effect::Returned),
        other => return Err(unreadable(&format!("the effect `{other}`"))),
    };
    Ok(Task {
        raise: Raise {
            user: UserId::from_uuid(row.user_id),
            version: row.version.cast_unsigned(),
            effect,
        },
        target: ServiceName::parse(&row.target)
            .ok_or_else(|| unreadable(&format!("the target `{}`", row.target)))?,
    })
}

const fn words(effect: Option<Effect>) -> (&'static str, Option<UserId>) {
    match effect {
        None => ("none", None),
        Some(Effect::PeerBlocked(peer)) => ("peer_blocked", Some(peer)),
        Some(Effect::PeerUnblocked(peer)) => ("peer_unblocked", Some(peer)),
        Some(Effect::Gone) => ("gone", None),
        Some(Effect::Returned) => ("returned", None),
    }
}
