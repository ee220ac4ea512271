//! What the owners said a moment ago: enough for a message that gets into the inbox, never enough
//! to refuse one, and gone after a minute.

use std::{sync::Arc, time::Duration};

use futures_util::future;
use postern_proto::{
    common::v1::ErrorReason,
    identity::v1::Sanction,
    messaging::v1::{
        AcceptRequestRequest, ExplainSendRequest, Placement,
        consent_service_server::ConsentService as _, explain_send_response,
        request_service_server::RequestService as _,
    },
    policy::v1::{RefusalReason, SanctionKind, WhoCanMessage},
};
use postern_shared::{
    caller::ServiceName::{Graph, Identity, Settings},
    clock::Clock,
    id::UserId,
};
use tonic::{Code, Status};

use super::{
    LONG, Rpc, ask, by, delivered, fails,
    fake::{Fake, Fault, remember, remembering, replica, service},
    named, person, refused, send, to, undecidable,
};
use crate::store::{NOW, World};

const NOBODY: [usize; 3] = [0; 3];
const EVERYBODY: [usize; 3] = [1; 3];
const SECOND: Duration = Duration::from_secs(1);

/// Two friends who have written to each other, so that all is known of them.
pub async fn friends(rpc: &Rpc, fake: &Fake) -> (UserId, UserId) {
    let (ada, ben) = fake.friends();
    delivered(send(rpc, ben, ada, "warm").await);
    fake.calls();
    (ada, ben)
}

/// Another process on the same database, that knows nothing yet.
fn another(world: &World, fake: &Fake) -> Arc<Rpc> {
    replica(world, fake, &Clock::manual(NOW), remember)
}

async fn explain(rpc: &Rpc, from: UserId, other: UserId) -> explain_send_response::Outcome {
    let ask = ExplainSendRequest {
        recipient: Some(postern_proto::common::v1::PersonRef {
            person: Some(to(other)),
        }),
        content: None,
    };
    let answer = rpc.explain_send(by(from, LONG, ask)).await.unwrap();
    answer.into_inner().outcome.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_between_people_who_are_known_asks_nobody() {
    let (world, rpc, fake) = remembering().await;
    let (ada, ben) = friends(&rpc, &fake).await;
    fake.with(|state| state.handles.insert("ada".to_owned(), ada));
    for n in 0..10 {
        delivered(send(&rpc, ben, ada, &format!("{n}")).await);
        delivered(send(&rpc, ada, ben, &format!("{n}")).await);
        explain(&rpc, ben, ada).await;
    }
    assert_eq!(fake.calls(), NOBODY);
    delivered(ask(&rpc, ben, named("ada"), "by-handle").await);
    assert_eq!(fake.calls(), [0, 0, 1]);
    delivered(ask(&rpc, ben, named("ada"), "and-again").await);
    assert_eq!(fake.calls(), NOBODY);
    // A third person is asked about, they alone, and the pair.
    let cleo = fake.person(WhoCanMessage::Friends);
    fake.befriend(ada, cleo);
    delivered(send(&rpc, cleo, ada, "first").await);
    let shown = fake.metrics();
    for line in [
        r#"postern_messaging_sends_total{facts="cached""#,
        r#"postern_messaging_sends_total{facts="asked""#,
        r#"postern_messaging_rounds_total{"#,
        r#"postern_messaging_cache_lookups_total{"#,
    ] {
        assert!(shown.contains(line), "{line} in\n{shown}");
    }
    let cached = shown
        .lines()
        .find(|line| line.contains(r#"facts="cached""#));
    assert!(cached.unwrap().ends_with(" 21"), "{cached:?}");
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_age_of_nothing_every_message_asks() {
    let (_world, rpc, fake) = service().await;
    let (ada, ben) = friends(&rpc, &fake).await;
    for n in ["one", "two"] {
        delivered(send(&rpc, ben, ada, n).await);
        assert_eq!(fake.calls(), EVERYBODY);
    }
}

/// How often nothing was known of a pair.
fn missed(metrics: &str) -> u64 {
    let of_graph = |line: &&str| {
        line.starts_with("postern_messaging_cache_lookups_total")
            && line.contains(r#"owner="graph""#)
            && line.contains(r#"result="miss""#)
    };
    let line = metrics.lines().find(of_graph);
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_ask_once() {
    let (world, rpc, fake) = remembering().await;
    let (ada, ben) = friends(&rpc, &fake).await;
    let cold = another(&world, &fake);
    // Graph answers once all of them found nothing.
    let looked = fake.clone();
    fake.meanwhile(move |_| {
        let looked = looked.clone();
        async move {
            while missed(&looked.metrics()) < 100 {
                tokio::task::yield_now().await;
            }
        }
    });
    let all = (0..100).map(|n| {
        let cold = Arc::clone(&cold);
        tokio::spawn(async move { send(&cold, ben, ada, &format!("cold-{n}")).await })
    });
    for answer in future::join_all(all).await {
        delivered(answer.unwrap());
    }
    assert_eq!(fake.calls(), EVERYBODY);
    assert_eq!(world.messages().await.len(), 101);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_refusal_is_given_by_what_was_said_before() {
    let (world, rpc, fake) = remembering().await;
    let (ada, ben) = friends(&rpc, &fake).await;
    // What is known refuses: then it changes, and nobody tells.
    let closes: [fn(&Fake, UserId, UserId); 4] = [
        |fake, ada, _| fake.let_write(ada, WhoCanMessage::NoOne),
        |fake, _, ben| fake.let_write(ben, WhoCanMessage::NoOne),
        |fake, ada, ben| fake.block(ada, ben),
        |fake, ada, _| suspend(fake, ada, None),
    ];
    for (n, close) in closes.into_iter().enumerate() {
        rpc.clock.advance(60 * SECOND);
        close(&fake, ada, ben);
        refused(send(&rpc, ben, ada, &format!("closed-{n}")).await);
        assert_eq!(
            fake.calls(),
            EVERYBODY,
            "what was asked for this very message refuses"
        );
        refused(send(&rpc, ben, ada, &format!("still-closed-{n}")).await);
        assert_eq!(fake.calls(), EVERYBODY);
        fake.let_write(ada, WhoCanMessage::Friends);
        fake.let_write(ben, WhoCanMessage::Friends);
        fake.with(|state| {
            state.blocks.clear();
            let standings = state.standings.values_mut();
            standings.for_each(|standing| standing.sanction = None);
        });
        let before = world.messages().await.len();
        assert!(matches!(
            explain(&rpc, ben, ada).await,
            explain_send_response::Outcome::Delivered(_)
        ));
        delivered(send(&rpc, ben, ada, &format!("open-{n}")).await);
        assert_eq!(fake.calls(), EVERYBODY);
        assert_eq!(world.messages().await.len(), before + 1);
    }
    world.audit().await;
}

fn suspend(fake: &Fake, user: UserId, within: Option<Duration>) {
    fake.with(|state| {
        let standing = state.standings.get_mut(&user.to_string()).unwrap();
        standing.sanction = Some(Sanction {
            kind: SanctionKind::Suspended.into(),
            end_time: within.map(|within| NOW.plus(within).to_proto()),
        });
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_is_a_message_made_a_request_by_it() {
    let (_world, rpc, fake) = remembering().await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    let asked = delivered(send(&rpc, ben, ada, "stranger").await);
    assert_eq!(asked.placement(), Placement::Request);
    fake.befriend(ada, ben);
    let friend = delivered(send(&rpc, ben, ada, "friend").await);
    assert_eq!(friend.placement(), Placement::Inbox);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_there_is_not_remembered_so() {
    let (_world, rpc, fake) = remembering().await;
    let (ada, cleo) = (fake.person(WhoCanMessage::Everyone), person());
    fake.with(|state| state.handles.insert("cleo".to_owned(), cleo));
    for recipient in [to(cleo), named("cleo")] {
        let answer = refused(ask(&rpc, ada, recipient, "id").await);
        assert_eq!(answer.reason(), RefusalReason::NotAccepting);
    }
    fake.with(|state| {
        let mut standing = state.standings[&ada.to_string()].clone();
        let mut policy = state.policies[&ada.to_string()].clone();
        (standing.user_id, policy.user_id) = (cleo.to_string(), cleo.to_string());
        state.standings.insert(cleo.to_string(), standing);
        state.policies.insert(cleo.to_string(), policy);
    });
    delivered(send(&rpc, ada, cleo, "id").await);
    delivered(ask(&rpc, ada, named("cleo"), "by-handle").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_owner_known_people_go_on_for_a_minute() {
    for owner in [Graph, Settings, Identity] {
        let (world, rpc, fake) = remembering().await;
        let (ada, ben) = friends(&rpc, &fake).await;
        fake.breaks(owner, Fault::Fails(Status::unavailable("no")));
        rpc.clock.advance(59 * SECOND);
        delivered(send(&rpc, ben, ada, "in-time").await);
        delivered(send(&rpc, ada, ben, "in-time").await);
        assert_eq!(fake.calls(), NOBODY, "{owner}");
        let rows = world.rows().await;
        rpc.clock.advance(SECOND);
        for n in 0..3 {
            undecidable(send(&rpc, ben, ada, &format!("late-{n}")).await);
        }
        assert_eq!(world.rows().await, rows, "{owner}");
        assert!(world.refusals().await.is_empty());
        fake.heals();
        delivered(send(&rpc, ben, ada, "back").await);
        world.audit().await;
    }
}

/// A refusal that would come of what was said before, with nobody there to say it again.
#[tokio::test(flavor = "multi_thread")]
async fn without_an_owner_nobody_is_refused_either() {
    let (world, rpc, fake) = remembering().await;
    let (ada, ben) = friends(&rpc, &fake).await;
    rpc.clock.advance(60 * SECOND);
    fake.let_write(ada, WhoCanMessage::NoOne);
    refused(send(&rpc, ben, ada, "closed").await);
    let records = world.refusals().await;
    fake.breaks(Settings, Fault::Fails(Status::unavailable("no")));
    undecidable(send(&rpc, ben, ada, "nobody-says").await);
    assert_eq!(world.refusals().await, records);
}

/// One who asks for many runs out of time, or goes away: the others do not suffer for it.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_time_does_not_fail_with_whoever_has_none() {
    let (world, rpc, fake) = remembering().await;
    let (ada, ben) = friends(&rpc, &fake).await;
    let cold = another(&world, &fake);
    let (arrived, arriving) = tokio::sync::oneshot::channel();
    let arrived = std::sync::Mutex::new(Some(arrived));
    fake.meanwhile(move |call| {
        let first = (call == 1)
            .then(|| arrived.lock().unwrap().take())
            .flatten();
        async move {
            if let Some(arrived) = first {
                arrived.send(()).unwrap();
                future::pending::<()>().await;
            }
        }
    });
    let hasty = Arc::clone(&cold);
    let hasty = tokio::spawn(async move { send(&hasty, ben, ada, "hasty").await });
    arriving.await.unwrap();
    let patient = Arc::clone(&cold);
    let patient = tokio::spawn(async move { send(&patient, ada, ben, "patient").await });
    hasty.abort();
    assert!(hasty.await.unwrap_err().is_cancelled());
    delivered(patient.await.unwrap());
    assert_eq!(fake.graph_calls(), 2);
    assert_eq!(world.messages().await.len(), 2);
}

/// Of a sanction that is over by its end, identity is asked alone: a milder one may be in force.
#[tokio::test(flavor = "multi_thread")]
async fn a_sanction_that_ended_is_asked_about() {
    let (_world, rpc, fake) = remembering().await;
    let (ada, ben) = friends(&rpc, &fake).await;
    rpc.clock.advance(60 * SECOND);
    suspend(&fake, ben, Some(90 * SECOND));
    let answer = refused(send(&rpc, ben, ada, "suspended").await);
    assert_eq!(answer.reason(), RefusalReason::SenderRestricted);
    fake.calls();
    rpc.clock.advance(30 * SECOND);
    fake.with(|state| {
        let standing = state.standings.get_mut(&ben.to_string()).unwrap();
        standing.sanction = None;
    });
    delivered(send(&rpc, ben, ada, "over").await);
    assert_eq!(fake.calls(), [0, 0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_accepted_by_what_is_said_now() {
    let (_world, rpc, fake) = remembering().await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    let sent = delivered(send(&rpc, ben, ada, "id").await).message.unwrap();
    let accept = || {
        let conversation_id = sent.conversation_id.clone();
        by(ada, LONG, AcceptRequestRequest { conversation_id })
    };
    for owner in [Graph, Settings, Identity] {
        fake.breaks(owner, Fault::Fails(Status::unavailable("no")));
        undecidable(rpc.accept_request(accept()).await);
        fake.heals();
    }
    fake.block(ada, ben);
    let blocked = rpc.accept_request(accept()).await;
    fails(blocked, Code::NotFound, ErrorReason::RequestNotFound);
    fake.with(|state| state.blocks.clear());
    rpc.accept_request(accept()).await.unwrap();
}
