//! A "no" while everything is remembered: the very next message is decided by what is said now, and
//! with an owner that does not say it none is.

use std::{sync::Arc, time::Duration};

use postern_proto::{
    common::v1::ErrorReason,
    policy::v1::{AgeBand, Gone, Lifecycle, PolicyOwner, RefusalReason, WhoCanMessage, effect},
};
use postern_shared::{
    caller::ServiceName::{self, Graph, Identity, Settings},
    clock::Clock,
    id::UserId,
};
use tonic::Code;

use super::{
    caching::friends,
    delivered, fails,
    fake::{Fake, remember, remembering, replica},
    raising::raise,
    refused, send,
};
use crate::store::{NOW, Owner};

/// What is done by whom: the owner that is told, and the fence that it raises.
struct Narrowing {
    what: &'static str,
    owner: ServiceName,
    /// Done by the recipient, or else by the sender.
    by_recipient: bool,
    act: fn(&Fake, UserId, UserId),
    effect: fn(UserId) -> Option<effect::Effect>,
    reason: RefusalReason,
}

fn set_policy(fake: &Fake, user: UserId, who: WhoCanMessage) {
    fake.let_write(user, who);
    fake.with(|state| state.policies.get_mut(&user.to_string()).unwrap().version = 8);
}

fn deactivate(fake: &Fake, user: UserId, _: UserId) {
    fake.with(|state| {
        let standing = state.standings.get_mut(&user.to_string()).unwrap();
        standing.lifecycle = Lifecycle::Deactivated.into();
        standing.version = 8;
    });
}

fn block(fake: &Fake, user: UserId, peer: UserId) {
    fake.block(user, peer);
    fake.with(|state| state.versions.insert(user.to_string(), 8));
}

/// Every kind of "no" that raises a fence.
fn narrowings() -> [Narrowing; 6] {
    let gone = |_| Some(effect::Effect::Gone(Gone {}));
    let blocks = |peer: UserId| Some(effect::Effect::PeerBlocked(peer.to_string()));
    let narrowing = |what, owner, by_recipient, reason| Narrowing {
        what,
        owner,
        by_recipient,
        act: block,
        effect: |_| None,
        reason,
    };
    [
        Narrowing {
            effect: blocks,
            ..narrowing("blocks", Graph, true, RefusalReason::NotAccepting)
        },
        Narrowing {
            effect: blocks,
            ..narrowing(
                "blocks, and writes",
                Graph,
                false,
                RefusalReason::YouBlockedRecipient,
            )
        },
        Narrowing {
            act: |fake, user, peer| fake.unfollow(user, peer, 8),
            ..narrowing(
                "unfollows",
                Graph,
                true,
                RefusalReason::MutualFollowRequired,
            )
        },
        Narrowing {
            act: |fake, user, _| set_policy(fake, user, WhoCanMessage::NoOne),
            ..narrowing(
                "NO_ONE",
                Settings,
                true,
                RefusalReason::RecipientMessagesAreOff,
            )
        },
        Narrowing {
            act: deactivate,
            effect: gone,
            ..narrowing("goes", Identity, true, RefusalReason::NotAccepting)
        },
        Narrowing {
            act: deactivate,
            effect: gone,
            ..narrowing(
                "goes, and writes",
                Identity,
                false,
                RefusalReason::SenderRestricted,
            )
        },
    ]
}

const fn policy_owner(owner: ServiceName) -> PolicyOwner {
    match owner {
        Graph => PolicyOwner::Graph,
        Settings => PolicyOwner::Settings,
        Identity => PolicyOwner::Identity,
        ServiceName::Messaging => PolicyOwner::Unspecified,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_message_after_a_no_is_decided_by_it() {
    let (world, rpc, fake) = remembering().await;
    let other = replica(&world, &fake, &Clock::manual(NOW), remember);
    for no in narrowings() {
        // Raised at this replica, or at another that shares the database and nothing else.
        for raised_at in [&rpc, &other] {
            let (ada, ben) = friends(&rpc, &fake).await;
            let (user, peer) = if no.by_recipient {
                (ada, ben)
            } else {
                (ben, ada)
            };
            (no.act)(&fake, user, peer);
            let owner = policy_owner(no.owner);
            raise(raised_at, owner, user, 8, (no.effect)(peer))
                .await
                .unwrap();
            let stored = world.messages().await.len();
            let answer = refused(send(&rpc, ben, ada, "next").await);
            assert_eq!(answer.reason(), no.reason, "{}", no.what);
            assert_eq!(world.messages().await.len(), stored, "{}", no.what);
        }
    }
    world.audit().await;
}

/// Settings remember for a while from which age a person's defaults follow.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_any_more_to_one_whose_birth_date_makes_them_a_minor_and_who_chose_nothing() {
    let (world, rpc, fake) = remembering().await;
    for (version, closed) in [(0, true), (6, false)] {
        let (ada, ben) = fake.friends();
        fake.with(|state| state.policies.get_mut(&ada.to_string()).unwrap().version = version);
        delivered(send(&rpc, ben, ada, "warm").await);
        fake.with(|state| {
            let standing = state.standings.get_mut(&ada.to_string()).unwrap();
            standing.age_band = AgeBand::AgeBand16To17.into();
            standing.age_band_at_creation = standing.age_band;
            standing.version = 8;
        });
        let raised = raise(&rpc, PolicyOwner::Identity, ada, 8, None);
        raised.await.unwrap();
        if closed {
            let answer = refused(send(&rpc, ben, ada, "next").await);
            assert_eq!(answer.reason(), RefusalReason::RecipientMessagesAreOff);
        } else {
            // Friends may write to whom has said so, at that age too.
            delivered(send(&rpc, ben, ada, "next").await);
        }
    }
    world.audit().await;
}

/// An owner that is asked again is told what will do, and about them alone who moved.
#[tokio::test(flavor = "multi_thread")]
async fn a_fence_above_what_is_known_is_told_to_its_owner_alone() {
    let (world, rpc, fake) = remembering().await;
    for (n, owner) in [Graph, Settings, Identity].into_iter().enumerate() {
        for of_sender in [true, false] {
            let (ada, ben) = friends(&rpc, &fake).await;
            let who = if of_sender { ben } else { ada };
            fake.with(|state| {
                let id = who.to_string();
                state.versions.insert(id.clone(), 9);
                state.policies.get_mut(&id).unwrap().version = 9;
                state.standings.get_mut(&id).unwrap().version = 9;
                state.told_min.clear();
            });
            let fence = [Owner::Graph, Owner::Settings, Owner::Identity][n];
            world.fence(who, fence, 8).await;
            delivered(send(&rpc, ben, ada, "after").await);
            let mut calls = [0; 3];
            calls[n] = 1;
            assert_eq!(fake.calls(), calls, "{owner}");
            let told = fake.with(|state| state.told_min.clone());
            assert!(told.contains(&(owner, who, 8)), "{owner}: {told:?}");
            let others = told.iter().filter(|(_, user, _)| *user != who);
            // Graph is always asked about both, and told what is known of the other.
            let known_of_graph =
                |(owner, _, min): &(ServiceName, UserId, u64)| *owner == Graph && *min == 5;
            assert!(others.clone().all(known_of_graph), "{owner}: {told:?}");
            let row = world.messages().await.pop().unwrap();
            assert_eq!(row.client_message_id, "after");
            delivered(send(&rpc, ben, ada, "and-then").await);
            assert_eq!(fake.calls(), [0; 3], "{owner}");
        }
    }
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_below_its_fence_is_asked_for_three_rounds_and_nothing_is_stored() {
    for ignores_min in [false, true] {
        let (world, rpc, fake) = remembering().await;
        fake.with(|state| state.ignores_min = ignores_min);
        for (n, fence) in [Owner::Graph, Owner::Settings, Owner::Identity]
            .into_iter()
            .enumerate()
        {
            let (ada, ben) = friends(&rpc, &fake).await;
            world.fence(ada, fence, 8).await;
            let rows = world.rows().await;
            let answer = send(&rpc, ben, ada, "behind").await;
            fails(answer, Code::Aborted, ErrorReason::Contention);
            let mut calls = [0; 3];
            calls[n] = 3;
            assert_eq!(fake.calls(), calls, "{fence:?}");
            assert_eq!(world.rows().await, rows, "{fence:?}");
            // With nothing known of them it ends likewise.
            let cold = replica(&world, &fake, &Clock::manual(NOW), remember);
            let answer = send(&cold, ben, ada, "behind").await;
            fails(answer, Code::Aborted, ErrorReason::Contention);
            assert_eq!(world.rows().await, rows, "{fence:?}");
        }
        assert!(world.refusals().await.is_empty());
        world.audit().await;
    }
}

/// A fence that rises between the decision and its commit.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_before_a_fence_is_not_committed_after_it() {
    let (world, rpc, fake) = remembering().await;
    let (ada, ben) = friends(&rpc, &fake).await;
    rpc.clock.advance(Duration::from_secs(60));
    let (moved, graph) = (Arc::clone(&world), fake.clone());
    fake.meanwhile(move |call| {
        let (world, graph) = (Arc::clone(&moved), graph.clone());
        async move {
            if call == 1 {
                graph.unfollow(ada, ben, 8);
                world.fence(ada, Owner::Graph, 8).await;
            }
        }
    });
    let answer = refused(send(&rpc, ben, ada, "raced").await);
    assert_eq!(answer.reason(), RefusalReason::MutualFollowRequired);
    assert_eq!(fake.graph_calls(), 2);
    assert_eq!(world.messages().await.len(), 1);
    // And one that an owner answers with an older version than is known of them.
    fake.with(|state| state.versions.insert(ada.to_string(), 3));
    fake.befriend(ada, ben);
    fake.with(|state| state.ignores_min = true);
    let answer = send(&rpc, ben, ada, "older").await;
    fails(answer, Code::Aborted, ErrorReason::Contention);
    assert_eq!(world.messages().await.len(), 1);
    world.audit().await;
}

/// What a raise makes useless takes up no room: all else stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_raise_drops_what_it_makes_useless() {
    let (_world, rpc, fake) = remembering().await;
    let (ada, ben) = friends(&rpc, &fake).await;
    let dropped = || {
        let metrics = fake.metrics();
        let raised = |line: &&str| {
            line.starts_with("postern_messaging_cache_evictions_total")
                && line.contains(r#"cause="raised""#)
        };
        metrics
            .lines()
            .filter(raised)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let blocks = || Some(effect::Effect::PeerBlocked(ben.to_string()));
    for (owner, known, effect) in [
        (PolicyOwner::Graph, 5, blocks()),
        (PolicyOwner::Settings, 6, None),
        (PolicyOwner::Identity, 7, None),
    ] {
        let before = dropped().len();
        raise(&rpc, owner, ada, known, effect).await.unwrap();
        assert_eq!(dropped().len(), before, "{owner:?}: it is not older");
        let effect = (owner == PolicyOwner::Graph).then(blocks).flatten();
        raise(&rpc, owner, ada, known + 1, effect).await.unwrap();
        assert_eq!(dropped().len(), before + 1, "{owner:?}");
    }
}
