//! Owners that answer, but with what makes no sense: it counts as no answer. The first entry of a
//! list is the sender's.

use postern_proto::{
    identity::v1::{Sanction, Standing},
    policy::v1::{SanctionKind, WhoCanMessage},
    settings::v1::DmPolicy,
};
use postern_shared::caller::ServiceName::{self, Graph, Identity, Settings};
use prost_types::Timestamp;
use tonic::{Code, Status};

use super::{
    delivered,
    fake::{Fault, service},
    person, send, undecidable,
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
        identity("a sanction that ended before time", |a| {
            a.standings[1].sanction = sanction(SanctionKind::SendRestricted.into(), i64::MIN);
        }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_counts_as_no_answer() {
    let (world, rpc, fake) = service().await;
    for (what, owner, fault) in graph().into_iter().chain(settings()).chain(identity()) {
        let (ada, ben) = (
            fake.person(WhoCanMessage::Everyone),
            fake.person(WhoCanMessage::Everyone),
        );
        fake.befriend(ada, ben);
        fake.breaks(owner, fault);
        let answer = send(&rpc, ben, ada, "id").await;
        let code = answer.as_ref().err().map(Status::code);
        assert_eq!(
            code,
            Some(Code::Unavailable),
            "{owner} says {what}: {answer:?}"
        );
        undecidable(answer);
        assert_eq!(world.rows().await, [0; 5], "{owner} says {what}");
        fake.heals();
        // The people were fine: it was the answer.
        delivered(send(&rpc, ben, ada, "id").await);
        world
            .run(
                "DELETE FROM message; DELETE FROM participant; DELETE FROM conversation;
                  DELETE FROM mailbox;",
            )
            .await;
    }
    assert!(world.refusals().await.is_empty());
}
