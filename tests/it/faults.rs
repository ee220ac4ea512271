//! What goes wrong between a client and the suite, and inside it: callers that go away, answers
//! that come too late, more calls than there is room for, a bad network between the services.
//! Whatever it is, repeating with the same ids sets it right, and every message is stored exactly
//! once.

mod deadlines;
mod dropped;
mod noes;
mod overload;
mod peers;

use std::sync::Mutex;

use postern_proto::{
    common::v1::PageRequest,
    messaging::v1::{ListMessagesRequest, Message, SendMessageRequest, content},
};
use postern_shared::testing;
use sea_orm::{ConnectionTrait as _, DbErr};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::suite::{Person, Suite, text_content};

/// A text from one person to another, under an id that is also its text.
fn letter(to: &Person, id: &str) -> SendMessageRequest {
    SendMessageRequest {
        recipient: to.reference(),
        client_message_id: id.to_owned(),
        content: text_content(id),
    }
}

/// Two people who may write to each other.
async fn friends(suite: &Suite) -> (Person, Person) {
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    ada.befriend(&ben).await;
    (ada, ben)
}

/// Every message of a conversation, oldest first: numbered 1 to n, or the test fails.
async fn all(person: &Person, conversation_id: &str) -> Vec<Message> {
    let (mut found, mut page) = (Vec::new(), Some(PageRequest::default()));
    while let Some(ask) = page.take() {
        let ask = person.ask(ListMessagesRequest {
            conversation_id: conversation_id.to_owned(),
            page: Some(ask),
        });
        let listed = person.messages().list_messages(ask).await.unwrap();
        let listed = listed.into_inner();
        found.extend(listed.messages);
        let next = listed.page.unwrap().next_page_token;
        page = (!next.is_empty()).then(|| PageRequest {
            page_token: next,
            ..PageRequest::default()
        });
    }
    found.reverse();
    let seqs: Vec<_> = found.iter().map(|message| message.seq).collect();
    let expected: Vec<_> = (1..).take(found.len()).collect();
    assert_eq!(seqs, expected);
    found
}

/// Asserts that a conversation holds each of these texts once and nothing else.
async fn holds_once(person: &Person, conversation_id: &str, mut texts: Vec<String>) {
    let text = |message: Message| match message.content.unwrap().content.unwrap() {
        content::Content::Text(text) => text,
        _ => panic!("a letter is a text"),
    };
    let mut found: Vec<_> = all(person, conversation_id)
        .await
        .into_iter()
        .map(text)
        .collect();
    found.sort();
    texts.sort();
    assert_eq!(found, texts);
}

/// The right to write messages, in the test's hands: nobody else commits.
struct Writer {
    release: oneshot::Sender<()>,
    held: JoinHandle<()>,
}

impl Writer {
    async fn hold(suite: &Suite) -> Self {
        let db = suite.home.database(&postern_messaging::service()).await;
        let (release, released) = oneshot::channel();
        let (take, taken) = oneshot::channel();
        let signals = Mutex::new(Some((take, released)));
        let held = tokio::spawn(async move {
            let done: Result<(), DbErr> = db
                .write(|tx| {
                    let (take, released) = signals.lock().unwrap().take().unwrap();
                    async move {
                        if testing::on_postgres() {
                            // What SQLite's one writer keeps out, this does.
                            tx.execute_unprepared(
                                "LOCK TABLE message, conversation IN EXCLUSIVE MODE",
                            )
                            .await?;
                        }
                        take.send(()).unwrap();
                        let _ = released.await;
                        Ok(())
                    }
                })
                .await;
            done.unwrap();
        });
        taken.await.unwrap();
        Self { release, held }
    }

    async fn release(self) {
        self.release.send(()).unwrap();
        self.held.await.unwrap();
    }
}
