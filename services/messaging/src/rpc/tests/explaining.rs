//! ExplainSend beside SendMessage: the same answer, told before, and nothing left behind.

use std::time::Duration;

use postern_proto::{
    common::v1::{ErrorReason, PersonRef},
    identity::v1::Sanction,
    messaging::v1::{
        Content, ExplainSendRequest, ExplainSendResponse, ExplainedRefusal, Link, Placement,
        Remedy, SendMessageRequest, SharedVideo, consent_service_server::ConsentService as _,
        content, explain_send_response::Outcome, message_service_server::MessageService as _,
        send_message_response::Outcome as Sent,
    },
    policy::v1::{AgeBand, Lifecycle, RefusalReason, SanctionKind, WhoCanMessage},
};
use postern_shared::{
    caller::ServiceName::{Graph, Identity, Settings},
    id::UserId,
};
use prost::Message as _;
use tonic::{Code, Status};

use super::{
    LONG, Person, Rpc, by, delivered, fails,
    fake::{Fake, Fault, service, service_with},
    named, person, refused, send, to, undecidable,
};
use crate::{
    domain::{Budget, Budgets},
    store::NOW,
};

fn text(text: &str) -> Option<Content> {
    let content = Some(content::Content::Text(text.to_owned()));
    Some(Content { content })
}

fn video() -> Option<Content> {
    let video_id = "v1".to_owned();
    let content = Some(content::Content::SharedVideo(SharedVideo { video_id }));
    Some(Content { content })
}

async fn explain(
    rpc: &Rpc,
    me: UserId,
    person: Person,
    content: Option<Content>,
) -> Result<ExplainSendResponse, Status> {
    let recipient = Some(PersonRef {
        person: Some(person),
    });
    let ask = ExplainSendRequest { recipient, content };
    Ok(rpc.explain_send(by(me, LONG, ask)).await?.into_inner())
}

async fn explained(rpc: &Rpc, me: UserId, other: UserId) -> ExplainedRefusal {
    match explain(rpc, me, to(other), None).await.unwrap().outcome {
        Some(Outcome::Refused(refused)) => refused,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn sanctioned(fake: &Fake, user: UserId, kind: SanctionKind) {
    fake.with(|state| {
        let standing = state.standings.get_mut(&user.to_string()).unwrap();
        standing.sanction = Some(Sanction {
            kind: kind.into(),
            end_time: Some(NOW.plus(Duration::from_secs(60)).to_proto()),
        });
    });
}

fn lives(fake: &Fake, user: UserId, lifecycle: Lifecycle) {
    fake.with(|state| {
        let standing = state.standings.get_mut(&user.to_string()).unwrap();
        standing.lifecycle = lifecycle.into();
    });
}

fn is_aged(fake: &Fake, user: UserId, band: AgeBand) {
    fake.with(|state| {
        let standing = state.standings.get_mut(&user.to_string()).unwrap();
        standing.age_band = band.into();
    });
}

/// Asks first and sends then; what both say must be one.
async fn compare(rpc: &Rpc, me: UserId, person: Person, content: Option<Content>) -> String {
    let before = explain(rpc, me, person.clone(), content.clone()).await;
    let message = SendMessageRequest {
        recipient: Some(PersonRef {
            person: Some(person),
        }),
        client_message_id: UserId::random(&rpc.random).to_string(),
        content: content.or_else(|| text("hello")),
    };
    let sent = rpc.send_message(by(me, LONG, message)).await.unwrap();
    match (before.unwrap().outcome, sent.into_inner().outcome) {
        (Some(Outcome::Delivered(placement)), Some(Sent::Delivered(sent))) => {
            assert_eq!(placement, sent.placement);
            Placement::try_from(placement).unwrap().as_str_name().into()
        }
        (Some(Outcome::Refused(told)), Some(Sent::Refused(sent))) => {
            assert_eq!(told.reason, sent.reason);
            assert_eq!(told.retry_after, sent.retry_after);
            assert_eq!(told.restricted_until, sent.restricted_until);
            assert_eq!(told.content_class, sent.content_class);
            let remedies = told.remedies().map(|one| one.as_str_name());
            let remedies: Vec<_> = remedies.collect();
            format!("{}: {}", told.reason().as_str_name(), remedies.join(" "))
        }
        (told, sent) => panic!("{told:?} was told, {sent:?} happened"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_sending_would_say_and_what_to_do() {
    let (world, rpc, fake) = service().await;
    let open = || fake.person(WhoCanMessage::Everyone);
    let mut said = Vec::new();
    // What is the caller's own.
    let (ada, own) = (open(), open());
    said.push(compare(&rpc, ada, to(ada), None).await);
    for kind in [SanctionKind::SendRestricted, SanctionKind::Suspended] {
        sanctioned(&fake, own, kind);
        said.push(compare(&rpc, own, to(ada), None).await);
    }
    let child = fake.person(WhoCanMessage::NoOne);
    is_aged(&fake, child, AgeBand::Under16);
    said.push(compare(&rpc, child, to(ada), None).await);
    let closed = fake.person(WhoCanMessage::NoOne);
    said.push(compare(&rpc, closed, to(ada), None).await);
    let enemy = open();
    fake.block(ada, enemy);
    said.push(compare(&rpc, ada, to(enemy), None).await);
    // What is the other's.
    said.push(compare(&rpc, ada, to(closed), None).await);
    said.push(compare(&rpc, ada, named("nobody"), None).await);
    let careful = fake.person(WhoCanMessage::Friends);
    said.push(compare(&rpc, ada, to(careful), None).await);
    let edge = (ada.to_string(), careful.to_string());
    fake.with(|state| state.follows.insert(edge));
    said.push(compare(&rpc, ada, to(careful), None).await);
    fake.befriend(ada, careful);
    said.push(compare(&rpc, ada, to(careful), video()).await);
    // A request and its end.
    let ben = open();
    said.push(compare(&rpc, ada, to(ben), video()).await);
    for _ in 0..4 {
        said.push(compare(&rpc, ada, to(ben), text("hello")).await);
    }
    said.push(compare(&rpc, ben, to(ada), None).await);
    assert_eq!(
        said,
        [
            "REFUSAL_REASON_SELF_MESSAGE: ",
            "REFUSAL_REASON_SENDER_RESTRICTED: REMEDY_SEE_MY_STANDING",
            "REFUSAL_REASON_SENDER_RESTRICTED: REMEDY_SEE_MY_STANDING",
            "REFUSAL_REASON_SENDER_AGE_RESTRICTED: ",
            "REFUSAL_REASON_YOUR_MESSAGES_ARE_OFF: REMEDY_TURN_MY_MESSAGES_ON",
            "REFUSAL_REASON_YOU_BLOCKED_RECIPIENT: REMEDY_UNBLOCK",
            "REFUSAL_REASON_RECIPIENT_MESSAGES_ARE_OFF: ",
            "REFUSAL_REASON_NOT_ACCEPTING: ",
            "REFUSAL_REASON_MUTUAL_FOLLOW_REQUIRED: REMEDY_FOLLOW",
            "REFUSAL_REASON_MUTUAL_FOLLOW_REQUIRED: REMEDY_AWAIT_FOLLOW_BACK",
            "PLACEMENT_INBOX",
            "REFUSAL_REASON_REQUEST_TEXT_ONLY: REMEDY_SEND_TEXT",
            "PLACEMENT_REQUEST",
            "PLACEMENT_REQUEST",
            "PLACEMENT_REQUEST",
            "REFUSAL_REASON_AWAITING_ACCEPTANCE: REMEDY_AWAIT_ACCEPTANCE",
            "PLACEMENT_INBOX",
        ]
    );
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_it_is_stored() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Friends),
        fake.person(WhoCanMessage::Everyone),
    );
    let reason = explained(&rpc, ben, ada).await.reason();
    assert_eq!(reason, RefusalReason::MutualFollowRequired);
    for content in [None, text("canary"), text("see https://example.org")] {
        let told = explain(&rpc, ada, to(ben), content).await.unwrap();
        let request = Outcome::Delivered(Placement::Request.into());
        assert_eq!(told.outcome, Some(request));
    }
    assert_eq!(world.rows().await, [0; 5]);
    assert!(world.refusals().await.is_empty());
}

/// Two attempts a minute, plenty of all else.
fn two_attempts() -> Budgets {
    let plenty = Budget::new(1_000, 1_000);
    Budgets {
        attempts: Budget::per(2, 60_000),
        pair: plenty,
        new_strangers: plenty,
        inbound_person: plenty,
        inbound_business: plenty,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_is_an_attempt_whatever_the_answer() {
    let budgets = Some(two_attempts());
    let (world, rpc, fake) = service_with(|config| config.budgets = budgets).await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    explain(&rpc, ada, to(ben), None).await.unwrap();
    let reason = explained(&rpc, ada, person()).await.reason();
    assert_eq!(reason, RefusalReason::NotAccepting);
    let empty = explained(&rpc, ada, ben).await;
    assert_eq!(empty.reason(), RefusalReason::RateLimited);
    assert_eq!(empty.remedies, [i32::from(Remedy::Wait)]);
    let sent = refused(send(&rpc, ada, ben, "id").await);
    assert_eq!(sent.reason(), RefusalReason::RateLimited);
    assert_eq!(sent.retry_after, empty.retry_after);
    // Hers is the only row, and she waits as long as she was told.
    assert_eq!(world.rows().await, [0, 1, 0, 0, 0]);
    assert!(world.refusals().await.is_empty());
    let wait = empty.retry_after.unwrap();
    let wait = Duration::new(
        wait.seconds.try_into().unwrap(),
        wait.nanos.try_into().unwrap(),
    );
    rpc.clock.advance(wait);
    delivered(send(&rpc, ada, ben, "id").await);
    let reason = explained(&rpc, ada, ben).await.reason();
    assert_eq!(reason, RefusalReason::RateLimited);
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_about_an_answer_to_a_request_is_as_free_as_the_answer() {
    let budgets = Some(two_attempts());
    let (_world, rpc, fake) = service_with(|config| config.budgets = budgets).await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    delivered(send(&rpc, ben, ada, "asks").await);
    for _ in 0..4 {
        let told = explain(&rpc, ada, to(ben), None).await.unwrap();
        let inbox = Outcome::Delivered(Placement::Inbox.into());
        assert_eq!(told.outcome, Some(inbox));
    }
    delivered(send(&rpc, ada, ben, "answers").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_blocks_is_explained_like_who_is_gone() {
    let (_world, rpc, fake) = service().await;
    let ada = fake.person(WhoCanMessage::Everyone);
    let bytes = async |person, content| {
        let told = explain(&rpc, ada, person, content).await.unwrap();
        told.encode_to_vec()
    };
    for content in [None, text("hello"), video()] {
        let nobody = bytes(to(person()), content.clone()).await;
        assert_eq!(bytes(named("nobody"), content.clone()).await, nobody);
        for follows in [false, true] {
            let (gone, blocking) = (
                fake.person(WhoCanMessage::Friends),
                fake.person(WhoCanMessage::Friends),
            );
            lives(&fake, gone, Lifecycle::Deactivated);
            fake.block(blocking, ada);
            for hidden in [gone, blocking] {
                if follows {
                    fake.befriend(ada, hidden);
                }
                assert_eq!(bytes(to(hidden), content.clone()).await, nobody);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_and_silence_are_told_apart() {
    let budgets = Some(two_attempts());
    let (world, rpc, fake) = service_with(|config| config.budgets = budgets).await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    for owner in [Graph, Settings, Identity] {
        fake.breaks(owner, Fault::Fails(Status::unavailable("no")));
        undecidable(explain(&rpc, ada, to(ben), None).await);
        fake.heals();
    }
    fake.breaks(Identity, Fault::Fails(Status::unavailable("no")));
    undecidable(explain(&rpc, ada, named("ben"), None).await);
    fake.heals();
    let url = "not a url".to_owned();
    let link = Some(Content {
        content: Some(content::Content::Link(Link { url })),
    });
    for wrong in [Some(Content::default()), text(""), link] {
        let answer = explain(&rpc, ada, to(ben), wrong).await;
        fails(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
    }
    let nobody = by(ada, LONG, ExplainSendRequest::default());
    let answer = rpc.explain_send(nobody).await;
    fails(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
    // None of it was an attempt.
    assert_eq!(world.rows().await, [0; 5]);
}
