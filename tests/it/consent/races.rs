//! What two do at the same moment, and what many do through two replicas.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use postern_proto::{
    event::v1::event::Body,
    messaging::v1::{Placement, SendMessageResponse, send_message_response::Outcome},
    policy::v1::{RefusalReason, WhoCanMessage},
};

use super::transcript::Told;
use crate::suite::{Person, Suite, delivered, placement, repetitions};

#[tokio::test(flavor = "multi_thread")]
async fn two_who_write_first_at_once_leave_no_request() {
    let suite = Suite::start_with(&[("POSTERN_LIMITS", "off")]).await;
    let other = suite.replica(&[("POSTERN_LIMITS", "off")]).await;
    let ada = suite.open_person("ada").await;
    for round in 0..repetitions(100, 1_000) {
        let ben = suite.open_person(&format!("ben{round}")).await;
        let through = other.seen_by(&ben);
        let (one, two) = tokio::join!(ada.send(&ben, "hello Ben"), through.send(&ada, "hello Ada"));
        let (one, two) = (delivered(one), delivered(two));
        let both = [one.placement(), two.placement()];
        // Whoever was first asked, and the other's message was the answer.
        assert!(both.contains(&Placement::Inbox), "{both:?}");
        let id = one.message.unwrap().conversation_id;
        for person in [&ada, &ben] {
            assert!(person.filtered().await.is_empty(), "round {round}");
            assert_eq!(person.read(&id).await.unwrap().len(), 2);
            assert!(person.inbox().await.contains(&id), "round {round}");
        }
        assert_eq!(placement(ada.send(&ben, "and on").await), Placement::Inbox);
        ada.block(&ben).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_who_accept_at_once_accept_once() {
    let suite = Suite::start().await;
    let other = suite.replica(&[]).await;
    let (ada, ben) = (suite.open_person("ada").await, suite.person("ben").await);
    let id = delivered(ben.send(&ada, "hello").await).message.unwrap();
    let id = id.conversation_id;
    let accepting = (0..20).map(|number| {
        let (ada, id) = (ada.clone(), id.clone());
        let ada = if number % 2 == 0 {
            ada
        } else {
            other.seen_by(&ada)
        };
        async move { ada.accept(&id).await }
    });
    for accepted in join_all(accepting).await {
        accepted.unwrap();
    }
    let told = Told::of(&suite).await;
    // As they are stored: which replica publishes them is a matter of chance.
    let accepted = told.events().await.into_iter();
    let accepted = accepted.filter(|event| matches!(event.body, Some(Body::RequestAccepted(_))));
    assert_eq!(accepted.count(), 1);
    let rows = told.kinds(&ben).await;
    let told = rows.iter().filter(|kind| *kind == "request_accepted");
    assert_eq!(told.count(), 1, "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_exact_for_four_clients_of_two_replicas() {
    let suite = Suite::start().await;
    let other = suite.replica(&[]).await;
    for round in 0..repetitions(3, 30) {
        let ada = suite.person(&format!("ada{round}")).await;
        let mut friends = Vec::new();
        // Of several, so that it is the sender's budget that runs out, not a pair's.
        for number in 0..4 {
            let friend = suite.person(&format!("f{round}.{number}")).await;
            ada.befriend(&friend).await;
            friends.push(Arc::new(friend));
        }
        let clients = friends.iter().enumerate().map(|(number, friend)| {
            let through = if number % 2 == 0 {
                ada.clone()
            } else {
                other.seen_by(&ada)
            };
            let friend = Arc::clone(friend);
            tokio::spawn(async move { flood(&through, &friend, 25).await })
        });
        let counts = join_all(clients).await.into_iter().map(Result::unwrap);
        let (stored, limited) = counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        assert_eq!((stored, limited), (60, 40), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_may_send_to_another_is_counted_exactly() {
    let more = [("POSTERN_MESSAGING_ATTEMPTS_PER_MINUTE", "600")];
    let suite = Suite::start_with(&more).await;
    let other = suite.replica(&more).await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    ada.befriend(&ben).await;
    let clients = (0..4).map(|number| {
        let through = if number % 2 == 0 {
            ada.clone()
        } else {
            other.seen_by(&ada)
        };
        let named = Person {
            handle: format!("{}{number}", ben.handle),
            ..ben.clone()
        };
        tokio::spawn(async move { flood(&through, &named, 25).await })
    });
    let counts = join_all(clients).await.into_iter().map(Result::unwrap);
    let (stored, limited) = counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    assert_eq!((stored, limited), (60, 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn how_many_strangers_one_hears_from_is_counted_exactly() {
    let suite = Suite::start().await;
    let other = suite.replica(&[]).await;
    let ada = suite.open_person("ada").await;
    let mut strangers = Vec::new();
    for number in 0..26 {
        strangers.push(suite.person(&format!("s{number}")).await);
    }
    let sending = strangers.iter().enumerate().map(|(number, stranger)| {
        let through = if number % 2 == 0 {
            stranger.clone()
        } else {
            other.seen_by(stranger)
        };
        let ada = &ada;
        async move {
            through
                .send(ada, &format!("hello from number {number}"))
                .await
        }
    });
    let answers = join_all(sending).await;
    let stored =
        |answer: &&SendMessageResponse| matches!(answer.outcome, Some(Outcome::Delivered(_)));
    assert_eq!(answers.iter().filter(stored).count(), 20);
    assert_eq!(ada.filtered().await.len(), 20);
}

/// Sends so many messages, four at a time; how many were stored, and how many were too many.
async fn flood(from: &Person, to: &Person, messages: usize) -> (usize, usize) {
    let (mut stored, mut limited) = (0, 0);
    for batch in (0..messages).collect::<Vec<_>>().chunks(4) {
        let sending = batch.iter().map(|number| async move {
            let id = format!("{}-{number}", to.handle);
            from.send_as(to, &id, "hello").await.unwrap()
        });
        for answer in join_all(sending).await {
            match answer.outcome.unwrap() {
                Outcome::Delivered(_) => stored += 1,
                Outcome::Refused(refused) => {
                    assert_eq!(refused.reason(), RefusalReason::RateLimited);
                    assert!(refused.retry_after.is_some());
                    limited += 1;
                }
            }
        }
    }
    (stored, limited)
}

#[tokio::test(flavor = "multi_thread")]
async fn new_people_are_counted_exactly_as_well() {
    let suite = Suite::start().await;
    let other = suite.replica(&[]).await;
    let ada = suite.person("ada").await;
    // A day-old account counts every new person twice, until it is three days old.
    suite.pass(Duration::from_secs(4 * 24 * 60 * 60));
    let ada = suite.renewed(&ada);
    let mut strangers = Vec::new();
    for number in 0..26 {
        let stranger = suite.person(&format!("s{number}")).await;
        stranger.let_write(WhoCanMessage::Everyone).await;
        strangers.push(stranger);
    }
    let sending = strangers.iter().enumerate().map(|(number, stranger)| {
        let through = if number % 2 == 0 {
            ada.clone()
        } else {
            other.seen_by(&ada)
        };
        async move {
            through
                .send(stranger, &format!("hello, number {number}"))
                .await
        }
    });
    let answers = join_all(sending).await;
    let delivered = answers
        .iter()
        .filter(|answer| matches!(answer.outcome, Some(Outcome::Delivered(_))));
    assert_eq!(delivered.count(), 20);
    let mut reached = 0;
    for stranger in &strangers {
        reached += stranger.filtered().await.len();
    }
    assert_eq!(reached, 20);
}
