//! Sessions: how refresh tokens follow one another, and how sessions end.

use std::time::Duration;

use postern_shared::id::UserId;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};

use super::{LIFE, NOW, World, secs, world};
use crate::{
    domain::Session,
    error::Error,
    store::entity::{account, refresh_token},
};

#[tokio::test(flavor = "multi_thread")]
async fn only_hashes_of_tokens_are_stored() {
    let world = world().await;
    let account = world.create("zoe").await;
    let (_, token) = world.open(account.id, NOW).await;
    let next = world.rotate(&token, secs(1)).await.unwrap();
    let rows = refresh_token::Entity::find()
        .all(world.store.db.reader())
        .await
        .unwrap();
    let dump = format!("{rows:?}");
    assert_eq!(rows.len(), 2);
    assert!(dump.contains(&token.hash()) && dump.contains(&next.hash()));
    assert!(!dump.contains(&token.to_text()) && !dump.contains(&next.to_text()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_token_leads_to_its_successor_for_10_s_and_then_ends_the_session() {
    let world = world().await;
    let account = world.create("zoe").await;
    let (_, first) = world.open(account.id, NOW).await;
    let second = world.rotate(&first, secs(1)).await.unwrap();
    assert!(second != first);
    assert!(
        world
            .rotate(&first, secs(1))
            .await
            .is_some_and(|again| again == second)
    );
    assert!(
        world
            .rotate(&first, secs(11))
            .await
            .is_some_and(|again| again == second)
    );
    let sessions = |at| world.store.sessions(account.id, None, 10, at);
    assert_eq!(sessions(secs(11)).await.unwrap().len(), 1);
    assert!(world.rotate(&first, secs(12)).await.is_none());
    assert_eq!(sessions(secs(12)).await.unwrap().len(), 0);
    assert!(world.rotate(&second, secs(13)).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_whose_successor_was_used_ends_the_session_at_once() {
    let world = world().await;
    let account = world.create("zoe").await;
    let (_, first) = world.open(account.id, NOW).await;
    let second = world.rotate(&first, secs(1)).await.unwrap();
    let third = world.rotate(&second, secs(2)).await.unwrap();
    assert!(world.rotate(&first, secs(3)).await.is_none());
    // The answer to its first use was not lost: whoever comes with it has a copy.
    assert!(world.rotate(&third, secs(4)).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_refreshes_at_once_leave_one_live_token() {
    let world = world().await;
    let account = world.create("zoe").await;
    let (_, token) = world.open(account.id, NOW).await;
    let refreshes = (0..100).map(|_| world.rotate(&token, secs(1)));
    let successors = futures_util::future::join_all(refreshes).await;
    let first = successors[0].as_ref().unwrap();
    assert!(
        successors
            .iter()
            .flatten()
            .all(|successor| successor == first)
    );
    assert_eq!(successors.iter().flatten().count(), 100);
    assert_eq!(world.live_tokens().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshing_slides_and_idling_ends() {
    let world = world().await;
    let account = world.create("zoe").await;
    let (_, first) = world.open(account.id, NOW).await;
    let late = NOW.plus(LIFE).minus(Duration::from_millis(1));
    let second = world.rotate(&first, late).await.unwrap();
    let (_, idle) = world.open(account.id, NOW).await;
    assert!(world.rotate(&idle, NOW.plus(LIFE)).await.is_none());
    let sessions = world
        .store
        .sessions(account.id, None, 10, late)
        .await
        .unwrap();
    let slid = sessions
        .iter()
        .find(|session| session.refreshed_at == late)
        .unwrap();
    assert_eq!((slid.created_at, slid.expires_at), (NOW, late.plus(LIFE)));
    assert!(world.rotate(&second, NOW.plus(LIFE)).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_erased_account_refreshes_nothing() {
    let world = world().await;
    let account = world.create("zoe").await;
    let (_, first) = world.open(account.id, NOW).await;
    let second = world.rotate(&first, secs(1)).await.unwrap();
    set_lifecycle(&world, account.id, "ERASED").await;
    assert!(world.rotate(&first, secs(2)).await.is_none());
    assert!(world.rotate(&second, secs(2)).await.is_none());
    let holder = world.store.holder(account.id, secs(2)).await.unwrap();
    assert_eq!(holder, None);
    // Refused, not used up: whoever is only switched off may go on.
    set_lifecycle(&world, account.id, "DEACTIVATED").await;
    assert!(world.rotate(&second, secs(3)).await.is_some());
    let holder = world.store.holder(account.id, secs(3)).await.unwrap();
    assert!(holder.unwrap().gone);
}

pub async fn set_lifecycle(world: &World, of: UserId, lifecycle: &str) {
    let update = account::Entity::update_many()
        .col_expr(account::Column::Lifecycle, Expr::value(lifecycle))
        .filter(account::Column::UserId.eq(of.uuid()));
    let update = &update;
    let written: Result<(), Error> = world
        .store
        .db
        .write(|tx| async move {
            update.clone().exec(&*tx).await?;
            Ok(())
        })
        .await;
    written.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_newest_first_and_only_while_they_last() {
    let world = world().await;
    let (me, other) = (world.create("zoe").await, world.create("max").await);
    let mut opened = Vec::new();
    for second in 0..5 {
        opened.push(world.open(me.id, secs(second)).await.0.id);
    }
    let (theirs, _) = world.open(other.id, NOW).await;
    opened.reverse();
    let ids = |sessions: Vec<Session>| sessions.iter().map(|s| s.id).collect::<Vec<_>>();
    let all = ids(world
        .store
        .sessions(me.id, None, 10, secs(9))
        .await
        .unwrap());
    assert_eq!(all, opened);
    let page = ids(world
        .store
        .sessions(me.id, Some(opened[1]), 2, secs(9))
        .await
        .unwrap());
    assert_eq!(page, opened[2..4]);
    world
        .store
        .revoke_session(me.id, opened[0], secs(9))
        .await
        .unwrap();
    world
        .store
        .revoke_session(me.id, opened[0], secs(10))
        .await
        .unwrap();
    let left = ids(world
        .store
        .sessions(me.id, None, 10, secs(10))
        .await
        .unwrap());
    assert_eq!(left, opened[1..]);
    let foreign = world.store.revoke_session(me.id, theirs.id, secs(9)).await;
    assert!(matches!(foreign, Err(Error::SessionNotFound)));
    let after_life = NOW.plus(LIFE).plus(Duration::from_secs(2));
    let left = ids(world
        .store
        .sessions(me.id, None, 10, after_life)
        .await
        .unwrap());
    assert_eq!(left, opened[1..2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_session_refreshes_nothing() {
    let world = world().await;
    let account = world.create("zoe").await;
    let (session, first) = world.open(account.id, NOW).await;
    let second = world.rotate(&first, secs(1)).await.unwrap();
    world
        .store
        .revoke_session(account.id, session.id, secs(2))
        .await
        .unwrap();
    assert!(world.rotate(&second, secs(3)).await.is_none());
    assert!(world.rotate(&first, secs(3)).await.is_none());
}
