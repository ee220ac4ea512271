//! Committers at work: many at once, some that fail, some whose callers have gone; and what they
//! tell the world.

pub mod events;
pub mod gate;

use std::sync::Arc;

use futures_util::future::join_all;
use postern_shared::{id::UserId, random::Random};
use tokio::sync::Barrier;
use tonic::Code;

use super::*;
use crate::{
    domain::{Conversation, Request},
    store::tests::{World, asking, friendly, person, trusted},
};
use postern_shared::error::Failure as _;

/// Commits at once, and messages of each.
const TASKS: usize = 32;
const EACH: usize = 50;

async fn stored(committers: &Committers, send: PreparedSend) -> i64 {
    match committers.commit(send).await.unwrap() {
        Outcome::Stored { seq } => seq,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_write_to_each_other_at_once_lose_nothing() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    let committers = Committers::start(&world.store, 4);
    let start = Arc::new(Barrier::new(TASKS));
    let tasks = (0..TASKS).map(|task| {
        let (committers, start) = (committers.clone(), Arc::clone(&start));
        let sender = if task % 2 == 0 { ada } else { ben };
        tokio::spawn(async move {
            start.wait().await;
            let mut seqs = Vec::new();
            for index in 0..EACH {
                let send = friendly(pair, sender, &format!("{task}.{index}"));
                seqs.push(stored(&committers, send).await);
            }
            // Whoever waits for the answer before the next message finds their order kept.
            assert!(seqs.is_sorted());
            seqs
        })
    });
    let mut all = Vec::new();
    for seqs in join_all(tasks).await {
        all.extend(seqs.unwrap());
    }
    all.sort_unstable();
    let n = i64::try_from(TASKS * EACH).unwrap();
    assert_eq!(all, (1..=n).collect::<Vec<_>>());
    world.audit().await;
}

/// Sends until it is stored, deciding anew whenever the facts moved; answers how often they did.
async fn send(world: &World, committers: &Committers, from: UserId, to: UserId, id: &str) -> u32 {
    let mut moved = 0;
    loop {
        let pair = world.conversation_of(from, to).await;
        let send = match pair.side(to).request {
            Request::None if pair.side(from).request == Request::None => asking(pair, from, id),
            _ => trusted(pair, from, id),
        };
        match committers.commit(send).await.unwrap() {
            Outcome::Stored { .. } => return moved,
            Outcome::Moved => moved += 1,
            Outcome::Duplicate => panic!("every id is used once"),
        }
        assert!(moved < 100, "facts never stand still");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_strangers_who_write_to_each_other_at_once_lose_nothing() {
    let world = Arc::new(World::new().await);
    let people: Vec<_> = (0..8).map(|_| person()).collect();
    for (index, one) in people.iter().enumerate() {
        for other in &people[index + 1..] {
            world.pair(*one, *other).await;
        }
    }
    let committers = Committers::start(&world.store, 4);
    let start = Arc::new(Barrier::new(TASKS));
    let tasks = (0..TASKS).map(|task| {
        let (world, committers) = (Arc::clone(&world), committers.clone());
        let (people, start) = (people.clone(), Arc::clone(&start));
        tokio::spawn(async move {
            start.wait().await;
            let mut moved = 0;
            for index in 0..EACH {
                let from = people[task % 8];
                let to = people[(task + 1 + index % 7) % 8];
                let id = format!("{task}.{index}");
                moved += send(&world, &committers, from, to, &id).await;
            }
            moved
        })
    });
    let mut moved = 0;
    for task in join_all(tasks).await {
        moved += task.unwrap();
    }
    assert!(moved > 0, "nothing ever crossed: the test is too tame");
    assert_eq!(world.messages().await.len(), TASKS * EACH);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_messages_trouble_is_not_anothers() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    world.poison("bad%").await;
    let committers = Committers::start(&world.store, 1);
    let sends = (0..60).map(|index| {
        let kind = if index % 7 == 0 { "bad" } else { "good" };
        let sender = if index % 2 == 0 { ada } else { ben };
        let send = friendly(pair, sender, &format!("{kind}{index}"));
        let committers = &committers;
        async move { (kind, committers.commit(send).await) }
    });
    for (kind, outcome) in join_all(sends).await {
        match (kind, outcome) {
            ("good", Ok(Outcome::Stored { .. })) => {}
            ("bad", Err(error)) => assert_eq!(error.classify().0, Code::Internal),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.messages().await.len(), 51);
    world.audit().await;
}

/// Holds the database's one writer until told otherwise.
async fn hold(world: &World) -> (oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let (release, released) = oneshot::channel();
    let (taken, is_taken) = oneshot::channel();
    let signals = std::sync::Mutex::new(Some((taken, released)));
    let db = world.db.clone();
    let held = tokio::spawn(async move {
        let done: Result<(), DbErr> = db
            .write(|_tx| {
                let signals = signals.lock().unwrap().take();
                async move {
                    let (taken, released) = signals.unwrap();
                    taken.send(()).unwrap();
                    let _ = released.await;
                    Ok(())
                }
            })
            .await;
        done.unwrap();
    });
    is_taken.await.unwrap();
    (release, held)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_handed_over_is_stored_though_its_caller_has_gone() {
    let world = World::new().await;
    let (ada, _, pair) = world.two().await;
    let committers = Committers::start(&world.store, 1);
    let (release, held) = hold(&world).await;
    for index in 0..10 {
        let send = friendly(pair, ada, &format!("{index}"));
        let mut handed = Box::pin(committers.commit(send));
        let first = futures_util::poll!(&mut handed);
        assert!(first.is_pending());
    }
    release.send(()).unwrap();
    held.await.unwrap();
    // Behind the ten in the same queue.
    let last = stored(&committers, friendly(pair, ada, "last")).await;
    assert_eq!(last, 11);
    let again = committers.commit(friendly(pair, ada, "3")).await;
    assert_eq!(again.unwrap(), Outcome::Duplicate);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_fails_each_message_once() {
    let world = World::new().await;
    let random = Random::system();
    let mut pairs: Vec<Conversation> = Vec::new();
    for _ in 0..20 {
        pairs.push(world.pair(person(), UserId::random(&random)).await);
    }
    let committers = Committers::start(&world.store, 1);
    world.db.clone().close().await;
    let sends = pairs
        .iter()
        .map(|pair| committers.commit(friendly(*pair, pair.lo, "1")));
    for outcome in join_all(sends).await {
        assert_eq!(outcome.unwrap_err().classify().0, Code::Unavailable);
    }
}
