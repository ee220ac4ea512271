//! Budgets as people meet them: how much goes through, what they are told, and what is free.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::future::join_all;
use postern_proto::{
    messaging::v1::{
        AcceptRequestRequest, DeclineRequestRequest, SendMessageResponse,
        request_service_server::RequestService as _, send_message_response::Outcome,
    },
    policy::v1::{AccountKind, RefusalReason, WhoCanMessage},
};
use postern_shared::{clock::Clock, id::UserId};
use tonic::Status;

use super::{
    LONG, Rpc, by, delivered,
    fake::{Fake, replica, service_with},
    person, refused, send,
};
use crate::{
    config::Config,
    domain::{Budget, Budgets},
    store::NOW,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// More of everything than any test here sends.
const PLENTY: Budgets = Budgets {
    attempts: Budget::new(1_000, 1_000),
    pair: Budget::new(1_000, 1_000),
    new_strangers: Budget::new(1_000, 1_000),
    inbound_person: Budget::new(1_000, 1_000),
    inbound_business: Budget::new(1_000, 1_000),
};

fn with(budgets: Budgets) -> impl FnOnce(&mut Config) {
    move |config| config.budgets = Some(budgets)
}

fn open(fake: &Fake) -> UserId {
    fake.person(WhoCanMessage::Everyone)
}

fn is_delivered(answer: &Result<SendMessageResponse, Status>) -> bool {
    let outcome = &answer.as_ref().unwrap().outcome;
    matches!(outcome, Some(Outcome::Delivered(_)))
}

/// Sends, and answers how long to wait: in milliseconds, none for what went through.
async fn wait(rpc: &Rpc, from: UserId, to: UserId, id: &str) -> Option<i64> {
    let answer = send(rpc, from, to, id).await;
    if is_delivered(&answer) {
        return None;
    }
    let refused = refused(answer);
    assert_eq!(refused.reason(), RefusalReason::RateLimited);
    let after = refused.retry_after.unwrap();
    Some(after.seconds * 1_000 + i64::from(after.nanos) / 1_000_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_charged_refused_or_not_and_come_back_one_by_one() {
    let budgets = Budgets {
        attempts: Budget::per(6, 60_000),
        ..PLENTY
    };
    let (world, rpc, fake) = service_with(with(budgets)).await;
    let (ada, ben, closed) = (open(&fake), open(&fake), fake.person(WhoCanMessage::NoOne));
    fake.befriend(ada, ben);
    for n in 0..2 {
        delivered(send(&rpc, ada, ben, &format!("{n}")).await);
        // Nobody, and somebody who takes none: both cost, and nothing is made of nobody.
        let nobody = refused(send(&rpc, ada, person(), "id").await);
        assert_eq!(nobody.reason(), RefusalReason::NotAccepting);
        let none = refused(send(&rpc, ada, closed, "id").await);
        assert_eq!(none.reason(), RefusalReason::RecipientMessagesAreOff);
        assert!(!none.decision_id.is_empty());
    }
    assert_eq!(world.rows().await[..2], [1, 2]);
    assert_eq!(world.refusals().await.len(), 4);
    // Whatever it is now, it is refused alike, and only counted.
    for to in [ben, closed, person(), ada] {
        let answer = refused(send(&rpc, ada, to, "more").await);
        assert_eq!(answer.reason(), RefusalReason::RateLimited);
        assert_eq!(answer.retry_after.unwrap().seconds, 10);
        assert_eq!(answer.decision_id, "");
    }
    assert_eq!(world.refusals().await.len(), 4);
    // What was sent is answered as before, and for nothing.
    delivered(send(&rpc, ada, ben, "0").await);
    rpc.clock.advance(Duration::from_millis(9_999));
    assert_eq!(wait(&rpc, ada, ben, "late").await, Some(1));
    rpc.clock.advance(Duration::from_millis(1));
    assert_eq!(wait(&rpc, ada, ben, "late").await, None);
    assert_eq!(wait(&rpc, ada, ben, "later").await, Some(10_000));
    // Others have their own.
    assert_eq!(wait(&rpc, ben, ada, "his").await, None);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_has_one_budget_each_way() {
    let budgets = Budgets {
        pair: Budget::new(3, 1_000),
        ..PLENTY
    };
    let (world, rpc, fake) = service_with(with(budgets)).await;
    let (ada, ben, cleo) = (open(&fake), open(&fake), open(&fake));
    fake.befriend(ada, ben);
    fake.befriend(ada, cleo);
    for n in 0..3 {
        assert_eq!(wait(&rpc, ada, ben, &format!("{n}")).await, None);
    }
    assert_eq!(wait(&rpc, ada, ben, "3").await, Some(1_000));
    assert_eq!(wait(&rpc, ben, ada, "0").await, None);
    assert_eq!(wait(&rpc, ada, cleo, "0").await, None);
    rpc.clock.advance(SECOND);
    assert_eq!(wait(&rpc, ada, ben, "3").await, None);
    assert_eq!(wait(&rpc, ada, ben, "4").await, Some(1_000));
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_new_here_meets_fewer_new_people() {
    let budgets = Budgets {
        new_strangers: Budget::per_day(20),
        ..PLENTY
    };
    let (_world, rpc, fake) = service_with(with(budgets)).await;
    for (age, people) in [
        (Duration::ZERO, 5),
        (HOUR * 3 - Duration::from_millis(1), 5),
        (HOUR * 3, 10),
        (HOUR * 72 - Duration::from_millis(1), 10),
        (HOUR * 72, 20),
    ] {
        let ada = open(&fake);
        fake.with(|state| {
            let standing = state.standings.get_mut(&ada.to_string()).unwrap();
            standing.create_time = Some(NOW.minus(age).to_proto());
        });
        let mut met = 0;
        for _ in 0..21 {
            let other = open(&fake);
            match wait(&rpc, ada, other, "hello").await {
                None => met += 1,
                // In units of 72 minutes.
                Some(after) => assert_eq!(after, 72 * 60_000 * (20 / people)),
            }
        }
        assert_eq!(met, people, "{age:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_opening_a_request_is_charged_as_meeting_somebody() {
    let budgets = Budgets {
        new_strangers: Budget::new(1, 60_000),
        inbound_person: Budget::new(1, 60_000),
        ..PLENTY
    };
    let (world, rpc, fake) = service_with(with(budgets)).await;
    let (ada, ben, cleo, friend) = (open(&fake), open(&fake), open(&fake), open(&fake));
    for id in ["1", "2", "3"] {
        assert_eq!(wait(&rpc, ada, ben, id).await, None);
    }
    assert_eq!(wait(&rpc, ada, cleo, "1").await, Some(60_000));
    // Cleo may meet somebody, but Ben has heard of one already: one form for both.
    assert_eq!(wait(&rpc, cleo, ben, "1").await, Some(60_000));
    // Friends, and those who follow, are nobody new.
    fake.befriend(ada, friend);
    assert_eq!(wait(&rpc, ada, friend, "1").await, None);
    assert_eq!(wait(&rpc, cleo, friend, "1").await, None);
    rpc.clock.advance(SECOND * 60);
    assert_eq!(wait(&rpc, ada, cleo, "1").await, None);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_business_hears_from_more_strangers_than_a_person() {
    let budgets = Budgets {
        inbound_person: Budget::new(2, 30_000),
        inbound_business: Budget::new(5, 100),
        ..PLENTY
    };
    let (_world, rpc, fake) = service_with(with(budgets)).await;
    for (kind, burst, interval) in [
        (AccountKind::Personal, 2, 30_000),
        (AccountKind::Business, 5, 100),
    ] {
        let ada = open(&fake);
        fake.with(|state| {
            let standing = state.standings.get_mut(&ada.to_string()).unwrap();
            standing.kind = kind.into();
        });
        for _ in 0..burst {
            assert_eq!(wait(&rpc, open(&fake), ada, "1").await, None);
        }
        assert_eq!(wait(&rpc, open(&fake), ada, "1").await, Some(interval));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replying_accepting_and_declining_are_free() {
    let budgets = Budgets {
        attempts: Budget::new(1, 3_600_000),
        pair: Budget::new(1, 3_600_000),
        new_strangers: Budget::new(1, 3_600_000),
        ..PLENTY
    };
    let (world, rpc, fake) = service_with(with(budgets)).await;
    let (ada, friend) = (open(&fake), open(&fake));
    fake.befriend(ada, friend);
    delivered(send(&rpc, ada, friend, "all").await);
    assert!(wait(&rpc, ada, friend, "more").await.is_some());
    for n in 0..3 {
        let ben = open(&fake);
        let asked = delivered(send(&rpc, ben, ada, "hello").await);
        let conversation_id = asked.message.unwrap().conversation_id;
        match n {
            0 => {
                delivered(send(&rpc, ada, ben, "reply").await);
                // What comes after it is a conversation like others.
                assert!(wait(&rpc, ada, ben, "more").await.is_some());
            }
            1 => {
                let accept = AcceptRequestRequest { conversation_id };
                rpc.accept_request(by(ada, LONG, accept)).await.unwrap();
            }
            _ => {
                let decline = DeclineRequestRequest {
                    conversation_id,
                    ..DeclineRequestRequest::default()
                };
                rpc.decline_request(by(ada, LONG, decline)).await.unwrap();
            }
        }
    }
    // Whoever may not reply probes no further than others.
    let ben = open(&fake);
    delivered(send(&rpc, ben, ada, "hello").await);
    fake.let_write(ada, WhoCanMessage::NoOne);
    assert!(wait(&rpc, ada, ben, "reply").await.is_some());
    world.audit().await;
}

/// Four clients of two processes, as many messages as the test machine can hold at once.
#[tokio::test(flavor = "multi_thread")]
async fn parallel_clients_get_exactly_what_the_budget_holds() {
    let burst = 7;
    let budgets = Budgets {
        new_strangers: Budget::new(burst, 60_000),
        ..PLENTY
    };
    let (world, first, fake) = service_with(with(budgets)).await;
    let second = replica(&world, &fake, &Clock::manual(NOW), with(budgets));
    let ada = open(&fake);
    let strangers: Vec<_> = (0..16).map(|_| open(&fake)).collect();
    let clients = (0..4).map(|client| {
        let rpc = Arc::clone(if client % 2 == 0 { &first } else { &second });
        let strangers = strangers[client * 4..][..4].to_vec();
        tokio::spawn(async move {
            let sends = strangers.iter().map(|to| send(&rpc, ada, *to, "hello"));
            join_all(sends).await
        })
    });
    let mut met = HashSet::new();
    for answers in join_all(clients).await {
        for answer in answers.unwrap() {
            if is_delivered(&answer) {
                met.insert(delivered(answer).message.unwrap().conversation_id);
            } else {
                assert_eq!(refused(answer).reason(), RefusalReason::RateLimited);
            }
        }
    }
    assert_eq!(met.len(), usize::try_from(burst).unwrap());
    assert_eq!(world.messages().await.len(), met.len());
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_limits_nothing_is_charged_or_counted() {
    let (world, rpc, fake) = service_with(|config| config.budgets = None).await;
    let ada = open(&fake);
    for n in 0..130 {
        let answer = refused(send(&rpc, ada, person(), &format!("{n}")).await);
        assert_eq!(answer.reason(), RefusalReason::NotAccepting);
    }
    for _ in 0..25 {
        delivered(send(&rpc, ada, open(&fake), "hello").await);
    }
    let left = world.store.pair(ada, person()).await.unwrap().left;
    assert_eq!(left, crate::domain::Left::default());
    world.audit().await;
}
