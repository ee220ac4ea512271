//! Calls through faults: what is lost, doubled, late or overtaken, in process and over the network.

use std::time::Duration;

use futures_util::future;
use postern_proto::common::v1::ErrorReason;
use tokio::time::Instant;
use tonic::Code;

use super::{Act, Fake, LONG, Replica, World, ask, local};
use crate::{
    error::reason_of,
    peer::{Faults, Peer},
};

/// Nothing is lost three times in a row with this seed.
const ROUGH: Faults = Faults {
    seed: 2026,
    request_lost_permille: 20,
    answer_lost_permille: 20,
    silent_permille: 0,
    duplicated_permille: 200,
    duplicate_ms_max: 10,
    delayed_permille: 200,
    delay_ms_max: 3,
    reordered_permille: 100,
    reorder_ms_max: 3,
};

async fn all_are_answered(peer: &Peer, fake: &Fake) {
    let calls = 200;
    for number in 0..calls {
        ask(peer, LONG, &number.to_string()).await.unwrap();
    }
    // Fewer requests were lost than were sent twice or again.
    assert!(fake.calls() > calls + 20, "{}", fake.calls());
    let asked: std::collections::BTreeSet<_> = fake
        .seen()
        .into_iter()
        .flat_map(|seen| seen.asked)
        .collect();
    assert_eq!(asked.len(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_answered_through_faults_and_the_callee_sees_them_twice() {
    let replica = Replica::start(Fake::new(Act::Serve));
    let rough = World::with(&[replica.address], |means| means.faults = Some(ROUGH));
    all_are_answered(&rough.peer, &replica.fake).await;
    assert!(rough.counted("retries") > 0);
    let fake = Fake::new(Act::Serve);
    let peer = local(&fake, |means| means.faults = Some(ROUGH));
    all_are_answered(&peer, &fake).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_duplicate_comes_after_the_answer() {
    let twice = Faults {
        seed: 3,
        duplicated_permille: 1_000,
        duplicate_ms_max: 20,
        ..Faults::default()
    };
    let fake = Fake::new(Act::Serve);
    let peer = local(&fake, |means| means.faults = Some(twice));
    for _ in 0..20 {
        ask(&peer, LONG, "someone").await.unwrap();
    }
    assert!(fake.calls() < 40, "each came at once");
    fake.was_called(40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_without_a_word_is_waited_for_until_the_deadline() {
    let silent = Faults {
        seed: 4,
        silent_permille: 1_000,
        ..Faults::default()
    };
    let (request, answer) = (
        Faults {
            request_lost_permille: 1_000,
            ..silent
        },
        Faults {
            answer_lost_permille: 1_000,
            ..silent
        },
    );
    for (faults, arrived) in [(request, 0), (answer, 1)] {
        let fake = Fake::new(Act::Serve);
        let peer = local(&fake, |means| means.faults = Some(faults));
        let (within, begun) = (Duration::from_millis(80), Instant::now());
        let late = ask(&peer, within, "someone").await.unwrap_err();
        assert_eq!(late.code(), Code::DeadlineExceeded);
        assert!(begun.elapsed() >= Duration::from_millis(65));
        assert_eq!(fake.calls(), arrived);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_with_a_word_is_tried_again_and_then_unavailable() {
    let lost = Faults {
        seed: 5,
        answer_lost_permille: 1_000,
        ..Faults::default()
    };
    let fake = Fake::new(Act::Serve);
    let peer = local(&fake, |means| means.faults = Some(lost));
    let failed = ask(&peer, LONG, "someone").await.unwrap_err();
    assert_eq!(failed.code(), Code::Unavailable);
    assert_eq!(reason_of(&failed), Some(ErrorReason::DependencyUnavailable));
    assert_eq!(fake.calls(), 3);
}

#[tokio::test]
async fn later_calls_overtake_earlier_ones() {
    let shuffled = Faults {
        seed: 6,
        reordered_permille: 500,
        reorder_ms_max: 1_000,
        ..Faults::default()
    };
    let fake = Fake::new(Act::Serve);
    let peer = local(&fake, |means| means.faults = Some(shuffled));
    // Two digits each, so that they sort as they were sent.
    let names: Vec<_> = (10..50).map(|number: u32| number.to_string()).collect();
    let calls = names.iter().map(|name| ask(&peer, LONG, name));
    let begun = Instant::now();
    for answer in future::join_all(calls).await {
        answer.unwrap();
    }
    let mut came: Vec<_> = fake
        .seen()
        .into_iter()
        .flat_map(|seen| seen.asked)
        .collect();
    assert!(!came.is_sorted(), "{came:?}");
    came.sort();
    assert_eq!(came, names);
    // The last ones are overtaken by nobody: they wait for as long as they may, and no longer.
    assert!(begun.elapsed() < Duration::from_secs(10));
}
