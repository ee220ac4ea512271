//! Two relays on one PostgreSQL database, as two replicas of a service have.

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use tokio_util::sync::CancellationToken;

use super::world::{Recorder, World, message, only};
use crate::outbox::{relay::Turn, table};
use crate::testing;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: tests/run starts one"]
async fn two_relays_share_the_work_and_turn_nothing_around() {
    const CONVERSATIONS: u8 = 24;
    const EACH: i64 = 40;
    testing::require_postgres();
    let world = World::new().await;
    let recorder = Recorder::new();
    recorder.waits.store(3, std::sync::atomic::Ordering::SeqCst);
    let stop = CancellationToken::new();
    let relays: Vec<_> = (0..2)
        .map(|_| tokio::spawn(world.relay(&only(&recorder)).run(stop.clone())))
        .collect();
    let writing = (0..4).map(|writer: u8| {
        let world = &world;
        async move {
            for seq in 1..=EACH {
                let mine = (0..CONVERSATIONS).filter(|n| n % 4 == writer);
                let events: Vec<_> = mine.map(|n| message(n, seq)).collect();
                world.commit(&events).await;
            }
        }
    });
    join_all(writing).await;
    let all = usize::from(CONVERSATIONS) * usize::try_from(EACH).unwrap();
    recorder.until(all).await;
    stop.cancel();
    for relay in relays {
        relay.await.unwrap();
    }
    recorder.assert_in_order(usize::from(CONVERSATIONS), EACH.unsigned_abs());
    // Nothing failed and no shard was worked on by both, so nothing went out twice.
    assert_eq!(recorder.taken().len(), all);
    assert!(!world.counts().await.contains_key("waiting"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: tests/run starts one"]
async fn a_shard_that_somebody_holds_is_left_to_them_and_free_once_they_are_gone() {
    testing::require_postgres();
    let world = World::new().await;
    let recorder = Recorder::new();
    let relay = world.relay(&only(&recorder));
    world.commit(&[message(1, 1), message(2, 1)]).await;
    let holder = world.db.begin().await.unwrap();
    assert!(table::claim(&holder, 1).await.unwrap());
    let turn = relay.turn().await;
    assert!(
        turn.held && !turn.more && turn.stalled.is_none(),
        "{turn:?}"
    );
    assert_eq!(recorder.taken().len(), 1);
    // The holder's process is killed: all that the server sees is its connection.
    let row = holder
        .query_one_raw(sea_orm::Statement::from_sql_and_values(
            world.db.backend(),
            "SELECT pg_backend_pid() AS pid",
            [],
        ))
        .await
        .unwrap();
    let pid: i32 = row.unwrap().try_get("", "pid").unwrap();
    let other = world.db.reader().begin().await.unwrap();
    let kill = format!("SELECT pg_terminate_backend({pid}, 10000)");
    other.execute_unprepared(&kill).await.unwrap();
    other.commit().await.unwrap();
    assert_eq!(relay.turn().await, Turn::default());
    assert_eq!(recorder.taken().len(), 2);
    drop(holder);
}
