//! A process that is killed while people write: what was acknowledged is there once, and whoever
//! asks again with the same ids gets the same answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use postern_proto::{
    common::v1::PageRequest,
    messaging::v1::{ListMessagesRequest, Message},
};
use postern_shared::error::reason_of;
use tokio::{sync::mpsc, task::JoinSet};

use super::{child::Child, friends};
use crate::suite::{Person, delivered};

/// How often the process is killed.
const KILLS: usize = 3;
/// How many messages are acknowledged before each kill.
const ACKNOWLEDGED: usize = 40;

/// What one of the two sent, by its id.
#[derive(Default)]
struct Sent {
    tried: BTreeSet<String>,
    answered: BTreeMap<String, Message>,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill() {
    let (folder, ada, ben) = friends().await;
    let sent: [Arc<Mutex<Sent>>; 2] = Default::default();
    for round in 0..KILLS {
        // The two write as fast as they can, and again and again.
        let serving = Child::serve(folder.path(), &[("POSTERN_LIMITS", "off")]).await;
        let (ada, ben) = (serving.person(&ada), serving.person(&ben));
        repeat(&ada, &ben, &sent[0]).await;
        repeat(&ben, &ada, &sent[1]).await;
        let (acknowledged, mut count) = mpsc::unbounded_channel();
        let mut writers = JoinSet::new();
        for writer in 0..6 {
            let (from, to) = if writer % 2 == 0 {
                (&ada, &ben)
            } else {
                (&ben, &ada)
            };
            let sent = Arc::clone(&sent[writer % 2]);
            let prefix = format!("{round}-{writer}");
            let (from, to) = (from.clone(), to.clone());
            writers.spawn(write(from, to, prefix, sent, acknowledged.clone()));
        }
        drop(acknowledged);
        for _ in 0..ACKNOWLEDGED {
            count.recv().await.expect("a writer that can still write");
        }
        serving.child.kill();
        while let Some(ended) = writers.join_next().await {
            ended.unwrap();
        }
    }
    let serving = Child::serve(folder.path(), &[]).await;
    let (ada, ben) = (serving.person(&ada), serving.person(&ben));
    repeat(&ada, &ben, &sent[0]).await;
    repeat(&ben, &ada, &sent[1]).await;
    check(&ada, &sent[0], &sent[1]).await;
    check(&ben, &sent[1], &sent[0]).await;
}

/// Sends one message after the other until the process is gone.
async fn write(
    from: Person,
    to: Person,
    prefix: String,
    sent: Arc<Mutex<Sent>>,
    acknowledged: mpsc::UnboundedSender<()>,
) {
    for n in 0.. {
        let id = format!("{prefix}-{n}");
        sent.lock().unwrap().tried.insert(id.clone());
        match from.send_as(&to, &id, &format!("text of {id}")).await {
            Ok(answer) => {
                let message = delivered(answer).message.unwrap();
                sent.lock().unwrap().answered.insert(id, message);
                // Nobody counts any more once the process is killed.
                let _ = acknowledged.send(());
            }
            Err(status) => {
                assert_eq!(reason_of(&status), None, "the server's own: {status:?}");
                return;
            }
        }
    }
}

/// Sends everything again that was ever tried: each is delivered, and what had an answer before
/// has the same.
async fn repeat(from: &Person, to: &Person, sent: &Mutex<Sent>) {
    let tried = sent.lock().unwrap().tried.clone();
    for id in tried {
        let answer = from.send_as(to, &id, &format!("text of {id}")).await;
        let message = delivered(answer.unwrap()).message.unwrap();
        let mut sent = sent.lock().unwrap();
        let first = sent.answered.entry(id).or_insert_with(|| message.clone());
        assert_eq!(*first, message);
    }
}

/// What `reader` reads is what the two sent, each message once, numbered without gaps.
async fn check(reader: &Person, own: &Mutex<Sent>, peers: &Mutex<Sent>) {
    let (own, peers) = (own.lock().unwrap().all(), peers.lock().unwrap().all());
    let conversation_id = own[0].conversation_id.clone();
    let mut read = everything(reader, conversation_id).await;
    read.reverse();
    let numbers: Vec<_> = read.iter().map(|message| message.seq).collect();
    let count = i64::try_from(numbers.len()).unwrap();
    assert_eq!(numbers, (1..=count).collect::<Vec<_>>());
    // Whose id it is only its author sees.
    let seen_by_reader = peers.into_iter().map(|message| Message {
        client_message_id: String::new(),
        ..message
    });
    let mut expected: Vec<_> = own.into_iter().chain(seen_by_reader).collect();
    expected.sort_by_key(|message| message.seq);
    assert_eq!(read, expected);
}

impl Sent {
    fn all(&self) -> Vec<Message> {
        assert!(self.tried.iter().eq(self.answered.keys()));
        self.answered.values().cloned().collect()
    }
}

/// All messages of a conversation, newest first.
async fn everything(reader: &Person, conversation_id: String) -> Vec<Message> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let ask = ListMessagesRequest {
            conversation_id: conversation_id.clone(),
            page: Some(PageRequest {
                page_size: 200,
                page_token,
            }),
        };
        let listed = reader.messages().list_messages(reader.ask(ask)).await;
        let listed = listed.unwrap().into_inner();
        all.extend(listed.messages);
        page_token = listed.page.unwrap().next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}
