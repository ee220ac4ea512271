//! What people may count on after a "no", a pause, or having asked.

use std::{sync::Arc, time::Duration};

use postern_proto::{
    common::v1::ErrorReason,
    event::v1::Event,
    identity::v1::{GetMyStandingRequest, ReactivateAccountRequest},
    messaging::v1::{
        ConversationFolder, ExplainReceiveRequest, ListConsentsRequest, PeerState, Placement,
        RequestTier,
    },
    policy::v1::{Enforcement, Lifecycle, RefusalReason, SanctionKind, WhoCanMessage},
};
use tokio::{sync::broadcast::Receiver, time::timeout};
use tonic::Code;

use super::{transcript::Told, writes::suspend_for_a_day};
use crate::suite::{Person, Suite, assert_fails, delivered, placement, reason, repetitions};

const MINUTE: Duration = Duration::from_secs(60);

fn conversation(answer: postern_proto::messaging::v1::SendMessageResponse) -> String {
    delivered(answer).message.unwrap().conversation_id
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_unfollow_the_very_next_message_through_another_replica_is_refused() {
    let suite = Suite::start().await;
    let other = suite.replica(&[]).await;
    let (mut ada, mut ben) = (suite.person("ada").await, suite.person("ben").await);
    for _ in 0..repetitions(50, 500) {
        ada.befriend(&ben).await;
        assert_eq!(placement(ada.send(&ben, "hello").await), Placement::Inbox);
        ben.unfollow(&ada).await;
        let next = other.seen_by(&ada).send(&ben, "are you there?").await;
        assert_eq!(reason(next), RefusalReason::MutualFollowRequired);
        // Ada is not asked to follow first, so that both follow again in the next round.
        suite.pass(MINUTE);
        (ada, ben) = (suite.renewed(&ada), suite.renewed(&ben));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_keeps_what_counted_before_and_tightening_does_not() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.open_person("ben").await);
    // Ada wrote first, so Ben may answer although she takes messages from friends alone.
    assert_eq!(placement(ada.send(&ben, "hello").await), Placement::Request);
    assert_eq!(placement(ben.send(&ada, "hi").await), Placement::Inbox);
    ada.let_write(WhoCanMessage::NoOne).await;
    let refused = reason(ben.send(&ada, "and?").await);
    assert_eq!(refused, RefusalReason::RecipientMessagesAreOff);
    ada.let_write(WhoCanMessage::Friends).await;
    assert_eq!(placement(ben.send(&ada, "there?").await), Placement::Inbox);
    // Leaving EVERYONE is another matter: what Ben agreed to before counts no more …
    assert_eq!(placement(ada.send(&ben, "yes").await), Placement::Inbox);
    ben.let_write(WhoCanMessage::Friends).await;
    let refused = reason(ada.send(&ben, "Ben?").await);
    assert_eq!(refused, RefusalReason::MutualFollowRequired);
    // … until he does something of the kind again.
    assert_eq!(
        placement(ben.send(&ada, "still here").await),
        Placement::Inbox
    );
    assert_eq!(placement(ada.send(&ben, "good").await), Placement::Inbox);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_everyone_through_a_pause_has_left_it() {
    let suite = Suite::start().await;
    let (ada, ben) = (
        suite.open_person("ada").await,
        suite.open_person("ben").await,
    );
    assert_eq!(placement(ada.send(&ben, "hello").await), Placement::Request);
    // Ada's consent to hear from Ben was given under EVERYONE; back there it still counts …
    for who in [WhoCanMessage::NoOne, WhoCanMessage::Everyone] {
        ada.let_write(who).await;
    }
    assert_eq!(placement(ben.send(&ada, "hi").await), Placement::Inbox);
    // … and on the way to FRIENDS a pause does not save it.
    for who in [WhoCanMessage::NoOne, WhoCanMessage::Friends] {
        ada.let_write(who).await;
    }
    let refused = reason(ben.send(&ada, "hi?").await);
    assert_eq!(refused, RefusalReason::MutualFollowRequired);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_rounds_of_sending_and_unsending_reach_the_folder_three_times() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.open_person("ada").await, suite.person("ben").await);
    let (mut reached, mut refused) = (0, 0);
    for round in 0..10 {
        let answer = ben.send(&ada, &format!("round {round}")).await;
        if ada.filtered().await.is_empty() {
            assert_eq!(reason(answer), RefusalReason::AwaitingAcceptance);
            refused += 1;
            continue;
        }
        reached += 1;
        assert_eq!(
            ada.listed_requests(RequestTier::Filtered)
                .await
                .filtered_count,
            1
        );
        let message = delivered(answer).message.unwrap();
        ben.unsend(&message.conversation_id, message.seq)
            .await
            .unwrap();
        let listed = ada.listed_requests(RequestTier::Filtered).await;
        assert_eq!((listed.requests.len(), listed.filtered_count), (0, 0));
        // There is nothing left to say yes or no to.
        let id = &message.conversation_id;
        let gone = |answer| assert_fails(answer, Code::NotFound, ErrorReason::RequestNotFound);
        gone(ada.accept(id).await.map(drop));
        gone(ada.decline(id, false).await.map(drop));
    }
    assert_eq!((reached, refused), (3, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_appears_after_an_unblock_or_a_loosening() {
    let suite = Suite::start().await;
    let (ada, ben, eve) = (
        suite.person("ada").await,
        suite.person("ben").await,
        suite.person("eve").await,
    );
    ada.befriend(&ben).await;
    let id = conversation(ben.send(&ada, "before").await);
    let blocked = ada.block(&ben).await;
    assert_eq!(blocked.enforcement(), Enforcement::Enforced);
    for _ in 0..3 {
        assert_eq!(
            reason(ben.send(&ada, "hidden?").await),
            RefusalReason::NotAccepting
        );
    }
    assert!(ada.inbox().await.is_empty());
    let kept = ada.conversations_in(ConversationFolder::Blocked).await;
    assert_eq!(
        kept.len(),
        1,
        "what was written stays readable to who blocks"
    );
    ada.unblock(&ben).await;
    assert!(
        ada.conversations_in(ConversationFolder::Blocked)
            .await
            .is_empty()
    );
    assert_eq!(ada.read(&id).await.unwrap().len(), 1);
    assert!(ada.filtered().await.is_empty());
    // Nothing of what was between them is back.
    assert_eq!(
        reason(ben.send(&ada, "again").await),
        RefusalReason::MutualFollowRequired
    );
    let refused = reason(eve.send(&ada, "let me in").await);
    assert_eq!(refused, RefusalReason::MutualFollowRequired);
    ada.let_write(WhoCanMessage::Everyone).await;
    assert!(ada.filtered().await.is_empty());
    assert_eq!(ada.read(&id).await.unwrap().len(), 1);
    assert_eq!(
        placement(ben.send(&ada, "a stranger").await),
        Placement::Request
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_person_keeps_the_words_and_loses_the_person() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    ada.befriend(&ben).await;
    let id = conversation(ben.send(&ada, "hello").await);
    ada.send(&ben, "hello to you").await;
    ada.block(&ben).await;
    let inbox = ben.conversations_in(ConversationFolder::Inbox).await;
    let [listed] = inbox.as_slice() else {
        panic!("the words stay: {inbox:?}");
    };
    assert_eq!(listed.peer_state(), PeerState::Gone);
    assert_eq!(ben.read(&id).await.unwrap().len(), 2);
    // Even here the author of a message can take it back.
    let left = ben.unsend(&id, 1).await.unwrap();
    assert!(left.content.is_none() && left.delete_time.is_some());
    let seen = ada.read(&id).await.unwrap();
    assert!(seen[1].content.is_none() && seen[0].content.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn blocking_works_without_any_conversation() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.open_person("ada").await, suite.person("ben").await);
    assert_eq!(ada.block(&ben).await.enforcement(), Enforcement::Enforced);
    assert_eq!(
        reason(ben.send(&ada, "hello").await),
        RefusalReason::NotAccepting
    );
    assert!(
        ada.conversations_in(ConversationFolder::Blocked)
            .await
            .is_empty()
    );
    ada.unblock(&ben).await;
    assert_eq!(placement(ben.send(&ada, "hello").await), Placement::Request);
    assert_eq!(ada.filtered().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn declining_can_block_as_well() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.open_person("ada").await, suite.person("ben").await);
    let id = conversation(ben.send(&ada, "hello").await);
    let declined = ada.decline(&id, true).await.unwrap();
    assert_eq!(declined.block_enforcement(), Enforcement::Enforced);
    assert!(ada.filtered().await.is_empty());
    assert_eq!(
        reason(ben.send(&ada, "why?").await),
        RefusalReason::NotAccepting
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_suspended_stays_so_through_leaving_and_coming_back() {
    let suite = Suite::start().await;
    let mia = suite.moderator("mia").await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    ada.befriend(&ben).await;
    suspend_for_a_day(&suite, &mia, &ben).await;
    let left = suite.restricted(&ben);
    left.deactivate().await;
    let ask = left.ask(ReactivateAccountRequest {});
    left.accounts().reactivate_account(ask).await.unwrap();
    let ask = left.ask(GetMyStandingRequest {});
    let standing = left
        .standing()
        .get_my_standing(ask)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(standing.lifecycle(), Lifecycle::Active);
    assert_eq!(standing.actions.len(), 1);
    assert_eq!(standing.actions[0].kind(), SanctionKind::Suspended);
    assert_eq!(
        reason(ada.send(&ben, "back?").await),
        RefusalReason::NotAccepting
    );
    assert_eq!(
        reason(ben.send(&ada, "back!").await),
        RefusalReason::SenderRestricted
    );
    // A day later it is over by itself, and what was there is there again.
    suite.pass(Duration::from_secs(24 * 60 * 60 + 1));
    let (ada, ben) = (suite.renewed(&ada), suite.renewed(&ben));
    assert_eq!(placement(ben.send(&ada, "back!").await), Placement::Inbox);
    assert_eq!(placement(ada.send(&ben, "welcome").await), Placement::Inbox);
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_requests_tells_their_senders_nothing() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.open_person("ada").await, suite.person("ben").await);
    let told = Told::of(&suite).await;
    let mut events = suite.running.events();
    let id = conversation(ben.send(&ada, "hello").await);
    assert_eq!(next_of_messaging(&mut events).await, "message.created");
    assert_eq!(next_of_messaging(&mut events).await, "request.created");
    let before = seen_by(&told, &ben, &ada, &id).await;
    for _ in 0..3 {
        ada.filtered().await;
        ada.listed_requests(RequestTier::Hidden).await;
        ada.read(&id).await.unwrap();
        ada.explain(&ben).await.unwrap();
        let ask = ada.ask(ExplainReceiveRequest {
            person: ben.reference(),
        });
        ada.consents().explain_receive(ask).await.unwrap();
        let ask = ada.ask(ListConsentsRequest::default());
        ada.consents().list_consents(ask).await.unwrap();
    }
    assert_eq!(seen_by(&told, &ben, &ada, &id).await, before);
    // Told after everything that the reading could have told.
    ada.accept(&id).await.unwrap();
    assert_eq!(next_of_messaging(&mut events).await, "request.accepted");
}

/// The name of the next event about a message or a request.
async fn next_of_messaging(events: &mut Receiver<Arc<Event>>) -> String {
    loop {
        let event = timeout(MINUTE, events.recv()).await.unwrap().unwrap();
        if event.name.starts_with("message.") || event.name.starts_with("request.") {
            return event.name.clone();
        }
    }
}

/// Everything that the sender of a request can see of it.
async fn seen_by(told: &Told, ben: &Person, ada: &Person, id: &str) -> String {
    let mailbox = told.count(ben).await;
    let inbox = ben.conversations_in(ConversationFolder::Inbox).await;
    let read = ben.read(id).await.unwrap();
    let explained = ben.explain(ada).await.unwrap();
    format!("{mailbox:?} {inbox:?} {read:?} {explained:?}")
}
