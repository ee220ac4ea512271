//! Who blocks looks like who is gone, byte for byte; and a refusal keeps nothing of the message.

use postern_proto::{
    identity::v1::Sanction,
    messaging::v1::message_service_server::MessageService as _,
    policy::v1::{Lifecycle, RefusalReason, SanctionKind, WhoCanMessage},
};
use postern_shared::id::UserId;
use prost::Message as _;

use super::{
    LONG, Person, Rpc, ask, by, delivered,
    fake::{Fake, service},
    named, person, refused, send, text, to,
};

/// The answer without the one thing that differs each time.
async fn bytes(rpc: &Rpc, from: UserId, recipient: Person) -> Vec<u8> {
    let mut answer = refused(ask(rpc, from, recipient, "id").await);
    assert_eq!(answer.reason(), RefusalReason::NotAccepting);
    assert_ne!(answer.decision_id, "");
    answer.decision_id.clear();
    answer.encode_to_vec()
}

fn gone(fake: &Fake, lifecycle: Lifecycle, sanction: Option<SanctionKind>) -> UserId {
    let user = fake.person(WhoCanMessage::Everyone);
    fake.with(|state| {
        let standing = state.standings.get_mut(&user.to_string()).unwrap();
        standing.lifecycle = lifecycle.into();
        standing.sanction = sanction.map(|kind| Sanction {
            kind: kind.into(),
            end_time: None,
        });
    });
    user
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_who_is_gone_or_hides_answers_the_same() {
    let (world, rpc, fake) = service().await;
    let ben = fake.person(WhoCanMessage::Everyone);
    let unknown = bytes(&rpc, ben, to(person())).await;
    assert_eq!(bytes(&rpc, ben, named("nobody")).await, unknown);
    let active = Lifecycle::Active;
    let mut hidden = vec![
        gone(&fake, Lifecycle::Deactivated, None),
        gone(&fake, Lifecycle::Erasing, None),
        gone(&fake, Lifecycle::Erased, None),
        gone(&fake, active, Some(SanctionKind::Suspended)),
        gone(&fake, active, Some(SanctionKind::Banned)),
        gone(&fake, Lifecycle::Deactivated, Some(SanctionKind::Banned)),
    ];
    // Whatever else is true of who blocks.
    for who in [
        WhoCanMessage::Everyone,
        WhoCanMessage::Friends,
        WhoCanMessage::NoOne,
    ] {
        for friends in [false, true] {
            let ada = fake.person(who);
            fake.block(ada, ben);
            if friends {
                fake.befriend(ada, ben);
            }
            hidden.push(ada);
        }
    }
    for (index, user) in hidden.into_iter().enumerate() {
        let handle = format!("h{index}");
        fake.with(|state| state.handles.insert(handle.clone(), user));
        assert_eq!(bytes(&rpc, ben, to(user)).await, unknown, "{index}");
        assert_eq!(bytes(&rpc, ben, named(&handle)).await, unknown, "{index}");
        // Settings may have forgotten whoever is gone; that does not show.
        let kept = fake.with(|state| state.policies.remove(&user.to_string()));
        assert_eq!(bytes(&rpc, ben, to(user)).await, unknown, "{index}");
        fake.with(|state| state.policies.insert(user.to_string(), kept.unwrap()));
    }
    assert_eq!(world.rows().await, [0; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_hides_in_a_running_conversation_too() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    fake.befriend(ada, ben);
    delivered(send(&rpc, ben, ada, "first").await);
    fake.block(ada, ben);
    let rows = world.rows().await;
    let blocking = bytes(&rpc, ben, to(ada)).await;
    assert_eq!(blocking, bytes(&rpc, ben, to(person())).await);
    assert_eq!(world.rows().await, rows);
    // Her own sends say plainly why.
    let own = refused(send(&rpc, ada, ben, "id").await);
    assert_eq!(own.reason(), RefusalReason::YouBlockedRecipient);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_of_a_refusal_holds_facts_and_no_text() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Friends),
        fake.person(WhoCanMessage::Everyone),
    );
    let message = text(to(ada), "canary-id", "canary-text");
    let answer = rpc.send_message(by(ben, LONG, message)).await.unwrap();
    let told = refused(Ok(answer.into_inner()));
    let records = world.refusals().await;
    let [record] = &records[..] else {
        panic!("one refusal is recorded");
    };
    for (expected, there) in [
        ("canary", false),
        (told.decision_id.as_str(), true),
        ("mutual_follow_required", true),
        ("MUTUAL_FOLLOW_REQUIRED", true),
        ("recipient_settings.who_can_message = friends", true),
        ("sender_settings_version: Some(6)", true),
        (&ada.to_string(), true),
        (&ben.to_string(), true),
    ] {
        assert_eq!(record.contains(expected), there, "{expected}: {record}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_no_answer_to_keep_and_a_retry_a_new_attempt() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Friends),
        fake.person(WhoCanMessage::Everyone),
    );
    let first = refused(send(&rpc, ben, ada, "id").await);
    let second = refused(send(&rpc, ben, ada, "id").await);
    assert_ne!(first.decision_id, second.decision_id);
    assert_eq!(world.refusals().await.len(), 2);
    assert_eq!(world.rows().await, [0; 5]);
    fake.befriend(ada, ben);
    let stored = delivered(send(&rpc, ben, ada, "id").await);
    assert_eq!(stored.message.unwrap().seq, 1);
    // And the answer that was stored stays, whatever changes afterwards.
    fake.unfollow(ada, ben, 6);
    delivered(send(&rpc, ben, ada, "id").await);
    assert_eq!(
        refused(send(&rpc, ben, ada, "other").await).reason(),
        first.reason()
    );
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_names_the_same_person_as_the_id() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    fake.with(|state| {
        state.handles.insert("ada".to_owned(), ada);
        state.handles.insert("ben".to_owned(), ben);
    });
    let by_handle = delivered(ask(&rpc, ben, named("ada"), "id").await);
    assert_eq!(delivered(send(&rpc, ben, ada, "id").await), by_handle);
    let own = refused(ask(&rpc, ben, named("ben"), "id").await);
    assert_eq!(own.reason(), RefusalReason::SelfMessage);
    world.audit().await;
}
