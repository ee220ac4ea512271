//! Requests of which nothing is left to see.

use postern_shared::{
    db::Tx,
    id::{ConversationId, UserId},
};
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, ExprTrait as _, QueryFilter as _, sea_query::Expr,
};

use super::entity::participant;
use crate::domain::Folder;

/// Takes a conversation out of a person's requests, where it is in them. To be called under the
/// locks of the pair. Nothing else of theirs changes: they are told nothing.
pub(super) async fn leave_folder(tx: &Tx, person: UserId, id: ConversationId) -> Result<(), DbErr> {
    let requests = participant::Column::Folder
        .eq(Folder::Requests.as_str())
        .or(participant::Column::Folder.eq(Folder::Hidden.as_str()));
    participant::Entity::update_many()
        .col_expr(
            participant::Column::Folder,
            Expr::value(Folder::Nowhere.as_str()),
        )
        .filter(participant::Column::UserId.eq(person.uuid()))
        .filter(participant::Column::ConversationId.eq(id.uuid()))
        .filter(requests)
        .exec(&**tx)
        .await?;
    Ok(())
}
