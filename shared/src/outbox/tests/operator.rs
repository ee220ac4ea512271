//! What is kept, what is removed, and what an operator has sent again.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DbErr};

use super::world::{NOW, Recorder, World, message, only};
use crate::outbox;

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_published_long_ago_is_removed() {
    let world = World::new().await;
    let recorder = Recorder::new();
    let relay = world.relay(&only(&recorder));
    // Published at once, and written then but published 23 hours ago.
    world.commit(&[message(1, 1), message(2, 1)]).await;
    assert!(!relay.turn().await.more);
    world.commit(&[message(1, 2)]).await;
    world.clock.advance(2 * HOUR);
    relay.turn().await;
    // Waits since then, and is dead since then.
    let refused = message(3, 1).encode(uuid::Uuid::nil()).aggregate_id;
    recorder.refused.lock().unwrap().insert(refused);
    world.commit(&[message(3, 1)]).await;
    world.commit(&[message(3, 2)]).await;
    for _ in 0..5 {
        relay.turn().await;
    }
    assert_eq!(relay.remove_old().await.unwrap(), 0);
    world.clock.advance(22 * HOUR + Duration::from_secs(1));
    assert_eq!(relay.remove_old().await.unwrap(), 2);
    let counts = world.counts().await;
    let expected = [("dead", 1), ("published", 1), ("waiting", 1)];
    assert_eq!(
        counts,
        expected.map(|(name, n)| (name.to_owned(), n)).into()
    );
    world.clock.advance(100 * HOUR);
    assert_eq!(relay.remove_old().await.unwrap(), 1);
    let counts = world.counts().await;
    assert_eq!((counts["dead"], counts["waiting"]), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_step_is_removed_and_sent_again() {
    let world = World::new().await;
    let relay = world.relay(&only(&Recorder::new()));
    many(&world, 1_234).await;
    let waiting = world.counts().await["waiting"];
    assert_eq!(waiting, 1_234);
    while relay.turn().await.more {}
    assert_eq!(outbox::replay(&world.db, NOW).await.unwrap(), 1_234);
    assert_eq!(world.counts().await["waiting"], 1_234);
    while relay.turn().await.more {}
    world.clock.advance(25 * HOUR);
    assert_eq!(relay.remove_old().await.unwrap(), 1_234);
    assert!(world.rows().await.is_empty());
}

/// As many transactions, in one.
async fn many(world: &World, rows: i64) {
    let done: Result<(), DbErr> = world
        .db
        .write(|tx| async move {
            for seq in 1..=rows {
                outbox::append(&tx, NOW, &[message(5, seq)]).await?;
            }
            Ok(())
        })
        .await;
    done.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_sends_again_what_was_published_since_and_nothing_else() {
    let world = World::new().await;
    let recorder = Recorder::new();
    let relay = world.relay(&only(&recorder));
    world.commit(&[message(1, 1)]).await;
    relay.turn().await;
    world.clock.advance(HOUR);
    world.commit(&[message(1, 2), message(2, 1)]).await;
    relay.turn().await;
    assert_eq!(recorder.taken().len(), 3);
    let since = world.clock.now().minus(HOUR / 2);
    assert_eq!(outbox::replay(&world.db, since).await.unwrap(), 2);
    relay.turn().await;
    // Under the ids that they had: whoever handled them finds them handled.
    assert_eq!((recorder.taken().len(), recorder.ids().len()), (5, 3));
    assert_eq!(outbox::retry_dead(&world.db).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dead_are_shown_and_tried_again() {
    let world = World::new().await;
    let recorder = Recorder::new();
    let relay = world.relay(&only(&recorder));
    let refused = message(1, 1).encode(uuid::Uuid::nil()).aggregate_id;
    recorder.refused.lock().unwrap().insert(refused);
    world.commit(&[message(1, 1), message(2, 1)]).await;
    for _ in 0..5 {
        relay.turn().await;
    }
    world.clock.advance(HOUR);
    world.commit(&[message(4, 1)]).await;
    let status = outbox::status(&world.db).await.unwrap();
    assert_eq!((status.waiting, status.published, status.dead), (1, 1, 1));
    assert_eq!(status.oldest_waiting, Some(NOW.plus(HOUR)));
    let [dead] = &status.first_dead[..] else {
        panic!("one is dead")
    };
    assert_eq!((dead.problem.as_str(), dead.created_at), ("too large", NOW));

    recorder.refused.lock().unwrap().clear();
    assert_eq!(outbox::retry_dead(&world.db).await.unwrap(), 1);
    relay.turn().await;
    assert_eq!(recorder.ids().len(), 3);
    let status = outbox::status(&world.db).await.unwrap();
    assert_eq!((status.waiting, status.published, status.dead), (0, 3, 0));
    assert_eq!((status.oldest_waiting, status.first_dead.len()), (None, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_in_no_known_state_cannot_be_written() {
    let world = World::new().await;
    world.commit(&[message(1, 1)]).await;
    let spoilt: Result<(), DbErr> = world
        .db
        .write(|tx| async move {
            tx.execute_unprepared("UPDATE outbox SET status = 'lost'")
                .await?;
            Ok(())
        })
        .await;
    assert!(spoilt.is_err());
}
