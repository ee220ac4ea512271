//! Requests: what strangers wrote, until it is accepted, declined or answered.

use std::time::Duration;

use postern_proto::{
    common::v1::ErrorReason,
    messaging::v1::{AcceptRequestRequest, DeclineRequestRequest, Placement},
    policy::v1::{RefusalReason, WhoCanMessage},
};
use tonic::{Code, Status};

use crate::suite::{Person, Suite, assert_fails, delivered, placement, reason, repetitions};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn accept(person: &Person, conversation: &str) -> Result<String, Status> {
    let ask = person.ask(AcceptRequestRequest {
        conversation_id: conversation.to_owned(),
    });
    let accepted = person.requests().accept_request(ask).await?.into_inner();
    Ok(accepted.conversation.unwrap().conversation_id)
}

async fn decline(person: &Person, conversation: &str) -> Result<(), Status> {
    let ask = person.ask(DeclineRequestRequest {
        conversation_id: conversation.to_owned(),
        block: false,
    });
    person.requests().decline_request(ask).await.map(|_| ())
}

/// Ada, whom everyone may write to, and Ben, who wrote; and their conversation.
async fn asked(suite: &Suite) -> (Person, Person, String) {
    let (ada, ben) = (suite.open_person("ada").await, suite.person("ben").await);
    let sent = delivered(ben.send(&ada, "one").await);
    assert_eq!(sent.placement(), Placement::Request);
    (ada, ben, sent.message.unwrap().conversation_id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_takes_three_messages_and_acceptance_lets_them_in() {
    let suite = Suite::start().await;
    let (ada, ben, conversation) = asked(&suite).await;
    assert_eq!(placement(ben.send(&ada, "two").await), Placement::Request);
    assert_eq!(placement(ben.send(&ada, "three").await), Placement::Request);
    assert_eq!(
        reason(ben.send(&ada, "four").await),
        RefusalReason::AwaitingAcceptance
    );
    let listed = ada.filtered().await;
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].sender_id.clone(), listed[0].message_count),
        (ben.id.to_string(), 3)
    );
    assert_eq!(listed[0].last_message.as_ref().unwrap().seq, 3);
    assert!(ada.inbox().await.is_empty());
    // To its sender it is a conversation like any other.
    assert_eq!(ben.inbox().await, std::slice::from_ref(&conversation));

    assert_eq!(accept(&ada, &conversation).await.unwrap(), conversation);
    assert_eq!(accept(&ada, &conversation).await.unwrap(), conversation);
    assert!(ada.filtered().await.is_empty());
    assert_eq!(ada.inbox().await, std::slice::from_ref(&conversation));
    assert_eq!(placement(ben.send(&ada, "four").await), Placement::Inbox);
    let read = ada.read(&conversation).await.unwrap();
    assert_eq!(read.iter().map(|m| m.seq).collect::<Vec<_>>(), [4, 3, 2, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_accepts_and_a_refused_one_does_not() {
    let suite = Suite::start().await;
    let (ada, ben, conversation) = asked(&suite).await;
    ben.let_write(WhoCanMessage::NoOne).await;
    assert_eq!(
        reason(ada.send(&ben, "hi").await),
        RefusalReason::RecipientMessagesAreOff
    );
    assert_eq!(ada.filtered().await.len(), 1);
    // Ben wrote first, so Ada may answer although she is no friend of his.
    ben.let_write(WhoCanMessage::Friends).await;
    assert_eq!(placement(ada.send(&ben, "hi").await), Placement::Inbox);
    assert!(ada.filtered().await.is_empty());
    assert_eq!(ada.inbox().await, [conversation]);
    assert_eq!(placement(ben.send(&ada, "and on").await), Placement::Inbox);
}

#[tokio::test(flavor = "multi_thread")]
async fn declining_is_silent_and_cools_down() {
    let suite = Suite::start().await;
    let (ada, ben, conversation) = asked(&suite).await;
    let before = ben.read(&conversation).await.unwrap();
    decline(&ada, &conversation).await.unwrap();
    decline(&ada, &conversation).await.unwrap();
    assert!(ada.filtered().await.is_empty() && ada.inbox().await.is_empty());
    assert_eq!(ben.read(&conversation).await.unwrap(), before);
    assert_eq!(ben.inbox().await, std::slice::from_ref(&conversation));
    assert_eq!(
        reason(ben.send(&ada, "two").await),
        RefusalReason::AwaitingAcceptance
    );
    let accepted = accept(&ada, &conversation).await;
    assert_fails(accepted, Code::NotFound, ErrorReason::RequestNotFound);

    suite.pass(30 * DAY);
    let ben = Person {
        token: suite.token(ben.id, suite.clock.now()),
        ..ben
    };
    let ada = Person {
        token: suite.token(ada.id, suite.clock.now()),
        ..ada
    };
    assert_eq!(placement(ben.send(&ada, "two").await), Placement::Request);
    assert_eq!(ada.filtered().await[0].message_count, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_recipient_of_a_pending_request_settles_it() {
    let suite = Suite::start().await;
    let (ada, ben, conversation) = asked(&suite).await;
    let cleo = suite.person("cleo").await;
    for person in [&ben, &cleo] {
        let accepted = accept(person, &conversation).await;
        assert_fails(accepted, Code::NotFound, ErrorReason::RequestNotFound);
        let declined = decline(person, &conversation).await;
        assert_fails(declined, Code::NotFound, ErrorReason::RequestNotFound);
    }
    ada.let_write(WhoCanMessage::NoOne).await;
    let accepted = accept(&ada, &conversation).await;
    assert_fails(
        accepted,
        Code::FailedPrecondition,
        ErrorReason::YourMessagesAreOff,
    );
    assert_eq!(ada.filtered().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_ends_with_an_unfollow_and_lapses_with_tightening() {
    let suite = Suite::start().await;
    let (ada, ben, conversation) = asked(&suite).await;
    accept(&ada, &conversation).await.unwrap();
    assert_eq!(placement(ben.send(&ada, "in").await), Placement::Inbox);
    // A pause through NO_ONE keeps what counted; leaving EVERYONE lapses it.
    ada.let_write(WhoCanMessage::NoOne).await;
    assert_eq!(
        reason(ben.send(&ada, "x").await),
        RefusalReason::RecipientMessagesAreOff
    );
    ada.let_write(WhoCanMessage::Friends).await;
    assert_eq!(
        reason(ben.send(&ada, "x").await),
        RefusalReason::MutualFollowRequired
    );
    // A later act of Ada renews it.
    assert_eq!(
        placement(ada.send(&ben, "still here").await),
        Placement::Inbox
    );
    assert_eq!(placement(ben.send(&ada, "good").await), Placement::Inbox);
    ada.let_write(WhoCanMessage::NoOne).await;
    ada.let_write(WhoCanMessage::Friends).await;
    assert_eq!(placement(ben.send(&ada, "kept").await), Placement::Inbox);
    // Following and unfollowing ends it.
    ada.follow(&ben).await;
    ada.unfollow(&ben).await;
    assert_eq!(
        reason(ben.send(&ada, "x").await),
        RefusalReason::MutualFollowRequired
    );
    assert_eq!(ada.inbox().await, [conversation]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_ends_everything_and_unblocking_restores_nothing() {
    let suite = Suite::start().await;
    let (ada, ben) = (
        suite.open_person("ada").await,
        suite.open_person("ben").await,
    );
    ada.befriend(&ben).await;
    assert_eq!(placement(ben.send(&ada, "hi").await), Placement::Inbox);
    ada.block(&ben).await;
    assert_eq!(
        reason(ben.send(&ada, "x").await),
        RefusalReason::NotAccepting
    );
    assert_eq!(
        reason(ada.send(&ben, "x").await),
        RefusalReason::YouBlockedRecipient
    );
    ada.unblock(&ben).await;
    assert_eq!(placement(ben.send(&ada, "again").await), Placement::Request);
}

#[tokio::test(flavor = "multi_thread")]
async fn crossing_first_messages_leave_nobody_with_a_request() {
    let suite = Suite::start().await;
    for round in 0..repetitions(10, 100) {
        let a = suite.open_person(&format!("a{round}")).await;
        let b = suite.open_person(&format!("b{round}")).await;
        let (one, other) = tokio::join!(a.send(&b, "from a"), b.send(&a, "from b"));
        delivered(one);
        let conversation = delivered(other).message.unwrap().conversation_id;
        for person in [&a, &b] {
            assert!(person.filtered().await.is_empty(), "round {round}");
            assert_eq!(
                person.inbox().await,
                std::slice::from_ref(&conversation),
                "round {round}"
            );
            assert_eq!(person.read(&conversation).await.unwrap().len(), 2);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_edge_moves_what_waits_at_the_next_send() {
    let suite = Suite::start().await;
    let (ada, ben, conversation) = asked(&suite).await;
    ada.follow(&ben).await;
    assert_eq!(ada.filtered().await.len(), 1);
    assert_eq!(placement(ben.send(&ada, "two").await), Placement::Inbox);
    assert!(ada.filtered().await.is_empty());
    assert_eq!(ada.inbox().await, [conversation]);
}
