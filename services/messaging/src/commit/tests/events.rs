//! What a transaction leaves in the outbox: an event for each message that was stored and for what
//! became of requests, and for nothing else.

use std::{collections::BTreeSet, time::Duration};

use postern_proto::event::v1::{Event, EventBatch, event::Body};
use postern_shared::id::UserId;
use prost::Message as _;
use sea_orm::{ConnectionTrait as _, Statement};

use crate::{
    domain::{self, Conversation, Outcome, Owners, PreparedSend},
    store::{
        NOW, Settled, Settlement,
        tests::{SEEN, World, asking, friendly, trusted},
    },
};

/// The bytes of every row so far.
async fn rows(world: &World) -> Vec<Vec<u8>> {
    let sql = "SELECT events FROM outbox ORDER BY outbox_id";
    let sql = Statement::from_sql_and_values(world.db.backend(), sql, []);
    let rows = world.db.reader().query_all_raw(sql).await.unwrap();
    rows.iter()
        .map(|row| row.try_get("", "events").unwrap())
        .collect()
}

/// The events of every row so far; those of one transaction and conversation in their order.
pub async fn events(world: &World) -> Vec<Event> {
    let batches = rows(world).await;
    let batches = batches
        .iter()
        .map(|row| EventBatch::decode(&row[..]).unwrap());
    batches.flat_map(|batch| batch.events).collect()
}

/// Name, version and actor.
fn told(event: &Event) -> (&str, u64, String) {
    (&event.name, event.version, event.actor_id.clone())
}

fn settled(before: Conversation, me: UserId, after: Conversation, how: Settlement) -> Settled {
    let versions = (how == Settlement::Accepted).then_some((SEEN, SEEN));
    Settled {
        before,
        after,
        person: me,
        versions,
        how,
        at: NOW,
    }
}

const STRANGERS: Owners = Owners {
    epoch: 1,
    settings_version: 1,
    friends: false,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_tells_of_what_it_stored_each_under_its_own_trace_in_a_row_a_shard() {
    let world = World::new().await;
    let mut batch: Vec<PreparedSend> = Vec::new();
    for index in 0..40 {
        let (ada, _, pair) = world.two().await;
        batch.push(friendly(pair, ada, &format!("{index}.1")));
        batch.push(friendly(pair, ada, &format!("{index}.2")));
        // The same id twice, and one whose pair has moved since it was decided.
        batch.push(friendly(pair, ada, &format!("{index}.1")));
        let mut moved = friendly(pair, ada, &format!("{index}.3"));
        moved.before.state_version = 9;
        batch.push(moved);
    }
    let outcomes = world.commit(&batch).await;
    let stored = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Outcome::Stored { .. }));
    assert_eq!(stored.count(), 80);
    let rows = rows(&world).await.len();
    assert!((2..=16).contains(&rows), "{rows} rows");
    let events = events(&world).await;
    assert_eq!(events.len(), 80);
    let ids: BTreeSet<_> = events.iter().map(|event| &event.event_id).collect();
    assert_eq!(ids.len(), 80);
    for (send, outcome) in batch.iter().zip(outcomes) {
        let Outcome::Stored { seq } = outcome else {
            continue;
        };
        let id = send.client_message_id.as_str();
        let event = events
            .iter()
            .find(|event| event.traceparent == format!("trace of {id}"));
        let event = event.unwrap();
        let version = seq.unsigned_abs();
        assert_eq!(
            told(event),
            ("message.created", version, send.sender.to_string())
        );
        let Some(Body::MessageCreated(created)) = &event.body else {
            panic!("{event:?}")
        };
        assert_eq!(
            (&created.conversation_id, created.seq),
            (&send.before.id.to_string(), seq)
        );
        let people = [&created.sender_id, &created.recipient_id];
        assert_eq!(
            people,
            [&send.sender.to_string(), &send.recipient.to_string()]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_word_of_a_message_is_in_an_event() {
    let world = World::new().await;
    let (_, ben, pair) = world.two().await;
    world.commit(&[asking(pair, ben, "client-id")]).await;
    let bytes = rows(&world).await.concat();
    let text = String::from_utf8_lossy(&bytes).replace("trace of client-id", "");
    assert!(text.contains(&ben.to_string()));
    assert!(
        !text.contains("text of") && !text.contains("client-id"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_told_of_when_it_opens_and_when_it_is_accepted() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    world.ask(ben, ada, "1").await;
    world.ask(ben, ada, "2").await;
    let pair = world.conversation_of(pair.lo, pair.hi).await;
    let after = domain::accept(pair, ada, ben, STRANGERS, NOW);
    let accepting = settled(pair, ada, after, Settlement::Accepted);
    assert!(world.store.settle(accepting).await.unwrap());
    // The same reading again settles nothing, and tells of nothing.
    assert!(!world.store.settle(accepting).await.unwrap());
    let events = events(&world).await;
    let (hers, his) = (ada.to_string(), ben.to_string());
    let all: Vec<_> = events.iter().map(told).collect();
    let version = after.state_version.unsigned_abs();
    let expected = [
        ("message.created", 1, his.clone()),
        ("request.created", 1, his.clone()),
        ("message.created", 2, his.clone()),
        ("request.accepted", version, hers.clone()),
    ];
    assert_eq!(all, expected);
    let Some(Body::RequestCreated(created)) = &events[1].body else {
        panic!("{events:?}")
    };
    assert_eq!((&created.sender_id, &created.recipient_id), (&his, &hers));
    let Some(Body::RequestAccepted(accepted)) = &events[3].body else {
        panic!("{events:?}")
    };
    assert_eq!((&accepted.sender_id, &accepted.recipient_id), (&his, &hers));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decline_is_silent_and_a_reply_accepts() {
    let world = World::new().await;
    let (ada, ben, _) = world.two().await;
    world.ask(ben, ada, "1").await;
    let pair = world.conversation_of(ada, ben).await;
    let before = events(&world).await.len();
    let after = domain::decline(pair, ben, Duration::from_secs(60), NOW);
    let declining = settled(pair, ada, after, Settlement::Declined);
    assert!(world.store.settle(declining).await.unwrap());
    assert_eq!(events(&world).await.len(), before);
    let pair = world.conversation_of(ada, ben).await;
    let reply = trusted(pair, ada, "2");
    let version = reply.after.state_version.unsigned_abs();
    world.commit(&[reply]).await;
    let events = events(&world).await;
    let all: Vec<_> = events[before..].iter().map(told).collect();
    let hers = ada.to_string();
    let expected = [
        ("message.created", 2, hers.clone()),
        ("request.accepted", version, hers.clone()),
    ];
    assert_eq!(all, expected);
    let Some(Body::RequestAccepted(accepted)) = &events[before + 1].body else {
        panic!("{events:?}")
    };
    assert_eq!(
        (&accepted.sender_id, &accepted.recipient_id),
        (&ben.to_string(), &hers)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_a_follow_made_needless_is_accepted_by_nobody() {
    let world = World::new().await;
    let (ada, ben, _) = world.two().await;
    world.ask(ben, ada, "1").await;
    let before = events(&world).await.len();
    let pair = world.conversation_of(ada, ben).await;
    world.commit(&[friendly(pair, ben, "2")]).await;
    let events = events(&world).await;
    let names: Vec<_> = events[before..]
        .iter()
        .map(|event| event.name.as_str())
        .collect();
    assert_eq!(names, ["message.created"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_fails_tells_of_nothing() {
    let world = World::new().await;
    let (ada, _, pair) = world.two().await;
    world.run("ALTER TABLE outbox RENAME TO away").await;
    assert!(
        world
            .store
            .commit(&[friendly(pair, ada, "1")])
            .await
            .is_err()
    );
    assert!(world.messages().await.is_empty());
    world.run("ALTER TABLE away RENAME TO outbox").await;
    world.commit(&[friendly(pair, ada, "1")]).await;
    assert_eq!(events(&world).await.len(), 1);
    world.audit().await;
}
