//! Tests of the store on a database of its own: versions, comparing and setting, many at once.

mod history;

use std::collections::BTreeSet;

use postern_shared::{
    caller::ServiceName,
    random::Random,
    testing::{self, Guard},
};

use super::*;
use crate::domain::{
    AgeBand, Change, EtagMismatch, Keyword, Keywords, Kind, Origin, WhoCanMessage, etag,
};

const NOW: Timestamp = Timestamp::from_unix_millis(1_700_000_000_000);
const LATER: Timestamp = Timestamp::from_unix_millis(1_700_000_001_000);

async fn store() -> (Guard, Store) {
    let (database, db) = testing::database(ServiceName::Settings, MIGRATIONS).await;
    (database, Store::new(db, Random::system()))
}

fn untouched() -> Settings {
    Settings::untouched(Origin {
        band: AgeBand::Adult,
        kind: Kind::Personal,
    })
}

fn who(who: WhoCanMessage) -> Update {
    Update {
        change: Change {
            who_can_message: Some(who),
            ..Change::default()
        },
        etag: None,
    }
}

fn word(word: &str) -> Update {
    let words = vec![Keyword::parse(word).unwrap()];
    Update {
        change: Change {
            keywords: Some(Keywords::new(words).unwrap()),
            ..Change::default()
        },
        etag: None,
    }
}

/// Updates the settings of an adult and gives them as they are then.
async fn updated(
    store: &Store,
    user: UserId,
    update: &Update,
    now: Timestamp,
) -> Result<Settings, Error> {
    let done = store.update(user, &untouched(), update, now).await?;
    Ok(done.settings)
}

async fn stored(store: &Store, user: UserId) -> Option<Settings> {
    store.settings_of(&[user]).await.unwrap().remove(&user)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_comes_back_as_it_was_stored() {
    let (_database, store) = store().await;
    let user = UserId::random(&Random::system());
    assert_eq!(stored(&store, user).await, None);
    let words = ["b", "a", "Zo\u{eb} \"quoted\" \\ 👩‍🚀"];
    let words = words.map(|word| Keyword::parse(word).unwrap()).to_vec();
    let first = Update {
        change: Change {
            who_can_message: Some(WhoCanMessage::Everyone),
            read_receipts: Some(false),
            spam: Some(false),
            offensive: Some(false),
            keywords: Some(Keywords::new(words).unwrap()),
            messages: Some(false),
            requests: Some(false),
            previews: Some(false),
        },
        etag: None,
    };
    let after = updated(&store, user, &first, NOW).await.unwrap();
    assert_eq!((after.version, after.updated_at), (1, Some(NOW)));
    assert_eq!(after.choices, first.change.apply(&untouched().choices));
    assert_eq!(stored(&store, user).await, Some(after));
    for value in [
        WhoCanMessage::NoOne,
        WhoCanMessage::Friends,
        WhoCanMessage::Everyone,
    ] {
        let update = who(value);
        let after = updated(&store, user, &update, LATER).await;
        assert_eq!(stored(&store, user).await, Some(after.unwrap()));
    }
    let last = stored(&store, user).await.unwrap();
    assert_eq!((last.version, last.left_everyone_version), (4, 2));
    assert_eq!(last.updated_at, Some(LATER));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_nothing_moves_nothing() {
    let (_database, store) = store().await;
    let user = UserId::random(&Random::system());
    let same = who(WhoCanMessage::Friends);
    let after = updated(&store, user, &same, NOW).await.unwrap();
    assert_eq!(after, untouched());
    assert_eq!(stored(&store, user).await, None);
    let off = who(WhoCanMessage::NoOne);
    let first = updated(&store, user, &off, NOW).await.unwrap();
    let again = updated(&store, user, &off, LATER).await.unwrap();
    assert_eq!(first, again);
    assert_eq!((again.version, again.updated_at), (1, Some(NOW)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etag_lets_exactly_one_of_many_through() {
    let (_database, store) = store().await;
    let user = UserId::random(&Random::system());
    for version in 0..2 {
        let tasks: Vec<_> = (0..10)
            .map(|n| {
                let store = store.clone();
                let mut update = word(&format!("word{version}-{n}"));
                update.etag = Some(etag(user, version));
                tokio::spawn(async move { updated(&store, user, &update, NOW).await })
            })
            .collect();
        let mut through = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(settings) => {
                    assert_eq!(settings.version, version + 1);
                    through += 1;
                }
                Err(error) => assert!(matches!(error, Error::EtagMismatch(EtagMismatch))),
            }
        }
        assert_eq!(through, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_at_once_are_twenty_versions() {
    let (_database, store) = store().await;
    let user = UserId::random(&Random::system());
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let store = store.clone();
            let update = word(&format!("word{n}"));
            tokio::spawn(async move { updated(&store, user, &update, NOW).await })
        })
        .collect();
    let mut versions = BTreeSet::new();
    for task in tasks {
        versions.insert(task.await.unwrap().unwrap().version);
    }
    assert_eq!(versions, (1..=20).collect());
    assert_eq!(stored(&store, user).await.unwrap().version, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statements_refuse_another_version() {
    let (_database, store) = store().await;
    let user = UserId::random(&Random::system());
    let first = who(WhoCanMessage::Everyone);
    let first = updated(&store, user, &first, NOW).await.unwrap();
    let mut stale = first.clone();
    stale.choices.read_receipts = false;
    let stale = &stale;
    let outcome: Result<_, DbErr> = store
        .db
        .write(|tx| async move {
            let inserted = row::insert(&tx, user, stale).await?;
            let replaced = row::replace(&tx, user, 0, stale).await?;
            Ok((inserted, replaced))
        })
        .await;
    assert_eq!(outcome.unwrap(), (false, false));
    assert_eq!(stored(&store, user).await, Some(first));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_read_at_once_and_only_those_who_changed_something() {
    let (_database, store) = store().await;
    let random = Random::system();
    let users: Vec<_> = (0..100).map(|_| UserId::random(&random)).collect();
    for user in &users[..3] {
        let update = who(WhoCanMessage::NoOne);
        let after = updated(&store, *user, &update, NOW).await;
        after.unwrap();
    }
    let found = store.settings_of(&users).await.unwrap();
    let found: BTreeSet<_> = found.into_keys().collect();
    assert_eq!(found, users[..3].iter().copied().collect());
}
