//! The automatic restriction: who goes on trying new people with no budget left does not send for a
//! while.

use std::time::Duration;

use postern_proto::{
    messaging::v1::SendMessageResponse,
    policy::v1::{RefusalReason, WhoCanMessage},
};
use postern_shared::id::UserId;
use tonic::Status;

use super::{
    Rpc, delivered,
    fake::{Fake, service_with},
    person, refused, send,
};
use crate::{
    config::Config,
    domain::{Budget, Budgets},
    store::NOW,
};

const HOUR: Duration = Duration::from_secs(3_600);

/// Ada may meet one new person in a hundred days; the third she cannot afford restricts her.
fn limited(config: &mut Config) {
    let plenty = Budget::new(1_000, 1);
    config.budgets = Some(Budgets {
        attempts: plenty,
        pair: plenty,
        new_strangers: Budget::new(1, 8_640_000_000),
        inbound_person: Budget::new(2, 8_640_000_000),
        inbound_business: plenty,
    });
    config.restrict_after_strangers = 3;
    config.restrict_for = HOUR * 24;
}

fn open(fake: &Fake) -> UserId {
    fake.person(WhoCanMessage::Everyone)
}

/// One who has met the one new person that she may.
async fn spent(rpc: &Rpc, fake: &Fake) -> UserId {
    let ada = open(fake);
    delivered(send(rpc, ada, open(fake), "first").await);
    ada
}

fn is_limited(answer: Result<SendMessageResponse, Status>) -> bool {
    refused(answer).reason() == RefusalReason::RateLimited
}

fn asked(fake: &Fake) -> usize {
    fake.with(|state| state.restrictions.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_strangers_in_a_day_restrict_for_a_day() {
    let (world, rpc, fake) = service_with(limited).await;
    let ada = spent(&rpc, &fake).await;
    let same = open(&fake);
    for to in [same, same, same, open(&fake)] {
        assert!(is_limited(send(&rpc, ada, to, "id").await));
    }
    // Who takes nobody, and who does not exist, is nobody whom the budget kept her from.
    for to in [fake.person(WhoCanMessage::NoOne), person()] {
        assert!(!is_limited(send(&rpc, ada, to, "id").await));
    }
    assert_eq!(asked(&fake), 0);
    assert!(is_limited(send(&rpc, ada, open(&fake), "id").await));
    let restriction = fake.with(|state| state.restrictions[0].clone());
    let until = NOW.plus(HOUR * 24).to_proto();
    assert_eq!(restriction.user_id, ada.to_string());
    assert_eq!(restriction.end_time, Some(until));
    assert_eq!(restriction.rule, "new_strangers");
    let words = restriction.explanation;
    assert!(words.contains("24 hours") && words.contains(" 3 ") && words.len() <= 500);
    let answer = refused(send(&rpc, ada, open(&fake), "id").await);
    assert_eq!(answer.reason(), RefusalReason::SenderRestricted);
    assert_eq!(answer.restricted_until, Some(until));
    // Once it has lifted, the counting begins anew.
    fake.with(|state| state.standings.get_mut(&ada.to_string()).unwrap().sanction = None);
    for _ in 0..2 {
        assert!(is_limited(send(&rpc, ada, open(&fake), "id").await));
    }
    assert_eq!(asked(&fake), 1);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_a_day_old_counts_no_more() {
    let (_world, rpc, fake) = service_with(limited).await;
    let ada = spent(&rpc, &fake).await;
    assert!(is_limited(send(&rpc, ada, open(&fake), "id").await));
    rpc.clock.advance(HOUR * 24);
    for _ in 0..2 {
        assert!(is_limited(send(&rpc, ada, open(&fake), "id").await));
    }
    assert_eq!(asked(&fake), 0);
    assert!(is_limited(send(&rpc, ada, open(&fake), "id").await));
    assert_eq!(asked(&fake), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_refusal_is_answered_though_identity_is_not_and_the_next_tries_again() {
    let (_world, rpc, fake) = service_with(limited).await;
    let ada = spent(&rpc, &fake).await;
    fake.with(|state| state.restricting_fails = Some(Status::internal("no")));
    let last = open(&fake);
    for to in [open(&fake), open(&fake), last] {
        assert!(is_limited(send(&rpc, ada, to, "id").await));
    }
    assert_eq!(asked(&fake), 1);
    assert!(is_limited(send(&rpc, ada, last, "id").await));
    assert_eq!(asked(&fake), 2);
    fake.with(|state| state.restricting_fails = None);
    assert!(is_limited(send(&rpc, ada, last, "id").await));
    assert_eq!(asked(&fake), 3);
    let answer = refused(send(&rpc, ada, last, "id").await);
    assert_eq!(answer.reason(), RefusalReason::SenderRestricted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowded_recipient_and_a_limit_of_nothing_restrict_nobody() {
    let (_world, rpc, fake) = service_with(limited).await;
    // Three who are asked by more than they hear from; Ada could afford each of them.
    let ada = open(&fake);
    for _ in 0..4 {
        let crowded = open(&fake);
        for _ in 0..2 {
            delivered(send(&rpc, open(&fake), crowded, "id").await);
        }
        assert!(is_limited(send(&rpc, ada, crowded, "id").await));
    }
    assert_eq!(asked(&fake), 0);
    let never = |config: &mut Config| {
        limited(config);
        config.restrict_after_strangers = 0;
    };
    let (_world, rpc, fake) = service_with(never).await;
    let ada = spent(&rpc, &fake).await;
    for _ in 0..5 {
        assert!(is_limited(send(&rpc, ada, open(&fake), "id").await));
    }
    assert_eq!(asked(&fake), 0);
}
