//! Callers that go away in the middle of a call, at every moment of it, and come back.

use std::time::Duration;

use postern_proto::messaging::v1::Placement;

use super::{Writer, friends, holds_once, letter};
use crate::suite::{Person, Suite, delivered};

/// Begins a send, and drops it after so long.
async fn drop_after(within: Duration, from: &Person, to: &Person, id: &str) -> bool {
    let mut client = from.messages();
    let call = client.send_message(from.ask(letter(to, id)));
    tokio::time::timeout(within, call).await.is_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_and_its_repetition_store_one_message() {
    let suite = Suite::start().await;
    let (ada, ben) = friends(&suite).await;
    let (mut dropped, mut texts, mut conversation) = (0, Vec::new(), String::new());
    for index in 0..60_u64 {
        let (from, to) = match index % 2 {
            0 => (&ada, &ben),
            _ => (&ben, &ada),
        };
        let id = format!("id-{index}");
        // From before the request has left to after the commit.
        let within = Duration::from_micros(index % 40 * 100);
        dropped += usize::from(drop_after(within, from, to, &id).await);
        let again = delivered(from.send_as(to, &id, &id).await.unwrap());
        let message = again.message.unwrap();
        assert_eq!(message.client_message_id, id);
        conversation = message.conversation_id;
        texts.push(id);
    }
    assert!(dropped > 5, "only {dropped} calls were dropped");
    holds_once(&ada, &conversation, texts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_calls_to_strangers_count_once() {
    let suite = Suite::start().await;
    let mut dropped = 0;
    for index in 0..8_u64 {
        let ada = suite.open_person(&format!("ada{index}")).await;
        let ben = suite.person(&format!("ben{index}")).await;
        let mut texts = Vec::new();
        let mut conversation = String::new();
        for round in 0..3_u64 {
            let id = format!("id-{round}");
            let within = Duration::from_micros((index * 3 + round) * 200);
            dropped += usize::from(drop_after(within, &ben, &ada, &id).await);
            let again = delivered(ben.send_as(&ada, &id, &id).await.unwrap());
            assert_eq!(again.placement(), Placement::Request);
            conversation = again.message.unwrap().conversation_id;
            texts.push(id);
        }
        // All three went in: no drop was charged to the request a second time.
        let [request] = &ada.filtered().await[..] else {
            panic!("one request waits");
        };
        assert_eq!(request.message_count, 3);
        holds_once(&ada, &conversation, texts).await;
    }
    assert!(dropped > 2, "only {dropped} calls were dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_repetitions_at_once_of_dropped_calls_answer_the_same() {
    let suite = Suite::start().await;
    let (ada, ben) = friends(&suite).await;
    let first = delivered(ben.send_as(&ada, "first", "first").await.unwrap());
    let conversation = first.message.unwrap().conversation_id;
    let mut texts = vec!["first".to_owned()];
    // While nobody can commit, ten calls come and go; then each comes back four times at once.
    let writer = Writer::hold(&suite).await;
    for index in 0..10 {
        let id = format!("id-{index}");
        assert!(drop_after(Duration::from_millis(30), &ben, &ada, &id).await);
        texts.push(id);
    }
    let calls: Vec<_> = (texts[1..].iter())
        .flat_map(|id| {
            [(); 4].map(|()| {
                let (ben, ada, id) = (ben.clone(), ada.clone(), id.clone());
                tokio::spawn(async move {
                    let answer = ben.send_as(&ada, &id, &id).await.unwrap();
                    (id, delivered(answer).message.unwrap().seq)
                })
            })
        })
        .collect();
    writer.release().await;
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers.sort();
    answers.dedup();
    assert_eq!(answers.len(), 10, "{answers:?}");
    holds_once(&ada, &conversation, texts).await;
}
