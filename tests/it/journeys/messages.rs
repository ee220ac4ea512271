//! Sending and reading: who gets what, in which order, and what is answered a second time.

use postern_proto::{
    common::v1::ErrorReason,
    messaging::v1::{
        Content, Link, ListMessagesRequest, Placement, SendMessageRequest, SharedVideo, content,
    },
    policy::v1::{AccountKind, RefusalReason, WhoCanMessage},
};
use tonic::Code;

use crate::suite::{
    Suite, assert_fails, by_handle, by_id, delivered, placement, reason, refused, text_content,
};

#[tokio::test(flavor = "multi_thread")]
async fn friends_write_to_each_other() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    ada.befriend(&ben).await;
    let first = delivered(ben.send(&ada, "hello \u{202E}Ada\r\n 👩‍🚀").await);
    assert_eq!(first.placement(), Placement::Inbox);
    let message = first.message.unwrap();
    assert_eq!((message.seq, message.sender_id), (1, ben.id.to_string()));
    let reply = delivered(ada.send(&ben, "hi").await).message.unwrap();
    assert_eq!(
        (reply.seq, &reply.conversation_id),
        (2, &message.conversation_id)
    );
    for person in [&ada, &ben] {
        assert_eq!(
            person.inbox().await,
            std::slice::from_ref(&message.conversation_id)
        );
    }
    let read = ada.read(&message.conversation_id).await.unwrap();
    assert_eq!(read.iter().map(|m| m.seq).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(read[1].content, text_content("hello \u{202E}Ada\r\n 👩‍🚀"));
    // Whose id it is only its author sees.
    assert_eq!(read[1].client_message_id, "");
    assert_ne!(read[0].client_message_id, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_matrix_of_settings_and_edges() {
    use RefusalReason::{MutualFollowRequired, RecipientMessagesAreOff};
    let suite = Suite::start().await;
    let settings = [
        WhoCanMessage::Everyone,
        WhoCanMessage::Friends,
        WhoCanMessage::NoOne,
    ];
    for (row, setting) in settings.into_iter().enumerate() {
        for (column, (ours, theirs)) in [(false, false), (true, false), (false, true), (true, true)]
            .into_iter()
            .enumerate()
        {
            let a = suite.person(&format!("a{row}{column}")).await;
            let b = suite.person(&format!("b{row}{column}")).await;
            b.let_write(setting).await;
            if ours {
                a.follow(&b).await;
            }
            if theirs {
                b.follow(&a).await;
            }
            let answer = a.send(&b, "hello").await;
            match (setting, ours, theirs) {
                (WhoCanMessage::Everyone, _, true) | (WhoCanMessage::Friends, true, true) => {
                    assert_eq!(placement(answer), Placement::Inbox);
                    assert_eq!(b.inbox().await.len(), 1);
                }
                (WhoCanMessage::Everyone, _, false) => {
                    assert_eq!(placement(answer), Placement::Request);
                    assert_eq!((b.inbox().await.len(), b.filtered().await.len()), (0, 1));
                }
                (WhoCanMessage::Friends, ..) => assert_eq!(reason(answer), MutualFollowRequired),
                _ => assert_eq!(reason(answer), RecipientMessagesAreOff),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_one_also_means_not_sending_and_self_is_no_recipient() {
    let suite = Suite::start().await;
    let (ada, ben) = (
        suite.open_person("ada").await,
        suite.open_person("ben").await,
    );
    ada.let_write(WhoCanMessage::NoOne).await;
    assert_eq!(
        reason(ada.send(&ben, "x").await),
        RefusalReason::YourMessagesAreOff
    );
    assert_eq!(
        reason(ben.send(&ben, "x").await),
        RefusalReason::SelfMessage
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn age_bands_hold() {
    let suite = Suite::start().await;
    let child = suite
        .person_born("child", "2012-01-01", AccountKind::Personal)
        .await;
    let teen = suite
        .person_born("teen", "2009-06-01", AccountKind::Personal)
        .await;
    let adult = suite.open_person("adult").await;
    adult.befriend(&child).await;
    assert_eq!(
        reason(child.send(&adult, "x").await),
        RefusalReason::SenderAgeRestricted
    );
    assert_eq!(
        reason(adult.send(&child, "x").await),
        RefusalReason::RecipientMessagesAreOff
    );
    // NO_ONE is the default of 16 and 17, and it holds both ways.
    assert_eq!(
        reason(teen.send(&adult, "x").await),
        RefusalReason::YourMessagesAreOff
    );
    teen.let_write(WhoCanMessage::Friends).await;
    assert_eq!(
        reason(teen.send(&adult, "x").await),
        RefusalReason::MutualFollowRequired
    );
    teen.befriend(&adult).await;
    assert_eq!(placement(adult.send(&teen, "x").await), Placement::Inbox);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_business_takes_requests_from_everyone_by_default() {
    let suite = Suite::start().await;
    let shop = suite
        .person_born("shop", "1980-01-01", AccountKind::Business)
        .await;
    let ada = suite.person("ada").await;
    assert_eq!(
        placement(ada.send(&shop, "open today?").await),
        Placement::Request
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn repeating_a_message_gives_the_first_answer_and_stores_nothing() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.open_person("ada").await, suite.person("ben").await);
    let first = ben.send_as(&ada, "id-1", "hello").await.unwrap();
    assert_eq!(ben.send_as(&ada, "id-1", "hello").await.unwrap(), first);
    // The first answer stays the answer whatever has changed since.
    ada.block(&ben).await;
    assert_eq!(ben.send_as(&ada, "id-1", "hello").await.unwrap(), first);
    let other = ben.send_as(&ada, "id-1", "something else").await;
    assert_fails(
        other,
        Code::AlreadyExists,
        ErrorReason::ClientMessageIdReused,
    );
    // The id is the sender's own, and each pair has its own.
    let cleo = suite.open_person("cleo").await;
    delivered(ben.send_as(&cleo, "id-1", "hello").await.unwrap());
    let conversation = delivered(first).message.unwrap().conversation_id;
    assert_eq!(ben.read(&conversation).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_message_was_never_there() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    let answer = refused(ben.send_as(&ada, "id-1", "hello").await.unwrap());
    assert_eq!(answer.reason(), RefusalReason::MutualFollowRequired);
    assert_ne!(answer.decision_id, "");
    assert!(ada.inbox().await.is_empty() && ada.filtered().await.is_empty());
    assert!(ben.inbox().await.is_empty());
    // A retry is a new attempt.
    ada.befriend(&ben).await;
    assert_eq!(
        placement(ben.send_as(&ada, "id-1", "hello").await.unwrap()),
        Placement::Inbox
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_repetitions_store_each_message_once_without_gaps() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    ada.befriend(&ben).await;
    let mut sends = Vec::new();
    for index in 0..40 {
        for _ in 0..3 {
            let (from, to) = if index % 2 == 0 {
                (&ada, &ben)
            } else {
                (&ben, &ada)
            };
            let (from, to) = (from.clone(), to.clone());
            sends.push(tokio::spawn(async move {
                let answer = from
                    .send_as(&to, &format!("id-{index}"), &format!("{index}"))
                    .await;
                let message = delivered(answer.unwrap()).message.unwrap();
                (index, message.seq, message.conversation_id)
            }));
        }
    }
    let mut answers = Vec::new();
    for send in sends {
        answers.push(send.await.unwrap());
    }
    answers.sort();
    answers.dedup();
    assert_eq!(answers.len(), 40, "a repetition was answered differently");
    let conversation = answers[0].2.clone();
    let ask = ada.ask(ListMessagesRequest {
        conversation_id: conversation,
        page: None,
    });
    let listed = ada
        .messages()
        .list_messages(ask)
        .await
        .unwrap()
        .into_inner()
        .messages;
    let seqs: Vec<_> = listed.iter().rev().map(|message| message.seq).collect();
    assert_eq!(seqs, (1..=40).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_send_text_alone_and_friends_what_they_like() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.open_person("ada").await, suite.person("ben").await);
    let contents = [
        content::Content::SharedVideo(SharedVideo {
            video_id: "v-123".to_owned(),
        }),
        content::Content::Link(Link {
            url: "https://example.org/a?b=c".to_owned(),
        }),
    ];
    let send = |content: content::Content, id: &str| {
        let ask = ben.ask(SendMessageRequest {
            recipient: by_handle("ada"),
            client_message_id: id.to_owned(),
            content: Some(Content {
                content: Some(content),
            }),
        });
        let mut client = ben.messages();
        async move { client.send_message(ask).await.unwrap().into_inner() }
    };
    for content in contents.clone() {
        assert_eq!(
            reason(send(content, "s").await),
            RefusalReason::RequestTextOnly
        );
    }
    ada.befriend(&ben).await;
    for (index, content) in contents.into_iter().enumerate() {
        let message = delivered(send(content.clone(), &format!("f{index}")).await)
            .message
            .unwrap();
        let read = ada.read(&message.conversation_id).await.unwrap();
        assert_eq!(read[0].content.clone().unwrap().content, Some(content));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_belongs_to_its_two_people() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.open_person("ada").await, suite.person("ben").await);
    let cleo = suite.person("cleo").await;
    let sent = delivered(ben.send(&ada, "between us").await)
        .message
        .unwrap();
    let foreign = cleo.read(&sent.conversation_id).await;
    let unknown = cleo.read("018f4e2a-7c1b-7d3e-9a4f-2b6c8d0e1f35").await;
    let foreign = assert_fails(foreign, Code::NotFound, ErrorReason::ConversationNotFound);
    let unknown = assert_fails(unknown, Code::NotFound, ErrorReason::ConversationNotFound);
    assert_eq!(
        (foreign.message(), foreign.details()),
        (unknown.message(), unknown.details())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_and_blocking_people_answer_byte_for_byte_the_same() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.open_person("ada").await, suite.person("ben").await);
    ada.block(&ben).await;
    let send = |recipient| {
        let ask = ben.ask(SendMessageRequest {
            recipient,
            client_message_id: "probe".to_owned(),
            content: text_content("hello?"),
        });
        let mut client = ben.messages();
        async move {
            let answer = client.send_message(ask).await.unwrap();
            let mut headers = answer.metadata().clone().into_headers();
            headers.remove("date");
            let mut refused = refused(answer.into_inner());
            assert_eq!(refused.reason(), RefusalReason::NotAccepting);
            refused.decision_id.clear();
            (
                format!("{headers:?}"),
                prost::Message::encode_to_vec(&refused),
            )
        }
    };
    let blocking = send(by_id(&ada.id.to_string())).await;
    assert_eq!(send(by_handle("ada")).await, blocking);
    assert_eq!(
        send(by_id("5e0f3f0e-6f0f-4a39-9a3e-2f9d1c7b8a61")).await,
        blocking
    );
    assert_eq!(send(by_handle("nobody.at.all")).await, blocking);
}
