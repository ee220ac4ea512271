//! Requests that are no messages: bytes that do not decode, frames that are broken, too large or
//! compressed, headers that make no sense.

use postern_proto::{common::v1::ErrorReason, messaging::v1::SendMessageRequest};
use postern_shared::caller::ServiceName;
use tonic::Code;

use super::{ask, stored, wrong_fields};
use crate::{
    contract::{allowed, bearer, credential, errors::only_reason, raw, rpcs},
    suite::{Person, Suite, assert_fails, connect, text_content},
};

/// What the server reads of one message at the most.
const REQUEST_BYTES_MAX: u32 = 64 * 1_024;
const GET_COUNTS: &str = "/postern.graph.v1.GraphService/GetCounts";

async fn suite() -> (Suite, Person) {
    let suite = Suite::start().await;
    let ada = suite.open_person("ada").await;
    (suite, ada)
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_do_not_decode_are_malformed_whatever_the_rpc() {
    let (suite, ada) = suite().await;
    let before = stored(&ada).await;
    let broken: [&[u8]; 5] = [
        // A varint without end, a length beyond the end, a wire type that does not exist, the
        // field number 0, a group that is never closed.
        &[0xFF; 11],
        &[0x0A, 0x7F, b'x'],
        &[0x0F],
        &[0x02, 0x00],
        &[0x0B],
    ];
    for rpc in rpcs() {
        let (channel, headers) = allowed(&suite, &ada, &rpc);
        for bytes in broken {
            let answer = raw::call(channel, &rpc.path, &headers, bytes).await;
            assert_fails(answer, Code::InvalidArgument, ErrorReason::MalformedRequest);
        }
    }
    // Field 1 is a string, and this is not UTF-8.
    let path = "/postern.identity.v1.SessionService/CreateSession";
    let answer = raw::call(&suite.channel, path, &[], &[0x0A, 0x02, 0xC3, 0x28]).await;
    assert_fails(answer, Code::InvalidArgument, ErrorReason::MalformedRequest);
    assert_eq!(stored(&ada).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_frames_are_malformed_whatever_the_rpc() {
    let (suite, ada) = suite().await;
    let broken: [(&str, &[u8]); 7] = [
        ("no message", &[]),
        ("half a head", &[0, 0, 0]),
        ("an unknown flag", &[2, 0, 0, 0, 0]),
        ("an unknown flag", &[0xFF, 0, 0, 0, 0]),
        ("compressed by nothing", &[1, 0, 0, 0, 0]),
        ("no body", &[0, 0, 0, 0, 9]),
        ("half a body", &[0, 0, 0, 0, 9, 1, 2, 3]),
    ];
    for rpc in rpcs() {
        let (channel, headers) = allowed(&suite, &ada, &rpc);
        for (what, bytes) in broken {
            let answer = raw::call_framed(channel, &rpc.path, &headers, bytes.to_vec()).await;
            let reason = answer.as_ref().map_err(only_reason);
            assert_eq!(
                reason,
                Err(ErrorReason::MalformedRequest),
                "{what}: {}",
                rpc.path
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_messages_are_refused_and_plain_ones_may_say_so() {
    let (suite, ada) = suite().await;
    // An empty message, as gzip writes it.
    let gzip = [
        0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    let framed = [&[1, 0, 0, 0, 20], &gzip[..]].concat();
    for encoding in ["gzip", "deflate", "zstd", "br", "x"] {
        let headers = [bearer(&ada), ("grpc-encoding", encoding.to_owned())];
        let answer = raw::call_framed(&suite.channel, GET_COUNTS, &headers, framed.clone()).await;
        let refused = assert_fails(answer, Code::InvalidArgument, ErrorReason::MalformedRequest);
        assert!(refused.message().contains(encoding), "{refused:?}");
    }
    let headers = [bearer(&ada), ("grpc-encoding", "identity".to_owned())];
    raw::call(&suite.channel, GET_COUNTS, &headers, &[])
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_above_the_limit_are_too_large_whatever_the_rpc() {
    let (suite, ada) = suite().await;
    for rpc in rpcs() {
        let (channel, headers) = allowed(&suite, &ada, &rpc);
        for length in [REQUEST_BYTES_MAX + 1, u32::MAX] {
            // It is refused by its head: the rest need not come.
            let head = [&[0], &length.to_be_bytes()[..]].concat();
            let answer = raw::call_framed(channel, &rpc.path, &headers, head).await;
            assert_fails(answer, Code::OutOfRange, ErrorReason::RequestTooLarge);
        }
    }
    let message = |text: usize| SendMessageRequest {
        recipient: None,
        client_message_id: String::new(),
        content: text_content(&"x".repeat(text)),
    };
    let send = "messaging.v1.MessageService/SendMessage";
    // Two heads of a field, with 4 and 3 bytes, stand around the text.
    let limit = usize::try_from(REQUEST_BYTES_MAX).unwrap() - 8;
    let fits = ask(&ada, send, &message(limit)).await;
    assert_eq!(wrong_fields(fits).len(), 3);
    let answer = ask(&ada, send, &message(limit + 1)).await;
    assert_fails(answer, Code::OutOfRange, ErrorReason::RequestTooLarge);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_beyond_the_limit_cost_the_stream_and_not_the_server() {
    let (suite, ada) = suite().await;
    let serves = async |channel| {
        let answer = raw::call(channel, GET_COUNTS, &[bearer(&ada)], &[]).await;
        assert_eq!(answer.unwrap().len(), 1);
    };
    for (count, bytes) in [(1, 20_000), (40, 1_000), (2_000, 10)] {
        let channel = connect(suite.running.public).await;
        let huge = ("x-huge", "x".repeat(bytes));
        let headers = [vec![bearer(&ada)], vec![huge; count]].concat();
        let body = raw::frame(&[]);
        if let Ok(response) = raw::exchange(&channel, GET_COUNTS, &headers, body).await {
            assert_eq!(response.status().as_u16(), 431, "{count} of {bytes}");
        }
        serves(&suite.channel).await;
    }
    let large = [bearer(&ada), ("x-large", "x".repeat(10_000))];
    let answer = raw::call(&suite.channel, GET_COUNTS, &large, &[]).await;
    assert_eq!(answer.unwrap().len(), 1);
    serves(&connect(suite.running.public).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_make_no_sense_are_refused_or_ignored() {
    let (suite, ada) = suite().await;
    let call =
        async |headers: &raw::Headers| raw::call(&suite.channel, GET_COUNTS, headers, &[]).await;
    for timeout in [
        "",
        "x",
        "5",
        "-1S",
        "123456789S",
        "1 S",
        "１S",
        "99999999H",
        "1e9S",
    ] {
        let answer = call(&[bearer(&ada), ("grpc-timeout", timeout.to_owned())]).await;
        assert!(answer.is_ok(), "{timeout}: {answer:?}");
    }
    for id in ["", "é", "two words", &"x".repeat(5_000)] {
        let answer = call(&[bearer(&ada), ("x-request-id", id.to_owned())]).await;
        assert!(answer.is_ok(), "{id}: {answer:?}");
    }
    for trace in ["", "é", "00-0-0-00", &"0".repeat(5_000)] {
        let answer = call(&[bearer(&ada), ("traceparent", trace.to_owned())]).await;
        assert!(answer.is_ok(), "{trace}: {answer:?}");
    }
    let answer = call(&[("authorization", "Bearer é".to_owned())]).await;
    assert_fails(answer, Code::Unauthenticated, ErrorReason::TokenInvalid);
    let path = "/postern.identity.v1.StandingFactsService/GetStanding";
    for credential in ["", "é", "graph", "graph.", "graph.AAAA", "nobody.AAAA"] {
        let headers = [("postern-service", credential.to_owned())];
        let answer = raw::call(&suite.internal, path, &headers, &[]).await;
        assert_fails(
            answer,
            Code::Unauthenticated,
            ErrorReason::ServiceCredentialInvalid,
        );
    }
    let good = credential(&suite, ServiceName::Graph);
    let two = [good, "graph.AAAA".to_owned()].map(|value| ("postern-service", value));
    for headers in [two.clone(), [two[1].clone(), two[0].clone()]] {
        let answer = raw::call(&suite.internal, path, &headers, &[]).await;
        assert_fails(
            answer,
            Code::Unauthenticated,
            ErrorReason::ServiceCredentialInvalid,
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_anyone_may_call_does_not_look_at_tokens() {
    let (suite, _) = suite().await;
    let path = "/postern.identity.v1.SessionService/GetJwks";
    for header in ["", "é", "Basic eDp5", "Bearer x", "Bearer a.b.c"] {
        let headers = [("authorization", header.to_owned())];
        let answer = raw::call(&suite.channel, path, &headers, &[]).await;
        assert!(answer.is_ok(), "{header}: {answer:?}");
    }
}
