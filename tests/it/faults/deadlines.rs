//! Answers that are not ready in time: DEADLINE_EXCEEDED with its reason, never CANCELLED, and
//! the repetition finds what was stored meanwhile.
//!
//! The client is a bare HTTP/2 connection: a generated one runs a timer of its own, which says
//! CANCELLED as soon as the network is slow.

use std::{net::SocketAddr, time::Duration};

use h2::client::SendRequest;
use postern_proto::{
    common::v1::ErrorReason,
    messaging::v1::{AcceptRequestRequest, DeclineRequestRequest, SendMessageRequest},
};
use tokio::net::TcpStream;
use tonic::{
    Code, Status,
    codegen::{Bytes, http},
};

use super::{Writer, friends, holds_once, letter};
use crate::{
    contract::{errors::only_reason, raw::frame},
    suite::{Person, Suite, assert_fails, delivered},
};

const SEND: &str = "MessageService/SendMessage";
const DECLINE: &str = "RequestService/DeclineRequest";

/// A connection without timers.
struct Plain {
    address: SocketAddr,
    client: SendRequest<Bytes>,
}

impl Plain {
    async fn connect(suite: &Suite) -> Self {
        let address = suite.running.public;
        let stream = TcpStream::connect(address).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(async move {
            // It ends with the test.
            let _ = connection.await;
        });
        Self { address, client }
    }

    /// Calls an RPC of messaging, saying how long the answer may take, and waits for as long as it
    /// takes.
    async fn call<T: prost::Message>(
        &self,
        rpc: &str,
        from: &Person,
        timeout: &str,
        ask: &T,
    ) -> Result<(), Status> {
        let uri = format!("http://{}/postern.messaging.v1.{rpc}", self.address);
        let request = http::Request::post(uri)
            .header("te", "trailers")
            .header("content-type", "application/grpc")
            .header("authorization", format!("Bearer {}", from.token))
            .header("grpc-timeout", timeout)
            .body(())
            .unwrap();
        let mut client = self.client.clone().ready().await.unwrap();
        let (response, mut body) = client.send_request(request, false).unwrap();
        // Where the answer was there first, nobody takes it.
        let _ = body.send_data(frame(&ask.encode_to_vec()).into(), true);
        let (head, mut body) = response.await.unwrap().into_parts();
        if let Some(status) = Status::from_header_map(&head.headers) {
            return Err(status);
        }
        while let Some(data) = body.data().await {
            body.flow_control()
                .release_capacity(data.unwrap().len())
                .unwrap();
        }
        let trailers = body.trailers().await.unwrap().unwrap();
        let status = Status::from_header_map(&trailers).unwrap();
        match status.code() {
            Code::Ok => Ok(()),
            _ => Err(status),
        }
    }

    async fn send(
        &self,
        from: &Person,
        timeout: &str,
        ask: &SendMessageRequest,
    ) -> Result<(), Status> {
        self.call(SEND, from, timeout, ask).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_told_so_and_repeating_works() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.open_person("ada").await, suite.person("ben").await);
    let sent = delivered(ben.send_as(&ada, "first", "first").await.unwrap());
    let decline = DeclineRequestRequest {
        conversation_id: sent.message.unwrap().conversation_id,
        block: false,
    };
    let plain = Plain::connect(&suite).await;
    plain
        .send(&ben, "10S", &letter(&ada, "again"))
        .await
        .unwrap();
    let writer = Writer::hold(&suite).await;
    for timeout in ["20m"; 12].into_iter().chain(["6m", "60m", "100000u"]) {
        let answer = plain.call(DECLINE, &ada, timeout, &decline).await;
        assert_fails(
            answer,
            Code::DeadlineExceeded,
            ErrorReason::DeadlineExceeded,
        );
    }
    writer.release().await;
    // What was dropped half-way left nothing.
    assert_eq!(ada.filtered().await.len(), 1);
    plain.call(DECLINE, &ada, "10S", &decline).await.unwrap();
    assert!(ada.filtered().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_answer_came_too_late_is_stored_once() {
    let suite = Suite::start().await;
    let (ada, ben) = friends(&suite).await;
    let first = delivered(ben.send_as(&ada, "first", "first").await.unwrap());
    let conversation = first.message.unwrap().conversation_id;
    let mut texts = vec!["first".to_owned()];
    let plain = Plain::connect(&suite).await;
    let writer = Writer::hold(&suite).await;
    for timeout in ["20m"; 12].into_iter().chain(["6m", "60m", "100m", "400m"]) {
        let id = format!("id-{}", texts.len());
        let answer = plain.send(&ben, timeout, &letter(&ada, &id)).await;
        let answer = answer.unwrap_err();
        // The owners of facts get less time than the caller: they may have been the late ones.
        let reason = only_reason(&answer);
        let late = [
            (Code::DeadlineExceeded, ErrorReason::DeadlineExceeded),
            (Code::Unavailable, ErrorReason::DependencyUnavailable),
        ];
        assert!(late.contains(&(answer.code(), reason)), "{answer:?}");
        texts.push(id);
    }
    // Whoever reads before it is committed sees nothing of it.
    assert_eq!(ada.read(&conversation).await.unwrap().len(), 1);
    writer.release().await;
    for id in &texts {
        delivered(ben.send_as(&ada, id, id).await.unwrap());
    }
    holds_once(&ada, &conversation, texts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_time_to_answer_nothing_is_begun() {
    let suite = Suite::start().await;
    let (ada, ben) = friends(&suite).await;
    let plain = Plain::connect(&suite).await;
    for (index, timeout) in ["0m", "1n", "999u", "1m", "5m"].into_iter().enumerate() {
        let answer = plain
            .send(&ben, timeout, &letter(&ada, &format!("{index}")))
            .await;
        assert_fails(
            answer,
            Code::DeadlineExceeded,
            ErrorReason::DeadlineExceeded,
        );
    }
    assert!(ada.inbox().await.is_empty());
    // What is no timeout counts as none.
    for timeout in ["", "m", "-1m", "1x", "123456789m"] {
        plain
            .send(&ben, timeout, &letter(&ada, "same"))
            .await
            .unwrap();
    }
}

/// The suite started anew on its folder, and its people there.
async fn restarted(suite: Suite, people: [&mut Person; 2], settings: &[(&str, &str)]) -> Suite {
    let (home, clock) = suite.stop().await;
    let suite = Suite::start_in(home, clock, settings).await;
    for person in people {
        person.channel = suite.channel.clone();
    }
    suite
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_deadline_holds_for_whoever_names_none() {
    let suite = Suite::start().await;
    let (mut ada, mut ben) = (suite.open_person("ada").await, suite.person("ben").await);
    let sent = delivered(ben.send_as(&ada, "first", "first").await.unwrap());
    let conversation_id = sent.message.unwrap().conversation_id;
    let accept = AcceptRequestRequest {
        conversation_id: conversation_id.clone(),
    };
    let decline = DeclineRequestRequest {
        conversation_id: conversation_id.clone(),
        block: false,
    };
    let short = [("POSTERN_DEADLINE_MS", "1000")];
    let suite = restarted(suite, [&mut ada, &mut ben], &short).await;
    let writer = Writer::hold(&suite).await;
    let (mut accepts, mut declines) = (ada.requests(), ada.requests());
    let (sent, accepted, declined) = tokio::join!(
        ben.send_as(&ada, "second", "second"),
        accepts.accept_request(ada.ask(accept.clone())),
        declines.decline_request(ada.ask(decline)),
    );
    let (code, reason) = (Code::DeadlineExceeded, ErrorReason::DeadlineExceeded);
    assert_fails(sent, code, reason);
    assert_fails(accepted, code, reason);
    assert_fails(declined, code, reason);
    // Reading needs no writer.
    assert_eq!(ada.filtered().await.len(), 1);
    writer.release().await;
    // What was dropped half-way left nothing: the request still waits.
    let _suite = restarted(suite, [&mut ada, &mut ben], &[]).await;
    delivered(ben.send_as(&ada, "second", "second").await.unwrap());
    ada.requests()
        .accept_request(ada.ask(accept))
        .await
        .unwrap();
    let texts = vec!["first".to_owned(), "second".to_owned()];
    holds_once(&ada, &conversation_id, texts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_a_timer_of_its_own_repeats_just_as_well() {
    let suite = Suite::start().await;
    let (ada, ben) = friends(&suite).await;
    let mut conversation = String::new();
    let mut texts = Vec::new();
    for index in 0..20_u64 {
        let id = format!("id-{index}");
        let mut ask = ben.ask(letter(&ada, &id));
        ask.set_timeout(Duration::from_millis(6 + index));
        // Delivered or not: the client cannot know.
        let _ = ben.messages().send_message(ask).await;
        let again = delivered(ben.send_as(&ada, &id, &id).await.unwrap());
        conversation = again.message.unwrap().conversation_id;
        texts.push(id);
    }
    holds_once(&ada, &conversation, texts).await;
}
