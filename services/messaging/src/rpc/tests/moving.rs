//! Facts that move under a decision: it is made anew with fresh ones, and not for ever.

use std::sync::Arc;

use postern_proto::{
    common::v1::ErrorReason,
    messaging::v1::{
        AcceptRequestRequest, Placement, message_service_server::MessageService as _,
        request_service_server::RequestService as _,
    },
    policy::v1::{RefusalReason, WhoCanMessage},
};
use postern_shared::id::UserId;
use tonic::Code;

use super::{
    LONG, by, delivered, fails,
    fake::{Fake, service},
    refused, send, text, to,
};
use crate::{
    domain::Request,
    store::{Owner, World},
};

fn friends(fake: &Fake) -> (UserId, UserId) {
    let (ada, ben) = (
        fake.person(WhoCanMessage::Friends),
        fake.person(WhoCanMessage::Friends),
    );
    fake.befriend(ada, ben);
    (ada, ben)
}

/// While the `n`th answer of graph is on its way, Ada stops following Ben, and her fence rises.
fn unfollows_during(n: usize, world: &Arc<World>, fake: &Fake, ada: UserId, ben: UserId) {
    let (world, graph) = (Arc::clone(world), fake.clone());
    fake.meanwhile(move |call| {
        let (world, graph) = (Arc::clone(&world), graph.clone());
        async move {
            if call == n {
                graph.unfollow(ada, ben, 6);
                world.fence(ada, Owner::Graph, 6).await;
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_during_the_decision_holds() {
    let (world, rpc, fake) = service().await;
    // Both in a running conversation and in one that begins, whose rows the first round makes.
    for (running, during) in [(true, 1), (false, 2)] {
        let (ada, ben) = friends(&fake);
        if running {
            delivered(send(&rpc, ben, ada, "first").await);
        }
        unfollows_during(during, &world, &fake, ada, ben);
        let stored = world.messages().await.len();
        let answer = refused(send(&rpc, ben, ada, "id").await);
        assert_eq!(answer.reason(), RefusalReason::MutualFollowRequired);
        assert_eq!(fake.graph_calls(), during + 1);
        assert_eq!(world.messages().await.len(), stored, "running: {running}");
        fake.meanwhile(|_| async {});
    }
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_allows_it_is_decided_with_and_recorded() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = friends(&fake);
    delivered(send(&rpc, ben, ada, "first").await);
    let (moved, graph) = (Arc::clone(&world), fake.clone());
    fake.meanwhile(move |call| {
        let (world, graph) = (Arc::clone(&moved), graph.clone());
        async move {
            if call == 1 {
                graph.with(|state| state.versions.insert(ada.to_string(), 8));
                world.fence(ada, Owner::Graph, 8).await;
            }
        }
    });
    delivered(send(&rpc, ben, ada, "id").await);
    assert_eq!(fake.graph_calls(), 2);
    let rows = world.messages().await;
    let row = rows
        .iter()
        .find(|row| row.client_message_id == "id")
        .unwrap();
    assert_eq!(
        (row.recipient_graph_version, row.sender_graph_version),
        (8, 5)
    );
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_lags_behind_its_fence_ends_in_contention() {
    let (world, rpc, fake) = service().await;
    for owner in [Owner::Graph, Owner::Settings, Owner::Identity] {
        for of_sender in [true, false] {
            let (ada, ben) = friends(&fake);
            delivered(send(&rpc, ben, ada, "first").await);
            let rows = world.rows().await;
            world
                .fence(if of_sender { ben } else { ada }, owner, 1_000)
                .await;
            fake.meanwhile(|_| async {});
            let answer = send(&rpc, ben, ada, "id").await;
            fails(answer, Code::Aborted, ErrorReason::Contention);
            assert_eq!(fake.graph_calls(), 3, "{owner:?}");
            assert_eq!(world.rows().await, rows, "{owner:?}");
            // The first answer is not in question.
            delivered(send(&rpc, ben, ada, "first").await);
        }
    }
    assert!(world.refusals().await.is_empty());
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accepting_ends_in_contention_behind_a_fence_and_changes_nothing() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    let sent = delivered(send(&rpc, ben, ada, "id").await).message.unwrap();
    let before = world.conversation_of(ada, ben).await;
    for user in [ben, ada] {
        world.fence(user, Owner::Graph, 1_000).await;
        let conversation_id = sent.conversation_id.clone();
        let accept = by(ada, LONG, AcceptRequestRequest { conversation_id });
        let answer = rpc.accept_request(accept).await;
        fails(answer, Code::Aborted, ErrorReason::Contention);
        world.fence(user, Owner::Graph, 0).await;
    }
    assert_eq!(world.conversation_of(ada, ben).await, before);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_message_that_crosses_anothers_becomes_the_reply() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    let crossed = Arc::clone(&world);
    fake.meanwhile(move |call| {
        let world = Arc::clone(&crossed);
        async move {
            // The first round only makes the rows.
            if call == 2 {
                world.ask(ada, ben, "hers").await;
            }
        }
    });
    let answer = delivered(send(&rpc, ben, ada, "his").await);
    assert_eq!(answer.placement(), Placement::Inbox);
    assert_eq!(answer.message.unwrap().seq, 2);
    let pair = world.conversation_of(ada, ben).await;
    assert_eq!(pair.side(ada).request, Request::Accepted);
    assert_eq!(pair.side(ben).request, Request::None);
    world.audit().await;
}

/// The third message of a request twice at once: whoever comes second finds the request full, by
/// the very message that it repeats.
#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_is_not_refused_because_of_what_it_repeats() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    for id in ["one", "two"] {
        delivered(send(&rpc, ben, ada, id).await);
    }
    let twin = Arc::clone(&rpc);
    fake.meanwhile(move |call| {
        let twin = Arc::clone(&twin);
        async move {
            if call == 1 {
                delivered(send(&twin, ben, ada, "three").await);
            }
        }
    });
    let answer = delivered(send(&rpc, ben, ada, "three").await);
    assert_eq!(answer.message.unwrap().seq, 3);
    assert!(world.refusals().await.is_empty());
    // With other words it is a misuse of the id, however it was met.
    let other = text(to(ada), "three", "something else");
    let other = rpc.send_message(by(ben, LONG, other)).await;
    fails(
        other,
        Code::AlreadyExists,
        ErrorReason::ClientMessageIdReused,
    );
    let fourth = refused(send(&rpc, ben, ada, "four").await);
    assert_eq!(fourth.reason(), RefusalReason::AwaitingAcceptance);
    world.audit().await;
}
