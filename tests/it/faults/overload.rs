//! More calls than there is room for: some are turned away at once, told when to come again, and
//! none of those that were let in or come again is lost.

use std::{sync::Arc, time::Duration};

use postern_proto::common::v1::ErrorReason;
use tokio::task::JoinSet;
use tonic::{Code, Status, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_types::StatusExt as _;

use super::{Writer, friends, holds_once};
use crate::suite::{Person, Suite, assert_fails, delivered};

const CALLS: usize = 20;

async fn health(channel: &Channel) -> ServingStatus {
    let ask = HealthCheckRequest {
        service: String::new(),
    };
    let answer = HealthClient::new(channel.clone()).check(ask).await.unwrap();
    answer.into_inner().status()
}

#[track_caller]
fn turned_away(status: Status) {
    let answer: Result<(), _> = Err(status);
    let status = assert_fails(answer, Code::ResourceExhausted, ErrorReason::Overloaded);
    let retry = status.get_details_retry_info().unwrap();
    assert_eq!(retry.retry_delay, Some(Duration::from_millis(250)));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_at_a_time_lets_the_others_come_again() {
    let suite = Suite::start_with(&[("POSTERN_IN_FLIGHT_MAX", "1")]).await;
    let (ada, ben) = friends(&suite).await;
    let first = delivered(ben.send_as(&ada, "first", "first").await.unwrap());
    let conversation = first.message.unwrap().conversation_id;
    // The one that gets in stays there until somebody can commit.
    let writer = Writer::hold(&suite).await;
    let mut calls = JoinSet::new();
    for index in 0..CALLS {
        let (ben, ada) = (ben.clone(), ada.clone());
        calls.spawn(async move {
            let id = format!("id-{index}");
            (ben.send_as(&ada, &id, &id).await, id)
        });
    }
    let mut away = Vec::new();
    while calls.len() > 1 {
        let (answer, id) = calls.join_next().await.unwrap().unwrap();
        turned_away(answer.unwrap_err());
        away.push(id);
    }
    // Health answers whatever else waits; so does every other call: that there is no room.
    for channel in [&suite.channel, &suite.internal] {
        assert_eq!(health(channel).await, ServingStatus::Serving);
    }
    turned_away(ada.read(&conversation).await.unwrap_err());
    writer.release().await;
    let (answer, id) = calls.join_next().await.unwrap().unwrap();
    delivered(answer.unwrap());
    let mut texts = vec!["first".to_owned(), id];
    for id in away {
        delivered(ben.send_as(&ada, &id, &id).await.unwrap());
        texts.push(id);
    }
    holds_once(&ada, &conversation, texts).await;
}

/// Sends until there is room; answers how often there was none.
async fn insist(from: &Person, to: &Person, id: &str) -> usize {
    let mut away = 0;
    loop {
        match from.send_as(to, id, id).await {
            Ok(answer) => {
                delivered(answer);
                return away;
            }
            Err(status) => turned_away(status),
        }
        away += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_comes_again_loses_nothing() {
    let suite = Suite::start_with(&[("POSTERN_IN_FLIGHT_MAX", "2")]).await;
    let (ada, ben) = friends(&suite).await;
    let first = delivered(ben.send_as(&ada, "first", "first").await.unwrap());
    let conversation = first.message.unwrap().conversation_id;
    let people = Arc::new((ada, ben));
    let mut calls = JoinSet::new();
    for task in 0..12 {
        let people = Arc::clone(&people);
        calls.spawn(async move {
            let (from, to) = match task % 2 {
                0 => (&people.0, &people.1),
                _ => (&people.1, &people.0),
            };
            let mut away = 0;
            for index in 0..5 {
                away += insist(from, to, &format!("{task}.{index}")).await;
            }
            away
        });
    }
    let mut away = 0;
    while let Some(call) = calls.join_next().await {
        away += call.unwrap();
    }
    assert!(
        away > 0,
        "there was room for everyone: the test is too tame"
    );
    let mut texts = vec!["first".to_owned()];
    texts.extend((0..12).flat_map(|task| (0..5).map(move |index| format!("{task}.{index}"))));
    holds_once(&people.0, &conversation, texts).await;
}
