//! Who is gone, as identity raises it: by the greatest version, whatever arrives twice or late.

use postern_shared::{
    db::Tx,
    fence::{self, Effect, Raise},
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set,
    sea_query::{Expr, OnConflict},
};

use super::entities::gone::{ActiveModel, Column, Entity};
use crate::error::Error;

/// Applies the effect of a raise, unless a newer one stands. One without such an effect hides
/// nobody and leaves no trace: were its version kept, an older one that is still on its way would
/// be lost.
///
/// # Errors
/// When the version jumps too far; the database's.
pub async fn apply(tx: &Tx, raise: &Raise) -> Result<(), Error> {
    let gone = match raise.effect {
        Some(Effect::Gone) => true,
        Some(Effect::Returned) => false,
        Some(Effect::PeerBlocked(_) | Effect::PeerUnblocked(_)) | None => return Ok(()),
    };
    let stands = lock(tx, raise).await?;
    if fence::raised(stands, raise.version)? == stands {
        return Ok(());
    }
    Entity::update_many()
        .col_expr(Column::Gone, Expr::value(gone))
        .col_expr(Column::Version, Expr::value(raise.version.cast_signed()))
        .filter(Column::UserId.eq(raise.user.uuid()))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Writing the value that is there locks the row on every engine, and makes it when it is missing.
async fn lock(tx: &Tx, raise: &Raise) -> Result<u64, Error> {
    let present = OnConflict::column(Column::UserId)
        .value(Column::Version, Expr::col((Entity, Column::Version)))
        .to_owned();
    let row = Entity::insert(ActiveModel {
        user_id: Set(raise.user.uuid()),
        gone: Set(false),
        version: Set(0),
    })
    .on_conflict(present)
    .exec_with_returning(&**tx)
    .await?;
    Ok(row.version.cast_unsigned())
}
