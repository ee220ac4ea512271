//! The record of changes, and what an update leaves to be raised.

use std::time::Duration;

use postern_shared::{
    fence::{Enforcement, Fences},
    testing::assert_index_ranges,
};
use sea_orm::{QueryTrait as _, Statement};

use super::{super::history as table, *};
use crate::domain::{Changed, Entry};

const DAY: Duration = Duration::from_secs(24 * 3_600);
const BEGINNING: Timestamp = Timestamp::from_unix_millis(0);

async fn changes(store: &Store, user: UserId) -> Vec<Entry> {
    store.changes(user, BEGINNING, None, 2_000).await.unwrap()
}

async fn state(store: &Store, user: UserId) -> Enforcement {
    let fences = Fences::new(ServiceName::Settings, store.db.clone(), Vec::new());
    fences.state(user).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_written_down_with_it_and_nothing_else_is() {
    let (_database, store) = store().await;
    let random = Random::system();
    let (user, other) = (UserId::random(&random), UserId::random(&random));
    let open = who(WhoCanMessage::Everyone);
    updated(&store, other, &open, NOW).await.unwrap();
    for (value, at) in [(WhoCanMessage::NoOne, NOW), (WhoCanMessage::Friends, LATER)] {
        for _ in 0..2 {
            updated(&store, user, &who(value), at).await.unwrap();
        }
    }
    let mut stale = open;
    stale.etag = Some(etag(user, 0));
    assert!(updated(&store, user, &stale, LATER).await.is_err());
    let found = changes(&store, user).await;
    let told: Vec<_> = found
        .iter()
        .map(|entry| (entry.at, &*entry.path, &*entry.before, &*entry.after))
        .collect();
    let expected = [
        (LATER, "who_can_message", "NO_ONE", "FRIENDS"),
        (NOW, "who_can_message", "FRIENDS", "NO_ONE"),
    ];
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_closes_something_is_raised_with_its_version() {
    let (_database, store) = store().await;
    let user = UserId::random(&Random::system());
    for (update, version, left) in [
        (who(WhoCanMessage::Everyone), None, Enforcement::Enforced),
        (who(WhoCanMessage::Friends), Some(2), Enforcement::Pending),
        (who(WhoCanMessage::Friends), None, Enforcement::Pending),
        (word("word"), Some(3), Enforcement::Pending),
    ] {
        let done = store.update(user, &untouched(), &update, NOW).await;
        let expected = version.map(|version| Raise {
            user,
            version,
            effect: None,
        });
        assert_eq!(done.unwrap().raise, expected);
        assert_eq!(state(&store, user).await, left);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_removes_what_is_older_and_keeps_the_settings() {
    let (_database, store) = store().await;
    let random = Random::system();
    let users: Vec<_> = (0..3).map(|_| UserId::random(&random)).collect();
    for (day, value) in [
        (0, WhoCanMessage::NoOne),
        (1, WhoCanMessage::Friends),
        (2, WhoCanMessage::NoOne),
    ] {
        for user in &users {
            let at = NOW.plus(DAY * day);
            updated(&store, *user, &who(value), at).await.unwrap();
        }
    }
    store.purge_changes(NOW).await.unwrap();
    assert_eq!(changes(&store, users[0]).await.len(), 3);
    store.purge_changes(NOW.plus(DAY)).await.unwrap();
    for user in &users {
        let left = changes(&store, *user).await;
        assert_eq!(left.len(), 2);
        assert!(left.iter().all(|entry| entry.at >= NOW.plus(DAY)));
        let since = store.changes(*user, NOW.plus(2 * DAY), None, 10).await;
        assert_eq!(since.unwrap(), left[..1]);
    }
    store.purge_changes(NOW.plus(90 * DAY)).await.unwrap();
    assert_eq!(changes(&store, users[0]).await, []);
    assert_eq!(stored(&store, users[0]).await.unwrap().version, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_goes_on_beyond_one_transaction() {
    let (_database, store) = store().await;
    let random = Random::system();
    let user = UserId::random(&random);
    let changed = Changed {
        path: "read_receipts",
        before: "true".to_owned(),
        after: "false".to_owned(),
    };
    let (many, random) = (&vec![changed; 1_001], &random);
    let filled: Result<(), DbErr> = store
        .db
        .write(|tx| async move { table::add(&tx, user, NOW, many, random).await })
        .await;
    filled.unwrap();
    assert_eq!(changes(&store, user).await.len(), 1_001);
    store.purge_changes(LATER).await.unwrap();
    assert_eq!(changes(&store, user).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_purges_are_index_ranges() {
    let (_database, store) = store().await;
    let user = UserId::random(&Random::system());
    for query in [table::page(user, NOW, None, 51), table::old(NOW)] {
        let Statement { sql, values, .. } = query.build(store.db.backend());
        assert_index_ranges(&store.db, &sql, &values.unwrap().0).await;
    }
}
