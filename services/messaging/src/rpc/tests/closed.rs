//! An owner that does not answer, or not in a way that can be understood, decides nothing.

use std::time::Duration;

use postern_proto::{
    identity::v1::Sanction,
    messaging::v1::{
        AcceptRequestRequest, ListRequestsRequest, SendMessageResponse,
        message_service_server::MessageService as _, request_service_server::RequestService as _,
    },
    policy::v1::{Lifecycle, RefusalReason, SanctionKind, WhoCanMessage},
};
use postern_shared::{
    caller::ServiceName::{self, Graph, Identity, Settings},
    error,
    id::UserId,
};
use tonic::{Code, Status};

use super::{
    LONG, Rpc, ask, by, delivered,
    fake::{Fault, service},
    named, refused, send, text, to, undecidable,
};
use crate::store::NOW;

const OWNERS: [ServiceName; 3] = [Graph, Settings, Identity];
/// How long a caller waits for an owner that never answers.
const SHORT: Duration = Duration::from_millis(120);

async fn send_within(
    rpc: &Rpc,
    from: UserId,
    other: UserId,
    within: Duration,
) -> Result<SendMessageResponse, Status> {
    let ask = by(from, within, text(to(other), "id", "hello"));
    Ok(rpc.send_message(ask).await?.into_inner())
}

fn failures() -> [Status; 6] {
    let ours = |code, reason| error::status(code, reason, "no");
    use postern_proto::common::v1::ErrorReason::{AccountNotFound, CallerNotAllowed, Contention};
    [
        Status::unavailable("no"),
        Status::internal("no"),
        Status::cancelled("operation was canceled"),
        ours(Code::NotFound, AccountNotFound),
        ours(Code::PermissionDenied, CallerNotAllowed),
        ours(Code::Aborted, Contention),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_nothing_is_decided_and_nothing_stored() {
    let (world, rpc, fake) = service().await;
    for owner in OWNERS {
        let faults = failures().map(Fault::Fails);
        for fault in faults.into_iter().chain([Fault::Never]) {
            let within = match fault {
                Fault::Never => SHORT,
                _ => LONG,
            };
            fake.breaks(owner, fault);
            let (ada, ben) = (
                fake.person(WhoCanMessage::Everyone),
                fake.person(WhoCanMessage::Everyone),
            );
            fake.befriend(ada, ben);
            undecidable(send_within(&rpc, ben, ada, within).await);
            assert_eq!(world.rows().await, [0; 5], "{owner}");
            fake.heals();
        }
    }
    assert!(world.refusals().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_conversation_stops_and_its_past_stays_answered() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Friends),
        fake.person(WhoCanMessage::Friends),
    );
    fake.befriend(ada, ben);
    let first = send(&rpc, ben, ada, "first").await;
    for owner in OWNERS {
        fake.breaks(owner, Fault::Fails(Status::unavailable("no")));
        let rows = world.rows().await;
        undecidable(send(&rpc, ben, ada, "next").await);
        // The first answer needs nobody.
        let again = send(&rpc, ben, ada, "first").await;
        assert_eq!(delivered(again), delivered(first.clone()));
        assert_eq!(world.rows().await, rows);
        fake.heals();
    }
    assert_eq!(
        delivered(send(&rpc, ben, ada, "next").await)
            .message
            .unwrap()
            .seq,
        2
    );
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_above_the_missing_answer_decide_without_it() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    // Whom identity does not know holds a token that should not exist.
    let unknown: [fn(&mut _); 2] = [
        |a: &mut postern_proto::identity::v1::BatchGetStandingResponse| a.standings.clear(),
        |a| drop(a.standings.remove(0)),
    ];
    for garble in unknown {
        fake.breaks(Identity, Fault::Identity(garble));
        let reason = refused(send(&rpc, ben, ada, "id").await).reason();
        assert_eq!(reason, RefusalReason::SenderRestricted);
    }
    fake.breaks(Identity, Fault::Identity(|a| a.standings.truncate(1)));
    let reason = refused(send(&rpc, ben, ada, "id").await).reason();
    assert_eq!(reason, RefusalReason::NotAccepting);
    fake.heals();
    // Oneself, a sanction: neither graph nor settings is needed.
    fake.with(|state| {
        let standing = state.standings.get_mut(&ben.to_string()).unwrap();
        standing.sanction = Some(Sanction {
            kind: SanctionKind::SendRestricted.into(),
            end_time: Some(NOW.plus(Duration::from_secs(60)).to_proto()),
        });
    });
    for owner in [Graph, Settings] {
        fake.breaks(owner, Fault::Fails(Status::unavailable("no")));
    }
    let answer = refused(send(&rpc, ben, ada, "id").await);
    assert_eq!(answer.reason(), RefusalReason::SenderRestricted);
    let until = NOW.plus(Duration::from_secs(60)).to_proto();
    assert_eq!(answer.restricted_until, Some(until));
    fake.breaks(Identity, Fault::Fails(Status::unavailable("no")));
    let answer = refused(send(&rpc, ben, ben, "id").await);
    assert_eq!(answer.reason(), RefusalReason::SelfMessage);
    assert_eq!(world.rows().await, [0; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sanctioned_sender_is_told_until_when() {
    let (world, rpc, fake) = service().await;
    let end = NOW.plus(Duration::from_millis(90_500)).to_proto();
    for (kind, end_time, told) in [
        (SanctionKind::SendRestricted, Some(end), Some(end)),
        (SanctionKind::SendRestricted, None, None),
        (SanctionKind::Suspended, Some(end), Some(end)),
        (SanctionKind::Banned, Some(end), None),
    ] {
        let (ada, ben) = (
            fake.person(WhoCanMessage::Everyone),
            fake.person(WhoCanMessage::Everyone),
        );
        let kind = kind.into();
        fake.with(|state| {
            let standing = state.standings.get_mut(&ben.to_string()).unwrap();
            standing.sanction = Some(Sanction { kind, end_time });
        });
        let answer = refused(send(&rpc, ben, ada, "id").await);
        assert_eq!(answer.reason(), RefusalReason::SenderRestricted);
        assert_eq!(answer.restricted_until, told, "{kind}");
        // And nobody who is not active sends, whatever their token says.
        for state in [
            Lifecycle::Deactivated,
            Lifecycle::Erasing,
            Lifecycle::Erased,
        ] {
            fake.with(|all| {
                let standing = all.standings.get_mut(&ben.to_string()).unwrap();
                standing.lifecycle = state.into();
            });
            let answer = refused(send(&rpc, ben, ada, "id").await);
            assert_eq!(answer.reason(), RefusalReason::SenderRestricted);
            assert_eq!(answer.restricted_until, None);
        }
    }
    assert_eq!(world.rows().await, [0; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_that_cannot_be_looked_up_is_nobodys_refusal() {
    let (world, rpc, fake) = service().await;
    let ben = fake.person(WhoCanMessage::Everyone);
    for handle in ["proxy", "broken"] {
        undecidable(ask(&rpc, ben, named(handle), "id").await);
    }
    fake.breaks(Identity, Fault::Fails(Status::internal("no")));
    undecidable(ask(&rpc, ben, named("ada"), "id").await);
    fake.breaks(Identity, Fault::Never);
    let late = by(ben, SHORT, text(named("ada"), "id", "hello"));
    undecidable(rpc.send_message(late).await);
    assert!(world.refusals().await.is_empty());
    assert_eq!(world.rows().await, [0; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn accepting_is_not_guessed_either() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    let sent = delivered(send(&rpc, ben, ada, "id").await).message.unwrap();
    let accept = || {
        let conversation_id = sent.conversation_id.clone();
        rpc.accept_request(by(ada, LONG, AcceptRequestRequest { conversation_id }))
    };
    let before = world.conversation_of(ada, ben).await;
    for owner in OWNERS {
        fake.breaks(owner, Fault::Fails(Status::unavailable("no")));
        undecidable(accept().await);
        assert_eq!(world.conversation_of(ada, ben).await, before);
        // Reading asks nobody.
        let list = by(ada, LONG, ListRequestsRequest::default());
        let listed = rpc.list_requests(list).await.unwrap().into_inner();
        assert_eq!(listed.requests.len(), 1);
        fake.heals();
    }
    accept().await.unwrap();
    world.audit().await;
}
