//! What is too old goes, what still counts stays.

use std::time::Duration;

use postern_policy::Rule;
use postern_shared::{clock::Timestamp, id::DecisionId, random::Random};
use sea_orm::EntityTrait as _;

use super::{NOW, World, person};
use crate::{
    domain::{Budget, Content, Mark, MarkKey, Marked, PreparedSend, Refusal},
    store::entity::{attempts_refused, overrun, refusal, stranger_text},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How many rows there are of refusals, counts, overruns and texts.
async fn rows(world: &World) -> [usize; 4] {
    let db = world.db.reader();
    [
        refusal::Entity::find().all(db).await.unwrap().len(),
        attempts_refused::Entity::find()
            .all(db)
            .await
            .unwrap()
            .len(),
        overrun::Entity::find().all(db).await.unwrap().len(),
        stranger_text::Entity::find().all(db).await.unwrap().len(),
    ]
}

async fn refused(world: &World, at: Timestamp) {
    let record = Refusal {
        id: DecisionId::new(at, &Random::system()),
        sender: person(),
        recipient: None,
        rule: Rule::NotAccepting,
        reason: "NOT_ACCEPTING",
        facts: String::new(),
        versions: None,
        decided_at: at,
    };
    world.store.record_refusal(&record, None).await.unwrap();
}

async fn asked(world: &World, at: Timestamp) {
    let (ada, _, pair) = world.two().await;
    let content = Content::text("hello".to_owned()).unwrap();
    let marked = Some(Marked {
        mark: Mark::of(&MarkKey::new(&[7; 32]), ada, &content).unwrap(),
        most: 5,
        flagged: false,
    });
    let send = PreparedSend {
        sent_at: at,
        marked,
        ..super::asking(pair, ada, "id")
    };
    world.commit(&[send]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_goes_when_it_counts_no_more() {
    let world = World::new().await;
    let tick = Duration::from_millis(1);
    for at in [NOW.minus(DAY + tick), NOW.minus(DAY)] {
        refused(&world, at).await;
        world
            .store
            .count_refused_attempt(person(), at)
            .await
            .unwrap();
        world
            .store
            .note_overrun(person(), person(), at)
            .await
            .unwrap();
        asked(&world, at).await;
    }
    assert_eq!(rows(&world).await, [2; 4]);
    world.store.purge_refusals(NOW.minus(DAY)).await.unwrap();
    // The day before ends in the middle of a minute, and with it the minute stays.
    let minute = NOW.minus(DAY).unix_millis() % 60_000;
    assert!(minute > 1, "{minute}");
    assert_eq!(rows(&world).await, [1, 2, 2, 2]);
    let next = NOW.minus(DAY).plus(Duration::from_secs(60));
    world.store.purge_refusals(next).await.unwrap();
    assert_eq!(rows(&world).await, [0, 0, 2, 2]);
    world.store.purge_strangers(NOW).await.unwrap();
    assert_eq!(rows(&world).await, [0, 0, 1, 1]);
    world.store.purge_strangers(NOW.plus(tick)).await.unwrap();
    assert_eq!(rows(&world).await, [0; 4]);
    // Messages stay.
    assert_eq!(world.messages().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_transaction_removes_goes_too() {
    let world = World::new().await;
    let ada = person();
    let budget = Budget::new(1, 1);
    for minute in 0..1_003 {
        let at = Timestamp::from_unix_millis(minute * 60_000);
        // Paid, and then refused within the same moment.
        world.store.charge_attempt(ada, at, budget).await.unwrap();
        world.store.charge_attempt(ada, at, budget).await.unwrap();
    }
    assert_eq!(rows(&world).await[1], 1_003);
    world.store.purge_refusals(NOW).await.unwrap();
    assert_eq!(rows(&world).await[1], 0);
}
