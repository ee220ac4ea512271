//! Accounts: handles, display names, passwords.

use postern_shared::id::UserId;
use sea_orm::{EntityTrait as _, PaginatorTrait as _};

use super::{NOW, hash, world};
use crate::{
    domain::{Handle, PasswordHash, Person, RefreshToken},
    error::Error,
    store::entity::{account, handle},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_comes_back_as_it_went_in() {
    let world = world().await;
    let account = world.create("zoe").await;
    assert_eq!(
        world.store.account(account.id).await.unwrap(),
        Some(account.clone())
    );
    let (found, password) = world
        .store
        .credentials(&account.handle)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found, password), (account.clone(), hash("first")));
    let nobody = UserId::random(&world.random);
    assert_eq!(world.store.account(nobody).await.unwrap(), None);
    let unknown = Handle::parse("nobody").unwrap();
    assert_eq!(world.store.user_of(&unknown).await.unwrap(), None);
    let found = world
        .store
        .people(&[nobody, account.id], NOW)
        .await
        .unwrap();
    assert_eq!(found, vec![Person::at(account, Vec::new(), NOW)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_a_handle_at_once_one_gets_it() {
    let world = world().await;
    let wanted = (0..20).map(|_| world.account("zoe"));
    let results = futures_util::future::join_all(wanted.map(|account| {
        let store = world.store.clone();
        async move {
            store
                .create_account(&account, &hash("x"))
                .await
                .map(|()| account.id)
        }
    }))
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 19));
    assert!(
        lost.iter()
            .all(|result| matches!(result, Err(Error::HandleTaken)))
    );
    let reader = world.store.db.reader();
    assert_eq!(handle::Entity::find().count(reader).await.unwrap(), 1);
    assert_eq!(account::Entity::find().count(reader).await.unwrap(), 1);
    let owner = world
        .store
        .user_of(&Handle::parse("zoe").unwrap())
        .await
        .unwrap();
    assert_eq!(owner.unwrap(), *won[0].as_ref().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_display_name_moves_the_revision_and_not_the_version() {
    let world = world().await;
    let before = world.create("zoe").await;
    let etag = before.etag();
    let after = world
        .store
        .rename(before.id, "Zoë", Some(&etag), NOW)
        .await
        .unwrap();
    assert_eq!((after.version, after.revision), (1, 2));
    assert_ne!(after.etag(), etag);
    assert_eq!(
        world.store.account(before.id).await.unwrap(),
        Some(after.clone())
    );
    let stale = world.store.rename(before.id, "Zed", Some(&etag), NOW).await;
    assert!(matches!(stale, Err(Error::EtagMismatch)));
    let same = world
        .store
        .rename(before.id, "Zoë", None, NOW)
        .await
        .unwrap();
    assert_eq!(same, after);
    let anyhow = world
        .store
        .rename(before.id, "Zed", None, NOW)
        .await
        .unwrap();
    assert_eq!((anyhow.display_name.as_str(), anyhow.revision), ("Zed", 3));
    let nobody = world
        .store
        .rename(UserId::random(&world.random), "X", None, NOW)
        .await;
    assert!(matches!(nobody, Err(Error::AccountNotFound)));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_changes_with_one_etag_one_is_made() {
    let world = world().await;
    let account = world.create("zoe").await;
    let etag = &account.etag();
    let renames = (0..10).map(|number| {
        let store = world.store.clone();
        async move {
            store
                .rename(account.id, &format!("Zoe {number}"), Some(etag), NOW)
                .await
        }
    });
    let results = futures_util::future::join_all(renames).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_hash_replaces_the_old_one_only() {
    let world = world().await;
    let account = world.create("zoe").await;
    let stored = || async {
        let found = world.store.credentials(&account.handle).await.unwrap();
        found.unwrap().1
    };
    let sign_in = |old: PasswordHash, new: PasswordHash| {
        let session = world.session(account.id, NOW);
        let token = RefreshToken::new(world.random.bytes());
        let store = world.store.clone();
        async move {
            store
                .open_session(&session, &token, Some((&old, &new)))
                .await
                .unwrap()
        }
    };
    sign_in(hash("another"), hash("wrong")).await;
    assert_eq!(stored().await, hash("first"));
    sign_in(hash("first"), hash("second")).await;
    assert_eq!(stored().await, hash("second"));
    // The account itself is unchanged.
    assert_eq!(
        world.store.account(account.id).await.unwrap(),
        Some(account.clone())
    );
}
