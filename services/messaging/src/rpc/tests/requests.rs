//! Accepting and declining: alone, at once, with a block, and many together.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use postern_proto::{
    common::v1::ErrorReason,
    identity::v1::Sanction,
    messaging::v1::{
        AcceptRequestRequest, BatchDeclineRequestsRequest, BatchDeclineRequestsResponse,
        Conversation, DeclineRequestRequest, DeclineRequestResponse, PeerState, RequestTier,
        request_service_server::RequestService as _,
    },
    policy::v1::{AgeBand, Enforcement, Lifecycle, RefusalReason, SanctionKind, WhoCanMessage},
};
use postern_shared::{caller::ServiceName, clock::Timestamp, id::UserId};
use tonic::{Code, Status};

use super::{
    LONG, Rpc, by, delivered, fails,
    fake::{Fake, Fault, service},
    raising::{block, conversations, messages, requests},
    refused, send,
};
use crate::{
    commit::events,
    domain::{Folder, Request},
    store::World,
};

async fn accept(rpc: &Rpc, user: UserId, id: &str) -> Result<Conversation, Status> {
    let conversation_id = id.to_owned();
    let ask = AcceptRequestRequest { conversation_id };
    let answer = rpc.accept_request(by(user, LONG, ask)).await?;
    Ok(answer.into_inner().conversation.unwrap())
}

async fn decline(
    rpc: &Rpc,
    user: UserId,
    id: &str,
    block: bool,
) -> Result<DeclineRequestResponse, Status> {
    let conversation_id = id.to_owned();
    let ask = DeclineRequestRequest {
        conversation_id,
        block,
    };
    Ok(rpc.decline_request(by(user, LONG, ask)).await?.into_inner())
}

async fn decline_all(
    rpc: &Rpc,
    user: UserId,
    conversation_ids: Vec<String>,
) -> Result<BatchDeclineRequestsResponse, Status> {
    let ask = BatchDeclineRequestsRequest { conversation_ids };
    let answer = rpc.batch_decline_requests(by(user, LONG, ask)).await?;
    Ok(answer.into_inner())
}

/// Ben asked Ada, in this conversation.
async fn asked(rpc: &Rpc, fake: &Fake) -> (UserId, UserId, String) {
    let (ada, ben) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    let sent = delivered(send(rpc, ben, ada, "1").await).message.unwrap();
    (ada, ben, sent.conversation_id)
}

async fn told(world: &World, name: &str) -> usize {
    let events = events(world).await;
    events.iter().filter(|event| event.name == name).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_accepts_at_once_are_one() {
    let (world, rpc, fake) = service().await;
    let (ada, ben, id) = asked(&rpc, &fake).await;
    let accepted = join_all((0..20).map(|_| accept(&rpc, ada, &id))).await;
    for conversation in accepted {
        let conversation = conversation.unwrap();
        assert_eq!(conversation.conversation_id, id);
        assert_eq!(conversation.peer_state(), PeerState::Present);
    }
    assert_eq!(told(&world, "request.accepted").await, 1);
    for user in [ada, ben] {
        assert_eq!(world.events(user).await.len(), 1);
        assert_eq!(conversations(&rpc, user, 0).await.len(), 1);
    }
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_can_be_accepted_and_what_was_withdrawn_cannot() {
    let (world, rpc, fake) = service().await;
    let (ada, _, id) = asked(&rpc, &fake).await;
    let hidden = Folder::Hidden.as_str();
    world
        .run(&format!(
            "UPDATE participant SET folder = '{hidden}' WHERE folder = 'requests'"
        ))
        .await;
    let listed = requests(&rpc, ada, RequestTier::Hidden).await;
    assert_eq!(
        (
            listed.requests.len(),
            listed.hidden_count,
            listed.filtered_count
        ),
        (1, 1, 0)
    );
    accept(&rpc, ada, &id).await.unwrap();
    assert_eq!(conversations(&rpc, ada, 0).await.len(), 1);

    let (ada, ben, id) = asked(&rpc, &fake).await;
    let expired = (world.store)
        .expire_requests(Timestamp::from_unix_millis(0), rpc.clock.now().plus(LONG))
        .await;
    assert_eq!(expired, Ok(1));
    let not_found = |answer| fails(answer, Code::NotFound, ErrorReason::RequestNotFound);
    not_found(accept(&rpc, ada, &id).await.map(drop));
    not_found(decline(&rpc, ada, &id, false).await.map(drop));
    let pair = world.conversation_of(ada, ben).await;
    assert_eq!(pair.side(ben).request, Request::Withdrawn { sent: 1 });
    // He can tell no difference: the second and the third go out, the fourth waits.
    for id in ["2", "3"] {
        delivered(send(&rpc, ben, ada, id).await);
    }
    let fourth = refused(send(&rpc, ben, ada, "4").await);
    assert_eq!(fourth.reason(), RefusalReason::AwaitingAcceptance);
    accept(&rpc, ada, &id).await.unwrap();
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_gone_accepts_nothing_and_may_decline() {
    let (world, rpc, fake) = service().await;
    let (active, away) = (Lifecycle::Active, Lifecycle::Deactivated);
    let (none, suspended) = (None, Some(SanctionKind::Suspended));
    for (lifecycle, kind) in [
        (away, none),
        (Lifecycle::Erasing, none),
        (active, suspended),
    ] {
        let (ada, ben, id) = asked(&rpc, &fake).await;
        let before = world.conversation_of(ada, ben).await;
        fake.with(|state| {
            let standing = state.standings.get_mut(&ada.to_string()).unwrap();
            standing.lifecycle = lifecycle.into();
            standing.sanction = kind.map(|kind| Sanction {
                kind: kind.into(),
                end_time: None,
            });
        });
        let refused = accept(&rpc, ada, &id).await;
        fails(
            refused,
            Code::PermissionDenied,
            ErrorReason::AccountRestricted,
        );
        assert_eq!(world.conversation_of(ada, ben).await, before);
        decline(&rpc, ada, &id, false).await.unwrap();
    }
    // Whom identity does not know at all is not somebody who accepts either.
    let (ada, _, id) = asked(&rpc, &fake).await;
    fake.with(|state| state.standings.remove(&ada.to_string()));
    let refused = accept(&rpc, ada, &id).await;
    fails(
        refused,
        Code::PermissionDenied,
        ErrorReason::AccountRestricted,
    );
    assert_eq!(told(&world, "request.accepted").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_under_16_accepts_whatever_their_settings_say() {
    let (world, rpc, fake) = service().await;
    for who in [WhoCanMessage::Everyone, WhoCanMessage::Friends] {
        let (ada, ben, id) = asked(&rpc, &fake).await;
        fake.let_write(ada, who);
        // A birth date that was corrected since.
        fake.with(|state| {
            let standing = state.standings.get_mut(&ada.to_string()).unwrap();
            standing.age_band = AgeBand::Under16.into();
        });
        let before = world.conversation_of(ada, ben).await;
        let refused = accept(&rpc, ada, &id).await;
        let off = ErrorReason::YourMessagesAreOff;
        fails(refused, Code::FailedPrecondition, off);
        assert_eq!(world.conversation_of(ada, ben).await, before);
        decline(&rpc, ada, &id, false).await.unwrap();
    }
    assert_eq!(told(&world, "request.accepted").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decline_blocks_where_it_is_asked_to_whatever_becomes_of_either() {
    let (world, rpc, fake) = service().await;
    for enforcement in [Enforcement::Enforced, Enforcement::Pending] {
        fake.with(|state| state.enforcement = enforcement);
        let (ada, ben, id) = asked(&rpc, &fake).await;
        let plain = decline(&rpc, ada, &id, false).await.unwrap();
        assert_eq!(plain.block_enforcement(), Enforcement::Unspecified);
        assert_eq!(fake.times_blocked(ben), 0, "a decline is not a block");
        let blocked = decline(&rpc, ada, &id, true).await.unwrap();
        assert_eq!(blocked.block_enforcement(), enforcement);
        assert_eq!((fake.times_blocked(ben), fake.times_blocked(ada)), (1, 0));
    }
    // There is nothing to decline: the block is made all the same.
    let (ada, ben, id) = asked(&rpc, &fake).await;
    accept(&rpc, ada, &id).await.unwrap();
    let settled = decline(&rpc, ada, &id, true).await;
    fails(settled, Code::NotFound, ErrorReason::RequestNotFound);
    assert_eq!(fake.times_blocked(ben), 1);
    // Nobody is blocked by a name that is none of the caller's.
    let (eve, _, _) = asked(&rpc, &fake).await;
    let before = fake.with(|state| state.blocked.len());
    let foreign = decline(&rpc, eve, &id, true).await;
    fails(foreign, Code::NotFound, ErrorReason::RequestNotFound);
    assert_eq!(fake.with(|state| state.blocked.len()), before);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_fails_leaves_the_decline_done_and_can_be_tried_again() {
    let (world, rpc, fake) = service().await;
    let (ada, ben, id) = asked(&rpc, &fake).await;
    fake.breaks(ServiceName::Graph, Fault::Fails(Status::unavailable("no")));
    let failed = decline(&rpc, ada, &id, true).await;
    fails(
        failed,
        Code::Unavailable,
        ErrorReason::DependencyUnavailable,
    );
    assert_eq!(fake.times_blocked(ben), 0);
    let pair = world.conversation_of(ada, ben).await;
    assert!(matches!(pair.side(ben).request, Request::Declined { .. }));
    assert_eq!(
        requests(&rpc, ada, RequestTier::Filtered).await.requests,
        []
    );
    fake.heals();
    // An answer that says nothing of its enforcement is none.
    let unclear = decline(&rpc, ada, &id, true).await;
    fails(
        unclear,
        Code::Unavailable,
        ErrorReason::DependencyUnavailable,
    );
    fake.with(|state| state.enforcement = Enforcement::Enforced);
    let blocked = decline(&rpc, ada, &id, true).await.unwrap();
    assert_eq!(blocked.block_enforcement(), Enforcement::Enforced);
    assert_eq!(fake.times_blocked(ben), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_declined_each_by_itself() {
    let (world, rpc, fake) = service().await;
    let ada = fake.person(WhoCanMessage::Everyone);
    let mut ids = Vec::new();
    for _ in 0..6 {
        let other = fake.person(WhoCanMessage::Everyone);
        let sent = delivered(send(&rpc, other, ada, "1").await)
            .message
            .unwrap();
        ids.push(sent.conversation_id);
    }
    let foreign = asked(&rpc, &fake).await.2;
    decline(&rpc, ada, &ids[1], false).await.unwrap();
    accept(&rpc, ada, &ids[2]).await.unwrap();
    let before = world.events(ada).await.len();
    let all = [&ids[3], &foreign, &ids[1], &ids[2], &ids[0]].map(Clone::clone);
    let answer = decline_all(&rpc, ada, all.to_vec()).await.unwrap();
    let declined = [&ids[3], &ids[1], &ids[0]].map(Clone::clone);
    assert_eq!(answer.declined_conversation_ids, declined);
    let unknown = [&foreign, &ids[2]].map(Clone::clone);
    assert_eq!(answer.unknown_conversation_ids, unknown);
    assert_eq!(world.events(ada).await.len(), before + 2);
    let left = requests(&rpc, ada, RequestTier::Filtered).await;
    assert_eq!((left.requests.len(), left.filtered_count), (2, 2));
    assert_eq!(told(&world, "request.accepted").await, 1);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_amid_many_keeps_the_others_from_nothing() {
    let (world, rpc, fake) = service().await;
    let ada = fake.person(WhoCanMessage::Everyone);
    let (mut ids, mut people) = (Vec::new(), Vec::new());
    for messages in [1, 2, 1] {
        let other = fake.person(WhoCanMessage::Everyone);
        for id in 0..messages {
            let sent = send(&rpc, other, ada, &id.to_string()).await;
            let id = delivered(sent).message.unwrap().conversation_id;
            ids.push(id);
        }
        people.push(other);
    }
    ids.dedup();
    // What stands of the one in the middle means nothing to this release.
    let broken = "UPDATE conversation SET lo_consent = 'later' WHERE last_seq = 2";
    world.run(broken).await;
    let answer = decline_all(&rpc, ada, ids).await;
    fails(answer, Code::Internal, ErrorReason::Internal);
    for place in [0, 2] {
        let request = world.conversation_of(ada, people[place]).await;
        let request = request.side(people[place]).request;
        assert!(matches!(request, Request::Declined { .. }), "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_requests_that_makes_no_sense_names_what_is_wrong() {
    use tonic_types::StatusExt as _;
    let (_world, rpc, fake) = service().await;
    let (ada, _, id) = asked(&rpc, &fake).await;
    let many = vec![id.clone(); 101];
    let twice = vec![id.clone(), "x".to_owned(), id.clone()];
    let cases: [(Vec<String>, &[&str]); 3] = [
        (Vec::new(), &["conversation_ids"]),
        (many, &["conversation_ids"]),
        (twice, &["conversation_ids[1]", "conversation_ids[2]"]),
    ];
    for (ids, expected) in cases {
        let status = decline_all(&rpc, ada, ids).await.unwrap_err();
        let wrong = status.get_details_bad_request().unwrap().field_violations;
        let fields: Vec<_> = wrong.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, expected);
    }
    let left = requests(&rpc, ada, RequestTier::Filtered).await;
    assert_eq!(left.requests.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_declining_and_blocking_tell_the_sender_nothing() {
    let (world, rpc, fake) = service().await;
    fake.with(|state| state.enforcement = Enforcement::Enforced);
    let (ada, ben, id) = asked(&rpc, &fake).await;
    let seen = async || {
        let listed = conversations(&rpc, ben, 0).await;
        (listed, world.events(ben).await, events(&world).await.len())
    };
    let before = seen().await;
    requests(&rpc, ada, RequestTier::Filtered).await;
    messages(&rpc, ada, &id).await.unwrap();
    assert_eq!(seen().await, before);
    decline(&rpc, ada, &id, false).await.unwrap();
    assert_eq!(seen().await, before);
    // The block shows as a person who is gone, and as nothing else.
    decline(&rpc, ada, &id, true).await.unwrap();
    block(&rpc, ada, ben, 6).await;
    let mut after = seen().await;
    assert_eq!(after.0[0].peer_state(), PeerState::Gone);
    after.0[0].peer_state = PeerState::Present.into();
    assert_eq!(after, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_while_it_is_accepted_wins() {
    let (world, rpc, fake) = service().await;
    for by_asker in [true, false] {
        let (ada, ben, id) = asked(&rpc, &fake).await;
        let (blocker, blocked) = if by_asker { (ben, ada) } else { (ada, ben) };
        let (graph, raising) = (fake.clone(), Arc::clone(&rpc));
        fake.meanwhile(move |call| {
            let (graph, rpc) = (graph.clone(), Arc::clone(&raising));
            async move {
                if call == 1 {
                    graph.block(blocker, blocked);
                    graph.with(|state| state.versions.insert(blocker.to_string(), 6));
                    block(&rpc, blocker, blocked, 6).await;
                }
            }
        });
        let answer = accept(&rpc, ada, &id).await;
        fails(answer, Code::NotFound, ErrorReason::RequestNotFound);
        let request = world.conversation_of(ada, ben).await.side(ben).request;
        let expected = if by_asker {
            Request::Withdrawn { sent: 1 }
        } else {
            Request::None
        };
        assert_eq!(request, expected);
        fake.meanwhile(|_| async {});
    }
    assert_eq!(told(&world, "request.accepted").await, 0);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_touched_expires_when_the_operator_wants_it() {
    let (world, rpc, fake) = service().await;
    let (ada, ..) = asked(&rpc, &fake).await;
    let after = Duration::from_secs(60);
    let expiry = crate::expiry::Expiry::new(world.store.clone(), rpc.clock.clone(), after);
    let waiting = async || {
        requests(&rpc, ada, RequestTier::Filtered)
            .await
            .filtered_count
    };
    rpc.clock.advance(after);
    expiry.run().await;
    assert_eq!(waiting().await, 1);
    rpc.clock.advance(Duration::from_millis(1));
    expiry.run().await;
    assert_eq!(waiting().await, 0);
    // What grew old since the last look is found by the next.
    let (ada, ..) = asked(&rpc, &fake).await;
    rpc.clock.advance(after * 2);
    expiry.run().await;
    assert_eq!(
        requests(&rpc, ada, RequestTier::Filtered)
            .await
            .filtered_count,
        0
    );
    world.audit().await;
}
