//! Owners that answer, but with what makes no sense, and owners that do not answer: it counts as no
//! answer, whether nothing is known of the two people or what is known may not be used. The first
//! entry of a list is the sender's.

use std::time::Duration;

use postern_proto::{
    common::v1::ErrorReason,
    identity::v1::{Sanction, Standing},
    policy::v1::{SanctionKind, WhoCanMessage},
    settings::v1::DmPolicy,
};
use postern_shared::{
    caller::ServiceName::{self, Graph, Identity, Settings},
    error::status,
    id::UserId,
};
use prost_types::Timestamp;
use tonic::{Code, Status};

use super::{
    by, delivered,
    fake::{Fault, remembering, service},
    person, refused, send, text, to,
};
use crate::{
    rpc::Rpc,
    store::{Owner, World},
};

/// What is said, by whom, and how it comes about.
type Case = (&'static str, ServiceName, Fault);

fn graph() -> Vec<Case> {
    let graph = |what, garble| (what, Graph, Fault::Graph(garble));
    vec![
        graph("nothing", |a| a.relationship = None),
        graph("an empty one", |a| {
            a.relationship = Some(Default::default())
        }),
        graph("another user", |a| {
            a.relationship.as_mut().unwrap().user_id = person().to_string();
        }),
        graph("another peer", |a| {
            a.relationship.as_mut().unwrap().peer_id = person().to_string();
        }),
        graph("the two swapped", |a| {
            let both = a.relationship.as_mut().unwrap();
            std::mem::swap(&mut both.user_id, &mut both.peer_id);
        }),
        graph("a version of the user beyond all", |a| {
            a.relationship.as_mut().unwrap().user_version = u64::MAX;
        }),
        graph("a version of the peer beyond all", |a| {
            a.relationship.as_mut().unwrap().peer_version = u64::MAX;
        }),
    ]
}

fn settings() -> Vec<Case> {
    let settings = |what, garble| (what, Settings, Fault::Settings(garble));
    vec![
        settings("nothing", |a| a.policies.clear()),
        settings("the sender's alone", |a| a.policies.truncate(1)),
        settings("the recipient's alone", |a| drop(a.policies.remove(0))),
        settings("empty ones", |a| a.policies = vec![DmPolicy::default(); 2]),
        settings("others'", |a| {
            for policy in &mut a.policies {
                policy.user_id = person().to_string();
            }
        }),
        settings("one twice", |a| a.policies.push(a.policies[1].clone())),
        settings("no value for the sender", |a| {
            a.policies[0].who_can_message = 0
        }),
        settings("no value for the recipient", |a| {
            a.policies[1].who_can_message = 0
        }),
        settings("an unknown value for the sender", |a| {
            a.policies[0].who_can_message = 99
        }),
        settings("an unknown value for the recipient", |a| {
            a.policies[1].who_can_message = -1;
        }),
        settings("a version beyond all", |a| a.policies[1].version = u64::MAX),
    ]
}

fn identity() -> Vec<Case> {
    let identity = |what, garble| (what, Identity, Fault::Identity(garble));
    fn sanction(kind: i32, seconds: i64) -> Option<Sanction> {
        let end_time = Some(Timestamp { seconds, nanos: 0 });
        Some(Sanction { kind, end_time })
    }
    vec![
        identity("empty ones", |a| a.standings = vec![Standing::default(); 2]),
        identity("others'", |a| {
            for standing in &mut a.standings {
                standing.user_id = person().to_string();
            }
        }),
        identity("one twice", |a| a.standings.push(a.standings[0].clone())),
        identity("somebody's beside them", |a| {
            let user_id = person().to_string();
            let other = Standing {
                user_id,
                ..a.standings[0].clone()
            };
            a.standings.push(other);
        }),
        identity("no state of the sender", |a| a.standings[0].lifecycle = 0),
        identity("no state of the recipient", |a| {
            a.standings[1].lifecycle = 0
        }),
        identity("an unknown state", |a| a.standings[1].lifecycle = 99),
        identity("no age of the sender", |a| a.standings[0].age_band = 0),
        identity("an unknown age", |a| a.standings[1].age_band = 99),
        identity("no age at which the account was made", |a| {
            a.standings[1].age_band_at_creation = 0;
        }),
        identity("no kind of the recipient's account", |a| {
            a.standings[1].kind = 0;
        }),
        identity("no day on which the sender's account was made", |a| {
            a.standings[0].create_time = None;
        }),
        identity("an account made beyond time", |a| {
            let seconds = i64::MAX;
            a.standings[0].create_time = Some(Timestamp { seconds, nanos: 0 });
        }),
        identity("a sanction without a kind", |a| {
            a.standings[0].sanction = Some(Sanction::default());
        }),
        identity("a sanction of the recipient without a kind", |a| {
            a.standings[1].sanction = Some(Sanction::default());
        }),
        identity("an unknown sanction", |a| {
            a.standings[1].sanction = sanction(99, 1)
        }),
        identity("a sanction that ends beyond time", |a| {
            a.standings[0].sanction = sanction(SanctionKind::Suspended.into(), i64::MAX);
        }),
        identity("a version beyond all", |a| {
            a.standings[0].version = u64::MAX
        }),
        identity("a sanction that ended before time", |a| {
            a.standings[1].sanction = sanction(SanctionKind::SendRestricted.into(), i64::MIN);
        }),
    ]
}

/// What every owner can do instead of answering.
fn silences() -> Vec<Case> {
    let ours = |code, reason| status(code, reason, "no");
    let failures = [
        ("that it is away", Status::unavailable("no")),
        (
            "that something broke",
            Status::internal("connection reset by peer"),
        ),
        (
            "that it was called off",
            Status::cancelled("operation was canceled"),
        ),
        ("that it knows no such call", Status::unimplemented("no")),
        ("that it lost its data", Status::data_loss("no")),
        (
            "that we may not ask",
            ours(Code::PermissionDenied, ErrorReason::CallerNotAllowed),
        ),
        (
            "that we asked wrongly",
            ours(Code::InvalidArgument, ErrorReason::InvalidFields),
        ),
        (
            "that it has too much to do",
            ours(Code::ResourceExhausted, ErrorReason::Overloaded),
        ),
    ];
    let faults = failures.map(|(what, status)| (what, Fault::Fails(status)));
    let faults = faults.into_iter().chain([("nothing at all", Fault::Never)]);
    let by_all = |(what, fault): (_, Fault)| {
        [Graph, Settings, Identity].map(|owner| (what, owner, fault.clone()))
    };
    faults.flat_map(by_all).collect()
}

fn cases() -> Vec<Case> {
    [graph(), settings(), identity(), silences()].concat()
}

/// What is said of one person whose fence is above what is known of them.
fn of_one() -> Vec<Case> {
    let policy = |what, garble| (what, Settings, Fault::Policy(garble));
    let standing = |what, garble| (what, Identity, Fault::Standing(garble));
    let of_one = vec![
        policy("nothing", |a| a.policy = None),
        policy("an empty one", |a| a.policy = Some(DmPolicy::default())),
        policy("another's", |a| {
            a.policy.as_mut().unwrap().user_id = person().to_string();
        }),
        policy("no value", |a| {
            a.policy.as_mut().unwrap().who_can_message = 0
        }),
        policy("an unknown value", |a| {
            a.policy.as_mut().unwrap().who_can_message = 99;
        }),
        policy("a version beyond all", |a| {
            a.policy.as_mut().unwrap().version = u64::MAX;
        }),
        standing("nothing", |a| a.standing = None),
        standing("an empty one", |a| a.standing = Some(Standing::default())),
        standing("another's", |a| {
            a.standing.as_mut().unwrap().user_id = person().to_string();
        }),
        standing("no state", |a| a.standing.as_mut().unwrap().lifecycle = 0),
        standing("an unknown age", |a| {
            a.standing.as_mut().unwrap().age_band = 99;
        }),
        standing("no day on which the account was made", |a| {
            a.standing.as_mut().unwrap().create_time = None;
        }),
    ];
    [graph(), silences(), of_one].concat()
}

/// Sends, to be answered in time by owners that answer.
async fn next(rpc: &Rpc, fault: &Fault, from: UserId, other: UserId) -> Option<Code> {
    use postern_proto::messaging::v1::message_service_server::MessageService as _;
    let within = match fault {
        Fault::Never => Duration::from_millis(120),
        _ => super::LONG,
    };
    let ask = by(from, within, text(to(other), "id", "hello"));
    rpc.send_message(ask)
        .await
        .err()
        .map(|status| status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_counts_as_no_answer() {
    assert!(cases().len() >= 40, "{}", cases().len());
    for remembers in [false, true] {
        let (world, rpc, fake) = if remembers {
            remembering().await
        } else {
            service().await
        };
        for (what, owner, fault) in cases() {
            let (ada, ben) = fake.friends();
            fake.breaks(owner, fault.clone());
            let code = next(&rpc, &fault, ben, ada).await;
            assert_eq!(code, Some(Code::Unavailable), "{owner} says {what}");
            assert_eq!(world.rows().await, [0; 5], "{owner} says {what}");
            fake.heals();
            // The people were fine: it was the answer, and nothing of it is remembered.
            delivered(send(&rpc, ben, ada, "id").await);
            empty(&world).await;
        }
        assert!(world.refusals().await.is_empty());
    }
}

async fn empty(world: &World) {
    world
        .run(
            "DELETE FROM message; DELETE FROM participant; DELETE FROM conversation;
              DELETE FROM mailbox;",
        )
        .await;
}

/// What is known refuses, so that all has to be asked for again; and it would be a delivery.
#[tokio::test(flavor = "multi_thread")]
async fn nonsense_in_place_of_a_refusal_that_was_known_decides_nothing() {
    let (world, rpc, fake) = remembering().await;
    let mut refusals = 0;
    for (what, owner, fault) in cases() {
        let (ada, ben) = fake.friends();
        delivered(send(&rpc, ben, ada, "first").await);
        rpc.clock.advance(Duration::from_secs(60));
        fake.let_write(ada, WhoCanMessage::NoOne);
        refused(send(&rpc, ben, ada, "closed").await);
        refusals += 1;
        fake.let_write(ada, WhoCanMessage::Friends);
        let rows = world.rows().await;
        fake.breaks(owner, fault.clone());
        let code = next(&rpc, &fault, ben, ada).await;
        assert_eq!(code, Some(Code::Unavailable), "{owner} says {what}");
        assert_eq!(world.rows().await, rows, "{owner} says {what}");
        fake.heals();
        delivered(send(&rpc, ben, ada, "id").await);
    }
    assert_eq!(world.refusals().await.len(), refusals);
    world.audit().await;
}

/// A fence is above what is known of a person, so that its owner has to be asked again.
#[tokio::test(flavor = "multi_thread")]
async fn nonsense_in_place_of_what_a_fence_asks_for_decides_nothing() {
    assert!(of_one().len() >= 40, "{}", of_one().len());
    let (world, rpc, fake) = remembering().await;
    for (what, owner, fault) in of_one() {
        let (ada, ben) = fake.friends();
        delivered(send(&rpc, ben, ada, "first").await);
        let fence = match owner {
            Settings => Owner::Settings,
            Identity => Owner::Identity,
            _ => Owner::Graph,
        };
        world.fence(ada, fence, 8).await;
        fake.with(|state| {
            let id = ada.to_string();
            state.versions.insert(id.clone(), 9);
            state.policies.get_mut(&id).unwrap().version = 9;
            state.standings.get_mut(&id).unwrap().version = 9;
        });
        let rows = world.rows().await;
        fake.breaks(owner, fault.clone());
        let code = next(&rpc, &fault, ben, ada).await;
        assert_eq!(code, Some(Code::Unavailable), "{owner} says {what}");
        assert_eq!(world.rows().await, rows, "{owner} says {what}");
        fake.heals();
        delivered(send(&rpc, ben, ada, "id").await);
    }
    assert!(world.refusals().await.is_empty());
    world.audit().await;
}
