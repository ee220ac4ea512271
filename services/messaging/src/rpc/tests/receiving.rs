//! ExplainReceive: the caller's own choices, nothing of the person's, and nobody who hides.

use std::time::Duration;

use postern_proto::{
    common::v1::{ErrorReason, PersonRef},
    identity::v1::Sanction,
    messaging::v1::{
        AcceptRequestRequest, ConsentOrigin, ConsentState, DeclineRequestRequest,
        DeleteMessageRequest, DeleteScope, ExplainReceiveRequest, ExplainReceiveResponse,
        Reception, ReceptionCause, consent_service_server::ConsentService as _,
        message_service_server::MessageService as _, request_service_server::RequestService as _,
    },
    policy::v1::{AgeBand, Lifecycle, RefusalReason, SanctionKind, WhoCanMessage},
};
use postern_shared::{
    caller::ServiceName::{Graph, Identity, Settings},
    error::reason_of,
    id::UserId,
};
use tonic::{Code, Status};

use super::{
    LONG, Person, Rpc, by, delivered, fails,
    fake::{Fake, Fault, service},
    named, person, refused, send, to, undecidable,
};

async fn explain(rpc: &Rpc, me: UserId, person: Person) -> Result<ExplainReceiveResponse, Status> {
    let person = Some(PersonRef {
        person: Some(person),
    });
    let ask = by(me, LONG, ExplainReceiveRequest { person });
    Ok(rpc.explain_receive(ask).await?.into_inner())
}

async fn explained(rpc: &Rpc, me: UserId, other: UserId) -> (Reception, ReceptionCause) {
    let answer = explain(rpc, me, to(other)).await.unwrap();
    (answer.reception(), answer.cause())
}

fn aged(fake: &Fake, user: UserId, band: AgeBand) {
    fake.with(|state| {
        let standing = state.standings.get_mut(&user.to_string()).unwrap();
        standing.age_band = band.into();
    });
}

fn two(fake: &Fake, mine: WhoCanMessage) -> (UserId, UserId) {
    (fake.person(mine), fake.person(WhoCanMessage::Everyone))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_choice_has_its_place_and_cause() {
    use ReceptionCause as Cause;
    let (world, rpc, fake) = service().await;
    for (who, expected) in [
        (
            WhoCanMessage::Everyone,
            (Reception::Request, Cause::Stranger),
        ),
        (
            WhoCanMessage::Friends,
            (Reception::Refused, Cause::FriendsOnly),
        ),
        (
            WhoCanMessage::NoOne,
            (Reception::Refused, Cause::YourMessagesAreOff),
        ),
    ] {
        let (ada, ben) = two(&fake, who);
        assert_eq!(explained(&rpc, ada, ben).await, expected);
    }
    let (ada, ben) = two(&fake, WhoCanMessage::Friends);
    fake.befriend(ada, ben);
    let friends = (Reception::Inbox, Cause::Friends);
    assert_eq!(explained(&rpc, ada, ben).await, friends);
    fake.unfollow(ben, ada, 6);
    let only = (Reception::Refused, Cause::FriendsOnly);
    assert_eq!(explained(&rpc, ada, ben).await, only);
    fake.let_write(ada, WhoCanMessage::Everyone);
    let follows = (Reception::Inbox, Cause::YouFollow);
    assert_eq!(explained(&rpc, ada, ben).await, follows);
    fake.block(ada, ben);
    let blocked = (Reception::Refused, Cause::YouBlock);
    assert_eq!(explained(&rpc, ada, ben).await, blocked);
    let child = fake.person(WhoCanMessage::NoOne);
    aged(&fake, child, AgeBand::Under16);
    let young = (Reception::Refused, Cause::Age);
    assert_eq!(explained(&rpc, child, ben).await, young);
    assert_eq!(world.rows().await, [0; 5]);
    assert!(world.refusals().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_which_nothing_is_left_is_none() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = two(&fake, WhoCanMessage::Everyone);
    for id in ["one", "two", "three"] {
        delivered(send(&rpc, ben, ada, id).await);
    }
    let full = (Reception::Refused, ReceptionCause::RequestFull);
    assert_eq!(explained(&rpc, ada, ben).await, full);
    let pair = world.conversation_of(ada, ben).await;
    for seq in 1..=3 {
        let ask = DeleteMessageRequest {
            conversation_id: pair.id.to_string(),
            seq,
            scope: DeleteScope::Everyone.into(),
        };
        rpc.delete_message(by(ben, LONG, ask)).await.unwrap();
    }
    let stranger = (Reception::Request, ReceptionCause::Stranger);
    assert_eq!(explained(&rpc, ada, ben).await, stranger);
    // He knows what he sent, and got nothing back for it.
    let fourth = refused(send(&rpc, ben, ada, "four").await);
    assert_eq!(fourth.reason(), RefusalReason::AwaitingAcceptance);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_leads_from_full_to_declined_to_agreed() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = two(&fake, WhoCanMessage::Everyone);
    let mut conversation_id = String::new();
    for id in ["one", "two", "three"] {
        let stranger = (Reception::Request, ReceptionCause::Stranger);
        assert_eq!(explained(&rpc, ada, ben).await, stranger);
        let sent = delivered(send(&rpc, ben, ada, id).await).message.unwrap();
        conversation_id = sent.conversation_id;
    }
    let full = (Reception::Refused, ReceptionCause::RequestFull);
    assert_eq!(explained(&rpc, ada, ben).await, full);
    let answer = explain(&rpc, ada, to(ben)).await.unwrap();
    assert_eq!(answer.consent, None);
    // Ben's own agreement, by having written, lets Ada in.
    let answer = explain(&rpc, ben, to(ada)).await.unwrap();
    assert_eq!(answer.cause(), ReceptionCause::Consent);
    let consent = answer.consent.unwrap();
    assert_eq!(consent.user_id, ada.to_string());
    assert_eq!(consent.origin(), ConsentOrigin::Wrote);
    assert_eq!(consent.state(), ConsentState::Counts);
    assert!(consent.grant_time.is_some());
    let decline = DeclineRequestRequest {
        conversation_id: conversation_id.clone(),
        ..DeclineRequestRequest::default()
    };
    rpc.decline_request(by(ada, LONG, decline)).await.unwrap();
    let declined = (Reception::Refused, ReceptionCause::YouDeclined);
    assert_eq!(explained(&rpc, ada, ben).await, declined);
    rpc.clock.advance(Duration::from_secs(60));
    let sent = delivered(send(&rpc, ben, ada, "four").await);
    assert_eq!(sent.message.unwrap().conversation_id, conversation_id);
    let accept = by(ada, LONG, AcceptRequestRequest { conversation_id });
    rpc.accept_request(accept).await.unwrap();
    let agreed = (Reception::Inbox, ReceptionCause::Consent);
    assert_eq!(explained(&rpc, ada, ben).await, agreed);
    let consent = explain(&rpc, ada, to(ben)).await.unwrap().consent.unwrap();
    assert_eq!(consent.origin(), ConsentOrigin::Accepted);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_the_person_chose_is_used() {
    let (_world, rpc, fake) = service().await;
    for mine in [WhoCanMessage::Everyone, WhoCanMessage::Friends] {
        for band in [AgeBand::AgeBand16To17, AgeBand::Adult] {
            let (ada, ben) = two(&fake, mine);
            aged(&fake, ada, band);
            let expected = explain(&rpc, ada, to(ben)).await.unwrap();
            for theirs in [WhoCanMessage::Friends, WhoCanMessage::NoOne] {
                fake.let_write(ben, theirs);
                for band in [AgeBand::Under16, AgeBand::AgeBand16To17, AgeBand::Adult] {
                    aged(&fake, ben, band);
                    assert_eq!(explain(&rpc, ada, to(ben)).await.unwrap(), expected);
                }
            }
            fake.with(|state| {
                let standing = state.standings.get_mut(&ben.to_string()).unwrap();
                standing.sanction = Some(Sanction {
                    kind: SanctionKind::SendRestricted.into(),
                    end_time: None,
                });
            });
            assert_eq!(explain(&rpc, ada, to(ben)).await.unwrap(), expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_shows_where_something_gets_in() {
    let (_world, rpc, fake) = service().await;
    let (ada, ben) = two(&fake, WhoCanMessage::Everyone);
    assert!(!explain(&rpc, ada, to(ben)).await.unwrap().filtered);
    fake.with(|state| {
        let policy = state.policies.get_mut(&ada.to_string()).unwrap();
        policy.filter_keywords.push("canary".to_owned());
    });
    assert!(explain(&rpc, ada, to(ben)).await.unwrap().filtered);
    fake.block(ada, ben);
    assert!(!explain(&rpc, ada, to(ben)).await.unwrap().filtered);
}

/// The whole status, as bytes and words.
async fn missing(rpc: &Rpc, me: UserId, person: Person) -> (Code, String, Vec<u8>) {
    let status = explain(rpc, me, person).await.unwrap_err();
    assert_eq!(reason_of(&status), Some(ErrorReason::AccountNotFound));
    (
        status.code(),
        status.message().to_owned(),
        status.details().to_vec(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_or_blocks_does_not_exist() {
    let (_world, rpc, fake) = service().await;
    let ada = fake.person(WhoCanMessage::Everyone);
    let nobody = missing(&rpc, ada, to(person())).await;
    assert_eq!(missing(&rpc, ada, named("nobody")).await, nobody);
    for own_block in [false, true] {
        for (lifecycle, sanction, blocks) in [
            (Lifecycle::Deactivated, None, false),
            (Lifecycle::Erasing, None, false),
            (Lifecycle::Erased, None, false),
            (Lifecycle::Active, Some(SanctionKind::Suspended), false),
            (Lifecycle::Active, Some(SanctionKind::Banned), false),
            (Lifecycle::Active, None, true),
        ] {
            let ben = fake.person(WhoCanMessage::Everyone);
            delivered(send(&rpc, ben, ada, "id").await);
            fake.with(|state| {
                state.handles.insert("ben".to_owned(), ben);
                let standing = state.standings.get_mut(&ben.to_string()).unwrap();
                standing.lifecycle = lifecycle.into();
                standing.sanction = sanction.map(|kind| Sanction {
                    kind: kind.into(),
                    end_time: None,
                });
            });
            if blocks {
                fake.block(ben, ada);
            }
            if own_block {
                fake.block(ada, ben);
            }
            assert_eq!(missing(&rpc, ada, to(ben)).await, nobody);
            assert_eq!(missing(&rpc, ada, named("ben")).await, nobody);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oneself_nonsense_and_silence_are_told_apart() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = two(&fake, WhoCanMessage::Everyone);
    fake.with(|state| state.handles.insert("ada".to_owned(), ada));
    for me in [to(ada), named("ada")] {
        let answer = explain(&rpc, ada, me).await;
        fails(answer, Code::InvalidArgument, ErrorReason::SelfReference);
    }
    let answer = explain(&rpc, ada, Person::UserId("x".to_owned())).await;
    fails(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
    for owner in [Graph, Settings, Identity] {
        fake.breaks(owner, Fault::Fails(Status::unavailable("no")));
        undecidable(explain(&rpc, ada, to(ben)).await);
        undecidable(explain(&rpc, ada, to(person())).await);
        fake.heals();
    }
    // A token of before the caller was gone opens nothing here either.
    fake.with(|state| {
        let standing = state.standings.get_mut(&ada.to_string()).unwrap();
        standing.lifecycle = Lifecycle::Deactivated.into();
    });
    let answer = explain(&rpc, ada, to(ben)).await;
    fails(
        answer,
        Code::PermissionDenied,
        ErrorReason::AccountRestricted,
    );
    assert_eq!(world.rows().await, [0; 5]);
}
