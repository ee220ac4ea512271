//! What goes into a row comes out of it, and what means nothing is an error.

use postern_shared::clock::Timestamp;
use sea_orm::EntityTrait as _;

use super::{NOW, World, asking, person};
use crate::{
    domain::{Consent, Content, Conversation, How, Request, Side},
    store::{entity::conversation, rows},
};

fn sides() -> Vec<Side> {
    let granted = |how, epoch, settings_version, at| Consent::Granted {
        how,
        epoch,
        settings_version,
        at: Timestamp::from_unix_millis(at),
    };
    let top = u64::try_from(i64::MAX).unwrap();
    let consents = [
        Consent::None,
        Consent::Revoked,
        granted(How::Accepted, 0, 0, 0),
        granted(How::Wrote, 1, 2, 3),
        granted(How::Wrote, top, top, i64::MAX),
    ];
    let requests = [
        Request::None,
        Request::Pending { sent: 0 },
        Request::Pending { sent: 3 },
        Request::Pending { sent: u32::MAX },
        Request::Withdrawn { sent: 2 },
        Request::Accepted,
        Request::Declined { until: NOW },
    ];
    let with = |consent| requests.map(|request| Side { consent, request });
    consents.into_iter().flat_map(with).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_of_sides_comes_back_as_it_went_in() {
    let world = World::new().await;
    let sides = sides();
    let mut pairs = Vec::new();
    for (index, lo_side) in sides.iter().enumerate() {
        let pair = Conversation {
            last_seq: i64::try_from(index).unwrap(),
            state_version: 7,
            lo_side: *lo_side,
            // Each beside another, so that mixed-up columns show.
            hi_side: sides[(index + 9) % sides.len()],
            ..Conversation::new(person(), person())
        };
        pairs.push(pair);
    }
    let made = pairs.iter().map(rows::conversation_row);
    let inserted: Result<_, sea_orm::DbErr> = (world.db)
        .write(|tx| {
            let rows = made.clone();
            async move {
                conversation::Entity::insert_many(rows)
                    .exec_without_returning(&*tx)
                    .await
            }
        })
        .await;
    assert_eq!(inserted.unwrap(), 35);
    for pair in pairs {
        assert_eq!(world.conversation_of(pair.lo, pair.hi).await, pair);
        assert_eq!(world.conversation_of(pair.hi, pair.lo).await, pair);
        let foreign = world.store.conversation(pair.id, person()).await.unwrap();
        assert_eq!(foreign, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_without_a_meaning_is_an_error_and_no_default() {
    for change in [
        "UPDATE conversation SET lo_consent = 'maybe'",
        "UPDATE conversation SET hi_request = ''",
        "UPDATE conversation SET lo_consent = 'granted', lo_consent_how = NULL",
        "UPDATE conversation SET hi_consent = 'granted', hi_consent_how = 'dreamt'",
    ] {
        let world = World::new().await;
        let (ada, ben, pair) = world.two().await;
        world.run(change).await;
        assert!(world.store.pair(ada, ben).await.is_err(), "{change}");
        let sent = world.store.commit(&[asking(pair, ada, "1")]).await;
        assert!(sent.is_err(), "{change}");
        assert!(world.messages().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_found_as_it_was_sent() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    let contents = [
        Content::text(" \u{202E}e\u{301}\r\n👩‍🚀'; --".to_owned()).unwrap(),
        Content::video("v-1".to_owned()).unwrap(),
        Content::link("https://example.org/?a=b".to_owned()).unwrap(),
    ];
    for (index, content) in contents.into_iter().enumerate() {
        let mut send = super::friendly(pair, ada, &format!("id'{index}"));
        send.content = content;
        world.commit(std::slice::from_ref(&send)).await;
        let find = |sender| (world.store).find_sent(pair.id, sender, &send.client_message_id);
        let found = find(ada).await.unwrap().unwrap();
        assert_eq!(found.content, send.content);
        assert_eq!((found.sender, found.sent_at), (ada, NOW));
        assert_eq!(found.client_message_id, send.client_message_id.as_str());
        assert!(find(ben).await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn making_a_pair_again_changes_nothing() {
    let world = World::new().await;
    let (ada, ben) = (person(), person());
    let new = world.store.pair(ada, ben).await.unwrap();
    assert!(new.incomplete);
    assert_eq!(world.rows().await, [0; 5]);
    let made = (0..8).map(|index| {
        let (one, other) = if index % 2 == 0 {
            (ada, ben)
        } else {
            (ben, ada)
        };
        world.store.create_pair(one, other)
    });
    for result in futures_util::future::join_all(made).await {
        result.unwrap();
    }
    assert_eq!(world.rows().await, [1, 2, 0, 0, 0]);
    let pair = world.pair(ada, ben).await;
    world.commit(&[asking(pair, ada, "1")]).await;
    world.fence(ben, super::Owner::Graph, 4).await;
    world.store.create_pair(ben, ada).await.unwrap();
    assert_eq!(world.conversation_of(ada, ben).await.last_seq, 1);
    world.audit().await;
}
