//! Carrying: everything arrives, in order, past what fails and what is refused.

use std::sync::{Arc, atomic::Ordering};

use sea_orm::{DbErr, EntityTrait as _, Set};
use tokio_util::sync::CancellationToken;

use super::world::{NOW, Recorder, World, message, only};
use crate::{
    outbox::{Relay, relay::Turn, table},
    telemetry::Telemetry,
};

/// Looks until there is nothing more to do: a shard whose transaction was dropped a moment ago may
/// still be held.
async fn drain(relay: &Relay) {
    loop {
        let turn = relay.turn().await;
        assert_eq!(turn.stalled, None);
        if !turn.more && !turn.held {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_committed_arrives_once_and_in_order() {
    let world = World::new().await;
    let recorder = Recorder::new();
    let relay = world.relay(&only(&recorder));
    for seq in 1..=5 {
        let events: Vec<_> = (0..20).map(|n| message(n, seq)).collect();
        world.commit(&events).await;
    }
    drain(&relay).await;
    recorder.assert_in_order(20, 5);
    assert_eq!(recorder.taken().len(), 100);
    assert_eq!(
        world.counts().await,
        [("published".to_owned(), 16 * 5)].into()
    );
    assert!(
        world
            .rows()
            .await
            .iter()
            .all(|row| row.published_at_ms.is_some())
    );
    assert_eq!(relay.turn().await, Turn::default());
    assert_eq!(recorder.taken().len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_handful_keeps_its_order() {
    let world = World::new().await;
    let recorder = Recorder::new();
    let relay = world.relay(&only(&recorder));
    for seq in 1..=200 {
        world.commit(&[message(3, seq)]).await;
    }
    assert!(relay.turn().await.more);
    assert_eq!(recorder.taken().len(), 64);
    drain(&relay).await;
    recorder.assert_in_order(1, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_lie_in_the_wrong_order_are_published_in_the_right_one() {
    let world = World::new().await;
    let recorder = Recorder::new();
    // Two replicas whose clocks differ: the later change has the older row.
    for (seq, behind) in [(2, 5), (1, 0), (3, 9)] {
        let event = message(1, seq);
        let now = NOW.minus(std::time::Duration::from_secs(behind));
        let desk = crate::db::Desk::new(crate::random::Random::system());
        let batch = postern_proto::event::v1::EventBatch {
            events: vec![event.encode(desk.next_id(now))],
        };
        insert(
            &world,
            desk.next_id(now),
            prost::Message::encode_to_vec(&batch),
        )
        .await;
    }
    drain(&world.relay(&only(&recorder))).await;
    recorder.assert_in_order(1, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_costs_nothing_but_time() {
    let world = World::new().await;
    let recorder = Recorder::new();
    let relay = world.relay(&only(&recorder));
    recorder.down.store(true, Ordering::SeqCst);
    for seq in 1..=3 {
        world.commit(&[message(1, seq), message(2, seq)]).await;
        assert_eq!(relay.turn().await.stalled.as_deref(), Some("down"));
    }
    assert!(recorder.taken().is_empty());
    assert!(
        world
            .rows()
            .await
            .iter()
            .all(|row| row.attempts == 0 && row.status == "waiting")
    );
    recorder.down.store(false, Ordering::SeqCst);
    drain(&relay).await;
    recorder.assert_in_order(2, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_goes_half_way_turns_nothing_around() {
    let world = World::new().await;
    let recorder = Recorder::new();
    let relay = world.relay(&only(&recorder));
    for seq in 1..=4 {
        let events: Vec<_> = (0..6).map(|n| message(n, seq)).collect();
        world.commit(&events).await;
    }
    for patience in [1, 2, 3, 5, 8] {
        *recorder.patience.lock().unwrap() = Some(patience);
        assert_eq!(relay.turn().await.stalled.as_deref(), Some("gone"));
    }
    let waiting = world.counts().await["waiting"];
    assert!(waiting > 0, "it got everything: the test is too tame");
    *recorder.patience.lock().unwrap() = None;
    drain(&relay).await;
    recorder.assert_in_order(6, 4);
    assert!(world.rows().await.iter().all(|row| row.attempts == 0));
    assert!(!world.counts().await.contains_key("waiting"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_dies_after_five_attempts_and_holds_up_its_own_kind_alone() {
    let world = World::new().await;
    let recorder = Recorder::new();
    let telemetry = Telemetry::without_logs().unwrap();
    let relay = world.relay_measured(&only(&recorder), &telemetry);
    let refused = message(1, 1).encode(uuid::Uuid::nil()).aggregate_id;
    recorder.refused.lock().unwrap().insert(refused.clone());
    // 1 and 17 lie in one shard.
    world.commit(&[message(1, 1), message(17, 1)]).await;
    world.commit(&[message(1, 2)]).await;
    world.commit(&[message(17, 2), message(2, 1)]).await;
    for attempt in 1..=5 {
        let turn = relay.turn().await;
        assert_eq!(turn, Turn::default());
        // Others pass at once, each as often as its row is tried.
        let versions = recorder.versions();
        assert_eq!(versions.len(), 2);
        assert!(!versions.contains_key(&refused));
        let first = &world.rows().await[0];
        assert_eq!(first.attempts, attempt);
        assert_eq!(first.problem.as_deref(), Some("too large"));
        assert_eq!(first.status == "dead", attempt == 5);
    }
    // The next of the same aggregate has waited without being blamed.
    let rows = world.rows().await;
    assert_eq!((rows[1].attempts, rows[1].status.as_str()), (0, "waiting"));
    recorder.refused.lock().unwrap().clear();
    drain(&relay).await;
    assert_eq!(recorder.versions()[&refused], [2]);
    let counts = world.counts().await;
    assert_eq!((counts["dead"], counts.get("waiting")), (1, None));

    let metrics = telemetry.prometheus();
    let shows = |name: &str, value: &str| {
        let line = metrics.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in:\n{metrics}"));
        assert!(line.contains("postern_service=\"messaging\""), "{line}");
        assert!(line.ends_with(value), "{line}");
    };
    shows("postern_outbox_dead", " 1");
    // Four times the one that was refused, five times the one behind it.
    shows("postern_outbox_retried", " 9");
}

async fn insert(world: &World, id: uuid::Uuid, events: Vec<u8>) {
    let row = table::ActiveModel {
        shard: Set(1),
        outbox_id: Set(id),
        events: Set(events),
        status: Set(table::WAITING.to_owned()),
        attempts: Set(0),
        problem: Set(None),
        created_at_ms: Set(NOW.unix_millis()),
        published_at_ms: Set(None),
    };
    let row = &row;
    let done: Result<u64, DbErr> = world
        .db
        .write(|tx| async move {
            table::Entity::insert(row.clone())
                .exec_without_returning(&*tx)
                .await
        })
        .await;
    done.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_read_dies_alone() {
    let world = World::new().await;
    let recorder = Recorder::new();
    let relay = world.relay(&only(&recorder));
    let desk = world.db.desk();
    insert(&world, desk.next_id(NOW), b"\xff\xff\xff".to_vec()).await;
    // Events without a name, and with one that could be part of no subject.
    insert(&world, desk.next_id(NOW), vec![0x0a, 0]).await;
    insert(
        &world,
        desk.next_id(NOW),
        vec![0x0a, 7, 0x1a, 2, b'.', b'a', 0x0a, 1, b'1'],
    )
    .await;
    for seq in 1..=5 {
        world.commit(&[message(1, seq)]).await;
        assert_eq!(relay.turn().await, Turn::default());
    }
    recorder.assert_in_order(1, 5);
    for row in &world.rows().await[..3] {
        let problem = row.problem.as_deref().unwrap();
        assert!(
            row.status == "dead" && problem.starts_with("not decodable"),
            "{row:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_newer_version_pass_through_unread() {
    let world = World::new().await;
    let recorder = Recorder::new();
    let mut event = message(1, 1).encode(uuid::Uuid::from_bytes([9; 16]));
    event.name = "message.touched".to_owned();
    event.body = None;
    let mut bytes = prost::Message::encode_to_vec(&event);
    // A field 99 that nobody here knows.
    bytes.extend([0x9a, 0x06, 0x01, 0x00]);
    let mut batch = vec![0x0a, u8::try_from(bytes.len() & 0x7f | 0x80).unwrap()];
    batch.push(u8::try_from(bytes.len() >> 7).unwrap());
    batch.extend(&bytes);
    insert(&world, uuid::Uuid::from_bytes([1; 16]), batch).await;
    let payloads = Arc::new(Payloads::default());
    let brokers = [
        Arc::clone(&payloads) as Arc<dyn crate::bus::Broker>,
        Arc::clone(&recorder) as Arc<dyn crate::bus::Broker>,
    ];
    drain(&world.relay(&brokers)).await;
    let [(subject, payload)] = &payloads.0.lock().unwrap()[..] else {
        panic!("one event is published");
    };
    assert_eq!(subject, "postern.messaging.message.touched.v1");
    assert_eq!(payload, &bytes);
    assert_eq!(recorder.taken().len(), 1);
}

/// Keeps what goes over the wire.
#[derive(Debug, Default)]
struct Payloads(std::sync::Mutex<Vec<(String, Vec<u8>)>>);

#[async_trait::async_trait]
impl crate::bus::Broker for Payloads {
    async fn ready(&self) -> Result<(), crate::bus::PublishError> {
        Ok(())
    }

    async fn publish(
        &self,
        outgoing: &crate::bus::Outgoing,
    ) -> Result<(), crate::bus::PublishError> {
        let sent = (outgoing.subject.clone(), outgoing.payload.to_vec());
        self.0.lock().unwrap().push(sent);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_relay_is_woken_by_commits_and_looks_once_more_at_the_end() {
    let world = World::new().await;
    let recorder = Recorder::new();
    let telemetry = Telemetry::without_logs().unwrap();
    let stop = CancellationToken::new();
    let relay = world.relay_measured(&only(&recorder), &telemetry);
    let running = tokio::spawn(relay.run(stop.clone()));
    for seq in 1..=10 {
        world.commit(&[message(1, seq)]).await;
        recorder.until(usize::try_from(seq).unwrap()).await;
    }
    // It is told to stop before it can hear of these.
    stop.cancel();
    world.commit(&[message(1, 11), message(2, 1)]).await;
    running.await.unwrap();
    let next = world.relay(&only(&recorder));
    drain(&next).await;
    assert_eq!(recorder.ids().len(), 12);
    let metrics = telemetry.prometheus();
    for name in ["published", "waiting", "oldest"] {
        assert!(
            metrics.contains(&format!("postern_outbox_{name}")),
            "{metrics}"
        );
    }
}
