//! What is tried again, how often, and when nothing is sent at all.

use std::time::Duration;

use postern_proto::common::v1::ErrorReason;
use tokio::{task::JoinSet, time::Instant};
use tonic::{Code, Status};

use super::{Act, Fake, LONG, Replica, World, ask, local, until};
use crate::error::{self, reason_of};

fn unavailable() -> Act {
    let reason = ErrorReason::ServerUnavailable;
    Act::Fail(error::status(Code::Unavailable, reason, "it stops"))
}

/// A replica and a world that knows it alone.
fn one(fake: Fake) -> (Replica, World) {
    let replica = Replica::start(fake);
    let world = World::of(&[replica.address]);
    (replica, world)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_is_unavailable_is_asked_again_twice() {
    let (replica, world) = one(Fake::new(Act::Serve).first([unavailable(), unavailable()]));
    world.call().await.unwrap();
    assert_eq!((replica.fake.calls(), world.counted("retries")), (3, 2));
    replica.fake.becomes(unavailable());
    let failed = world.call().await.unwrap_err();
    // The callee's own word reaches the caller.
    assert_eq!(failed.message(), "it stops");
    assert_eq!(reason_of(&failed), Some(ErrorReason::ServerUnavailable));
    assert_eq!((replica.fake.calls(), world.counted("retries")), (6, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_is_asked_where_there_is_one() {
    let failing = Replica::start(Fake::new(unavailable()));
    let serving = Replica::start(Fake::new(Act::Serve));
    let world = World::of(&[failing.address, serving.address]);
    for _ in 0..100 {
        world.call().await.unwrap();
    }
    let failed = failing.fake.calls();
    // Once it said that it cannot serve it is seldom asked.
    assert!((1..=10).contains(&failed), "{failed}");
    let retries = usize::try_from(world.counted("retries")).unwrap();
    assert_eq!((serving.fake.calls(), retries), (100, failed));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_callee_has_tried_again_itself_or_decided_is_not_tried_again() {
    let of = |code, reason| error::status(code, reason, "no");
    for status in [
        of(Code::Unavailable, ErrorReason::DependencyUnavailable),
        of(Code::InvalidArgument, ErrorReason::InvalidFields),
        of(Code::DeadlineExceeded, ErrorReason::DeadlineExceeded),
        of(Code::ResourceExhausted, ErrorReason::Overloaded),
        of(Code::Aborted, ErrorReason::Contention),
        Status::cancelled("operation was canceled"),
        Status::internal("no"),
    ] {
        let (replica, world) = one(Fake::new(Act::Fail(status.clone())));
        let failed = world.call().await.unwrap_err();
        assert_eq!(
            (failed.code(), failed.message()),
            (status.code(), status.message())
        );
        assert_eq!(
            (replica.fake.calls(), world.counted("retries")),
            (1, 0),
            "{status}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dependency_that_is_away_opens_no_breaker() {
    let reason = ErrorReason::DependencyUnavailable;
    let away = error::status(Code::Unavailable, reason, "graph is away");
    let (replica, world) = one(Fake::new(Act::Fail(away)));
    for _ in 0..50 {
        world.call().await.unwrap_err();
    }
    assert_eq!(replica.fake.calls(), 50);
    replica.fake.becomes(Act::Serve);
    world.call().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_holds_inside_the_process() {
    let fake = Fake::new(Act::Serve).first([unavailable(), unavailable()]);
    ask(&local(&fake, |_| {}), LONG, "someone").await.unwrap();
    assert_eq!(fake.calls(), 3);
}

/// Many calls at once; how many of them failed.
async fn crowd(world: &World, callers: usize, calls: usize) -> usize {
    let mut crowd = JoinSet::new();
    for _ in 0..callers {
        let peer = world.peer.clone();
        crowd.spawn(async move {
            let mut failed = 0;
            for _ in 0..calls {
                failed += usize::from(ask(&peer, LONG, "someone").await.is_err());
            }
            failed
        });
    }
    crowd.join_all().await.into_iter().sum()
}

/// The most calls that a callee may see of so many since `begun`.
fn most(calls: usize, begun: Instant) -> usize {
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap() + 2;
    calls + calls / 10 + 10 * seconds
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_fails_in_part_gets_a_tenth_more() {
    // Two of five fail: too few for the breaker, and more than are tried again.
    let script = (0..10_000).map(|call| match call % 5 {
        0 | 1 => unavailable(),
        _ => Act::Serve,
    });
    let (replica, world) = one(Fake::new(Act::Serve).first(script));
    let begun = Instant::now();
    let failed = crowd(&world, 8, 250).await;
    let (calls, most) = (replica.fake.calls(), most(2_000, begun));
    assert_eq!(world.counted("breaker_openings"), 0);
    assert!((2_100..=most).contains(&calls), "{calls} of at most {most}");
    assert!(failed > 0);
    assert_eq!(world.counted("retries"), calls as u64 - 2_000);
    assert!(world.counted("retries_refused") > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_fails_altogether_is_left_alone_and_found_again() {
    let (replica, world) = one(Fake::new(unavailable()));
    let begun = Instant::now();
    assert_eq!(crowd(&world, 8, 250).await, 2_000);
    let calls = replica.fake.calls();
    assert!(calls <= most(2_000, begun), "{calls}");
    // Once it opened, what was out already came back and nothing followed.
    assert!(calls < 60, "{calls}");
    assert!(world.counted("breaker_openings") >= 1);
    replica.fake.becomes(Act::Serve);
    let healed = Instant::now();
    until("it is found again", async || world.call().await.is_ok()).await;
    assert!(
        healed.elapsed() < Duration::from_secs(6),
        "{:?}",
        healed.elapsed()
    );
    assert_eq!(crowd(&world, 4, 50).await, 0);
}

/// Calls one that fails until its breaker opens.
async fn opened() -> (Replica, World) {
    let (replica, world) = one(Fake::new(unavailable()));
    until("it opens", async || {
        world.call().await.unwrap_err();
        world.counted("breaker_openings") == 1
    })
    .await;
    (replica, world)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_insists_finds_a_callee_again_for_all() {
    let (replica, world) = opened().await;
    replica.fake.becomes(Act::Serve);
    let insistent = world.peer.insistent();
    ask(&insistent, LONG, "someone").await.unwrap();
    world.call().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_breaker_answers_at_once_and_one_call_tries() {
    let (replica, world) = opened().await;
    let calls = replica.fake.calls();
    assert_eq!(calls, 20);
    // The fastest of some: others use this machine as well.
    let mut fastest = LONG;
    for _ in 0..20 {
        let begun = Instant::now();
        let refused = world.call().await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
        assert_eq!(
            reason_of(&refused),
            Some(ErrorReason::DependencyUnavailable)
        );
        fastest = fastest.min(begun.elapsed());
    }
    assert!(fastest <= Duration::from_millis(5), "{fastest:?}");
    assert_eq!(replica.fake.calls(), calls);
    replica.fake.becomes(Act::Hold);
    let trying = Instant::now();
    let mut crowd = JoinSet::new();
    until("one call tries", async || {
        let peer = world.peer.clone();
        crowd.spawn(async move { ask(&peer, LONG, "someone").await });
        replica.fake.calls() > calls
    })
    .await;
    assert!(trying.elapsed() < Duration::from_secs(4));
    for _ in 0..20 {
        world.call().await.unwrap_err();
    }
    assert_eq!(replica.fake.calls(), calls + 1);
    // The others do not wait for it.
    while crowd.len() > 1 {
        crowd.join_next().await.unwrap().unwrap().unwrap_err();
    }
    replica.fake.release();
    crowd.join_next().await.unwrap().unwrap().unwrap();
    world.call().await.unwrap();
}
