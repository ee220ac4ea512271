//! GetDecision: both kinds of name, what is shown, and the line that every reading leaves.

use std::sync::{Arc, Mutex, OnceLock};

use postern_proto::{
    common::v1::{ErrorReason, PersonRef, person_ref::Person},
    messaging::v1::{
        Decision, GetDecisionRequest, MessageName, Placement, PolicyVersions, RefusalName,
        get_decision_request::Decision as Name, moderation_service_server::ModerationService as _,
    },
    policy::v1::{RefusalReason, WhoCanMessage},
};
use postern_shared::{caller::ServiceName, id::UserId};
use tonic::{Code, Status};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use super::{
    LONG, Rpc, ask, by, delivered, fails,
    fake::{Fake, Fault, service},
    named, person, refused, send, to, undecidable,
};
use crate::store::NOW;

async fn read(rpc: &Rpc, name: Option<Name>) -> Result<Decision, Status> {
    read_by(rpc, person(), name).await
}

async fn read_by(rpc: &Rpc, reader: UserId, name: Option<Name>) -> Result<Decision, Status> {
    let ask = by(reader, LONG, GetDecisionRequest { decision: name });
    let answer = rpc.get_decision(ask).await?.into_inner();
    Ok(answer.decision.unwrap())
}

fn refusal(sender: Person, decision_id: &str) -> Option<Name> {
    Some(Name::Refusal(RefusalName {
        sender: Some(PersonRef {
            person: Some(sender),
        }),
        decision_id: decision_id.to_owned(),
    }))
}

fn message(conversation_id: &str, seq: i64) -> Option<Name> {
    Some(Name::Message(MessageName {
        conversation_id: conversation_id.to_owned(),
        seq,
    }))
}

fn not_found(answer: Result<Decision, Status>) {
    fails(answer, Code::NotFound, ErrorReason::DecisionNotFound);
}

const SEEN: PolicyVersions = PolicyVersions {
    graph: 5,
    settings: 6,
    identity: 7,
};

fn two(fake: &Fake, who: WhoCanMessage) -> (UserId, UserId) {
    (fake.person(who), fake.person(WhoCanMessage::Everyone))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_shown_with_its_facts() {
    let (_world, rpc, fake) = service().await;
    let (ada, ben) = two(&fake, WhoCanMessage::Friends);
    let id = refused(send(&rpc, ben, ada, "id").await).decision_id;
    let shown = read(&rpc, refusal(to(ben), &id)).await.unwrap();
    assert_eq!(shown.sender_id, ben.to_string());
    assert_eq!(shown.recipient_id, ada.to_string());
    assert_eq!(shown.decide_time, Some(NOW.to_proto()));
    assert_eq!(
        (shown.row, shown.rule.as_str()),
        (11, "mutual_follow_required")
    );
    assert_eq!(shown.reason(), RefusalReason::MutualFollowRequired);
    assert_eq!(
        (shown.told(), shown.placement.as_str()),
        (Placement::Unspecified, "")
    );
    assert_eq!(shown.sender_versions, Some(SEEN));
    assert_eq!(shown.recipient_versions, Some(SEEN));
    let fact = "recipient_settings.who_can_message = friends".to_owned();
    assert!(shown.facts.contains(&fact), "{:?}", shown.facts);
    let named_all = shown.facts.iter().all(|line| line.contains(" = "));
    assert!(named_all && shown.facts.len() > 20, "{:?}", shown.facts);
    // By handle as well.
    fake.with(|state| state.handles.insert("ben".to_owned(), ben));
    assert_eq!(read(&rpc, refusal(named("ben"), &id)).await.unwrap(), shown);
    // A recipient by a handle that nobody has.
    let id = refused(ask(&rpc, ben, named("nobody"), "id").await).decision_id;
    let shown = read(&rpc, refusal(to(ben), &id)).await.unwrap();
    assert_eq!((shown.row, shown.recipient_id.as_str()), (9, ""));
    assert_eq!(shown.recipient_versions, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_its_own_record() {
    let (_world, rpc, fake) = service().await;
    let (ada, ben) = two(&fake, WhoCanMessage::Everyone);
    fake.with(|state| {
        let policy = state.policies.get_mut(&ada.to_string()).unwrap();
        policy.filter_keywords = vec!["hello".to_owned()];
    });
    let sent = delivered(send(&rpc, ben, ada, "id").await).message.unwrap();
    let shown = read(&rpc, message(&sent.conversation_id, 1)).await.unwrap();
    let expected = Decision {
        sender_id: ben.to_string(),
        recipient_id: ada.to_string(),
        decide_time: Some(NOW.to_proto()),
        row: 18,
        rule: "stranger_flagged".to_owned(),
        reason: RefusalReason::Unspecified.into(),
        told: Placement::Request.into(),
        placement: "hidden_request".to_owned(),
        facts: Vec::new(),
        sender_versions: Some(SEEN),
        recipient_versions: Some(SEEN),
    };
    assert_eq!(shown, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found_and_what_is_wrong_is_named() {
    let (_world, rpc, fake) = service().await;
    let (ada, ben) = two(&fake, WhoCanMessage::Friends);
    let id = refused(send(&rpc, ben, ada, "id").await).decision_id;
    // Another's, an older one, and one of somebody whom nobody knows.
    not_found(read(&rpc, refusal(to(ada), &id)).await);
    not_found(read(&rpc, refusal(named("nobody"), &id)).await);
    not_found(read(&rpc, refusal(to(ben), &person().to_string())).await);
    not_found(read(&rpc, message(&id, 1)).await);
    fake.breaks(
        ServiceName::Identity,
        Fault::Fails(Status::unavailable("no")),
    );
    undecidable(read(&rpc, refusal(named("ben"), &id)).await);
    for (name, field) in [
        (None, "decision"),
        (refusal(to(ben), "x"), "refusal.decision_id"),
        (refusal(named("?"), &id), "refusal.sender.handle"),
        (message("x", 1), "message.conversation_id"),
        (message(&id, 0), "message.seq"),
        (message(&id, -1), "message.seq"),
        (
            Some(Name::Refusal(RefusalName::default())),
            "refusal.sender",
        ),
    ] {
        let status = read(&rpc, name).await.unwrap_err();
        assert!(status.message().contains(field), "{status:?}");
        fails::<()>(
            Err(status),
            Code::InvalidArgument,
            ErrorReason::InvalidFields,
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_looks_into_what_they_are_part_of() {
    let (_world, rpc, fake) = service().await;
    let (ada, ben) = two(&fake, WhoCanMessage::Everyone);
    let sent = delivered(send(&rpc, ben, ada, "1").await).message.unwrap();
    // The facts of a refusal say who blocks whom.
    fake.block(ada, ben);
    let id = refused(send(&rpc, ben, ada, "2").await).decision_id;
    let stored = message(&sent.conversation_id, sent.seq);
    let nobody = refused(ask(&rpc, ben, named("nobody"), "3").await).decision_id;
    for part in [ada, ben] {
        not_found(read_by(&rpc, part, refusal(to(ben), &id)).await);
        not_found(read_by(&rpc, part, stored.clone()).await);
    }
    not_found(read_by(&rpc, ben, refusal(to(ben), &nobody)).await);
    for name in [refusal(to(ben), &id), stored, refusal(to(ben), &nobody)] {
        assert!(read(&rpc, name).await.is_ok());
    }
}

/// What is logged while this crate is tested.
static LINES: OnceLock<Lines> = OnceLock::new();

/// Every event, as one line of its fields.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!("{}={value:?} ", field.name());
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::INFO
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn every_reading_leaves_a_line_of_who_read_what() {
    let (_world, rpc, fake) = service().await;
    let (ada, ben) = two(&fake, WhoCanMessage::Everyone);
    let sent = delivered(send(&rpc, ben, ada, "id").await).message.unwrap();
    let lines = LINES.get_or_init(|| {
        let lines = Lines::default();
        // For the whole process: whether an event is looked at is decided once for all threads.
        tracing::subscriber::set_global_default(lines.clone()).unwrap();
        lines
    });
    let reader = person();
    for seq in [1, 2] {
        let decision = message(&sent.conversation_id, seq);
        let ask = by(reader, LONG, GetDecisionRequest { decision });
        assert_eq!(rpc.get_decision(ask).await.is_ok(), seq == 1);
    }
    let lines = lines.0.lock().unwrap();
    let by_this = |line: &&String| line.contains(&reader.to_string());
    let read: Vec<_> = lines.iter().filter(by_this).collect();
    assert_eq!(read.len(), 2, "{lines:?}");
    for (line, found) in read.iter().zip(["found=true", "found=false"]) {
        for part in [
            &reader.to_string(),
            &sent.conversation_id,
            "request.id=system",
            found,
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(!line.contains("hello"), "{line}");
    }
}
