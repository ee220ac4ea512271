//! DeleteMessage through its door, and what both people see of it.

use std::time::Duration;

use postern_policy::Placement as Placed;
use postern_proto::{
    common::v1::ErrorReason,
    messaging::v1::{
        DeleteMessageRequest, DeleteScope, Message, Placement, RequestTier,
        message_service_server::MessageService as _,
    },
    policy::v1::{RefusalReason, WhoCanMessage},
};
use postern_shared::id::UserId;
use tonic::{Code, Status};

use super::{
    LONG, Rpc, by, delivered, fails,
    fake::service,
    raising::{block, conversations, messages, requests},
    refused, send, text, to,
};
use crate::store::World;

async fn delete(rpc: &Rpc, user: UserId, id: &str, seq: i64) -> Result<Message, Status> {
    let ask = DeleteMessageRequest {
        conversation_id: id.to_owned(),
        seq,
        scope: DeleteScope::Everyone.into(),
    };
    let answer = rpc.delete_message(by(user, LONG, ask)).await?;
    Ok(answer.into_inner().message.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_of_what_was_deleted_gets_the_first_answer_and_stores_nothing() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    let sent = delivered(send(&rpc, ben, ada, "id").await).message.unwrap();
    let left = delete(&rpc, ben, &sent.conversation_id, 1).await.unwrap();
    assert!(left.content.is_none() && left.delete_time.is_some());
    assert_eq!(
        (left.seq, &left.client_message_id),
        (1, &sent.client_message_id)
    );
    let rows = world.rows().await;
    // Also where the first answer would be a refusal by now.
    block(&rpc, ada, ben, 6).await;
    fake.block(ada, ben);
    for words in ["hello", "other words, of which nothing is left to compare"] {
        let again = rpc
            .send_message(by(ben, LONG, text(to(ada), "id", words)))
            .await;
        let again = delivered(again.map(tonic::Response::into_inner));
        assert_eq!(again.placement(), Placement::Request);
        assert_eq!(again.message.unwrap(), left);
    }
    // That it is of another kind shows.
    let mut video = text(to(ada), "id", "");
    video.content = Some(postern_proto::messaging::v1::Content {
        content: Some(postern_proto::messaging::v1::content::Content::SharedVideo(
            postern_proto::messaging::v1::SharedVideo {
                video_id: "v".to_owned(),
            },
        )),
    });
    let video = rpc.send_message(by(ben, LONG, video)).await;
    fails(
        video,
        Code::AlreadyExists,
        ErrorReason::ClientMessageIdReused,
    );
    assert_eq!(world.rows().await[3], rows[3]);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_disappears_with_its_last_message_and_refunds_nothing() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    let listed = async || {
        let listed = requests(&rpc, ada, RequestTier::Filtered).await;
        (listed.requests.len(), listed.filtered_count)
    };
    for (seq, id) in ["one", "two", "three"].into_iter().enumerate() {
        let sent = delivered(send(&rpc, ben, ada, id).await).message.unwrap();
        assert_eq!(listed().await, (1, 1));
        let seq = i64::try_from(seq).unwrap() + 1;
        delete(&rpc, ben, &sent.conversation_id, seq).await.unwrap();
        assert_eq!(listed().await, (0, 0));
    }
    let fourth = refused(send(&rpc, ben, ada, "four").await);
    assert_eq!(fourth.reason(), RefusalReason::AwaitingAcceptance);
    // His own list ends with a tombstone.
    let his = conversations(&rpc, ben, 0).await.remove(0);
    let last = his.last_message.unwrap();
    assert!(last.content.is_none() && last.delete_time.is_some());
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_delete_is_told_why() {
    let (world, rpc, fake) = service().await;
    let (ada, ben, eve) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    let sent = delivered(send(&rpc, ben, ada, "id").await).message.unwrap();
    let id = &sent.conversation_id;
    let foreign = delete(&rpc, eve, id, 1).await;
    fails(foreign, Code::NotFound, ErrorReason::ConversationNotFound);
    let missing = delete(&rpc, ben, id, 2).await;
    fails(missing, Code::NotFound, ErrorReason::MessageNotFound);
    let others = delete(&rpc, ada, id, 1).await;
    fails(others, Code::PermissionDenied, ErrorReason::NotTheAuthor);
    for (conversation, seq, scope) in [("x", 1, 1), (id.as_str(), 0, 1), (id.as_str(), 1, 0)] {
        let ask = DeleteMessageRequest {
            conversation_id: conversation.to_owned(),
            seq,
            scope,
        };
        let wrong = rpc.delete_message(by(ben, LONG, ask)).await;
        fails(wrong, Code::InvalidArgument, ErrorReason::InvalidFields);
    }
    rpc.clock.advance(Duration::from_millis(180_001));
    let late = delete(&rpc, ben, id, 1).await;
    fails(
        late,
        Code::FailedPrecondition,
        ErrorReason::UnsendWindowClosed,
    );
    assert!(
        messages(&rpc, ada, id).await.unwrap().messages[0]
            .content
            .is_some()
    );
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_recipient_is_warned_and_only_of_what_is_there() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    let pair = world.pair(ada, ben).await;
    let mut warned = World::friendly(pair, ben, "1");
    warned.placement = Placed::InboxWithWarning;
    world
        .commit(&[warned, World::friendly(pair, ben, "2")])
        .await;
    let id = pair.id.to_string();
    let warnings = async |user| {
        let found = messages(&rpc, user, &id).await.unwrap().messages;
        found
            .iter()
            .map(|message| message.content_warning)
            .collect::<Vec<_>>()
    };
    assert_eq!(warnings(ada).await, [false, true]);
    assert_eq!(warnings(ben).await, [false, false]);
    delete(&rpc, ben, &id, 1).await.unwrap();
    assert_eq!(warnings(ada).await, [false, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_taken_back_leaves_the_old_conversation_where_it_was() {
    let (world, rpc, fake) = service().await;
    let (ada, ben) = (
        fake.person(WhoCanMessage::Everyone),
        fake.person(WhoCanMessage::Everyone),
    );
    fake.befriend(ada, ben);
    delivered(send(&rpc, ben, ada, "as-a-friend").await);
    fake.unfollow(ada, ben, 6);
    let asked = delivered(send(&rpc, ben, ada, "as-a-stranger").await);
    assert_eq!(asked.placement(), Placement::Request);
    let id = asked.message.unwrap().conversation_id;
    assert_eq!(conversations(&rpc, ada, 0).await, []);
    delete(&rpc, ben, &id, 2).await.unwrap();
    let listed = requests(&rpc, ada, RequestTier::Filtered).await;
    assert_eq!((listed.requests.len(), listed.filtered_count), (0, 0));
    let inbox = conversations(&rpc, ada, 0).await;
    assert_eq!((inbox.len(), &inbox[0].conversation_id), (1, &id));
    let read = messages(&rpc, ada, &id).await.unwrap().messages;
    assert!(read[0].content.is_none() && read[1].content.is_some());
    world.audit().await;
}
