//! Writing: with the transaction or not at all, one row a shard, and in the contract's words.

use std::{collections::BTreeSet, time::Duration};

use postern_proto::event::v1::{EventBatch, event::Body as SentBody};
use prost::Message as _;
use sea_orm::DbErr;
use tokio::time::timeout;

use super::world::{NOW, World, message};
use crate::{
    db::Db,
    db::Desk,
    id::{ConversationId, UserId},
    outbox::{self, Body, Event},
    random::Random,
};

/// Whether a commit has rung since the last look.
async fn rung(db: &Db) -> bool {
    timeout(Duration::ZERO, db.desk().bell.notified())
        .await
        .is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rolled_back_leaves_nothing() {
    let world = World::new().await;
    let undone: Result<(), DbErr> = world
        .db
        .write(|tx| async move {
            outbox::append(&tx, NOW, &[message(1, 1)]).await?;
            Err(DbErr::Custom("no".to_owned()))
        })
        .await;
    assert!(undone.is_err());
    assert!(world.rows().await.is_empty());
    assert!(!rung(&world.db).await);
    world.commit(&[message(1, 1)]).await;
    assert_eq!(world.rows().await.len(), 1);
    assert!(rung(&world.db).await);
    // Without events there is nothing to ring for.
    world.commit(&[]).await;
    assert_eq!(world.rows().await.len(), 1);
    assert!(!rung(&world.db).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_leaves_one_row_a_shard_however_much_it_tells() {
    let world = World::new().await;
    let events: Vec<_> = (0..64)
        .map(|n| message(n % 32, i64::from(n) / 32 + 1))
        .collect();
    world.commit(&events).await;
    let rows = world.rows().await;
    assert_eq!(rows.len(), 16);
    let shards: BTreeSet<_> = rows.iter().map(|row| row.shard).collect();
    assert_eq!(shards, (0..16).collect());
    let mut ids = BTreeSet::new();
    for row in rows {
        assert_eq!((row.status.as_str(), row.attempts), ("waiting", 0));
        assert_eq!(
            (row.created_at_ms, row.published_at_ms),
            (NOW.unix_millis(), None)
        );
        let batch = EventBatch::decode(&row.events[..]).unwrap();
        assert_eq!(batch.events.len(), 4);
        for event in batch.events {
            let first = u16::from_str_radix(&event.aggregate_id[..4], 16).unwrap();
            assert_eq!(i64::from(first % 16), row.shard);
            ids.insert(event.event_id);
        }
    }
    assert_eq!(ids.len(), 64);
}

/// Everything that can happen, its name, and what is said of it: its home first.
fn cases(user: UserId, peer: UserId) -> Vec<(Body, &'static str, Vec<String>)> {
    let conversation = ConversationId::from_bytes([7; 16]);
    let (sender, recipient) = (user, peer);
    let text = |id: UserId| id.to_string();
    let three = || vec![conversation.to_string(), text(user), text(peer)];
    let message = Body::MessageCreated {
        conversation,
        seq: 3,
        sender,
        recipient,
    };
    let said = vec![
        conversation.to_string(),
        "3".to_owned(),
        text(user),
        text(peer),
    ];
    let deleted = Body::MessageDeleted {
        conversation,
        seq: 3,
        sender,
        recipient,
    };
    let asked = Body::RequestCreated {
        conversation,
        sender,
        recipient,
    };
    let accepted = Body::RequestAccepted {
        conversation,
        sender,
        recipient,
    };
    let changed = Body::RelationshipChanged { user, peer };
    let standing = Body::AccountStandingChanged { user };
    vec![
        (message, "message.created", said.clone()),
        (deleted, "message.deleted", said),
        (asked, "request.created", three()),
        (accepted, "request.accepted", three()),
        (
            changed,
            "relationship.changed",
            vec![text(user), text(peer)],
        ),
        (
            Body::SettingsChanged { user },
            "settings.changed",
            vec![text(user)],
        ),
        (standing, "account.standing_changed", vec![text(user)]),
    ]
}

#[test]
fn every_event_says_in_the_contract_what_it_is_and_nothing_else() {
    let random = Random::system();
    let (user, peer) = (UserId::random(&random), UserId::random(&random));
    for (body, name, said) in cases(user, peer) {
        let traceparent = Some("00-1-2-01".to_owned());
        let event = Event {
            body,
            version: 5,
            actor: Some(user),
            at: NOW,
            traceparent,
        };
        let id = uuid::Uuid::from_bytes([9; 16]);
        let sent = event.encode(id);
        assert_eq!((sent.name.as_str(), sent.version), (name, 5));
        assert_eq!(sent.event_id, id.to_string());
        assert_eq!(sent.occur_time, Some(NOW.to_proto()));
        assert_eq!(sent.actor_id, user.to_string());
        assert_eq!(sent.traceparent, "00-1-2-01");
        assert_eq!(sent.aggregate_id, said[0]);
        assert_eq!(words(sent.body.unwrap()), said, "{name}");
    }
}

/// Every field of a body, in the contract's order.
fn words(body: SentBody) -> Vec<String> {
    match body {
        SentBody::MessageCreated(m) => {
            vec![
                m.conversation_id,
                m.seq.to_string(),
                m.sender_id,
                m.recipient_id,
            ]
        }
        SentBody::MessageDeleted(m) => {
            vec![
                m.conversation_id,
                m.seq.to_string(),
                m.sender_id,
                m.recipient_id,
            ]
        }
        SentBody::RequestCreated(r) => vec![r.conversation_id, r.sender_id, r.recipient_id],
        SentBody::RequestAccepted(r) => vec![r.conversation_id, r.sender_id, r.recipient_id],
        SentBody::RelationshipChanged(r) => vec![r.user_id, r.peer_id],
        SentBody::SettingsChanged(s) => vec![s.user_id],
        SentBody::AccountStandingChanged(a) => vec![a.user_id],
    }
}

#[test]
fn rows_of_one_process_sort_as_they_were_made_also_within_a_millisecond() {
    let desk = Desk::new(Random::system());
    let mut ids: Vec<_> = (0..10_000).map(|_| desk.next_id(NOW)).collect();
    // A clock that falls back turns nothing around.
    ids.push(desk.next_id(NOW.minus(Duration::from_secs(9))));
    ids.push(desk.next_id(NOW.plus(Duration::from_secs(1))));
    assert!(ids.is_sorted_by(|one, other| one < other));
    assert!(ids.iter().all(|id| id.get_version_num() == 7));
}
