//! A process that is told to stop: it answers what it has begun, then ends with 0; a second
//! signal ends it at once. Until then its admin port tells how it is.

use std::net::TcpStream;

use postern_proto::{
    codec::StrictCodec,
    common::v1::ErrorReason,
    identity::v1::{GetJwksRequest, session_service_client::SessionServiceClient},
    messaging::v1::{SendMessageRequest, SendMessageResponse},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_stream::{StreamExt as _, wrappers::UnboundedReceiverStream};
use tonic::{Code, Response, Status, client::Grpc, codegen::http::uri::PathAndQuery};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::{
    child::{Child, Serving},
    friends,
};
use crate::{
    contract::errors::only_reason,
    suite::{Person, delivered, text_content},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_served_process_tells_how_it_is() {
    let (folder, ada, ben) = friends().await;
    let serving = Child::serve(folder.path(), &[]).await;
    assert_eq!(serving.admin("/livez"), (200, "alive\n".to_owned()));
    assert_eq!(serving.admin("/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(serving.admin("/elsewhere").0, 404);
    delivered(serving.person(&ada).send(&ben, "hello").await);
    let (code, metrics) = serving.admin("/metrics");
    assert_eq!(code, 200);
    for (name, method) in [
        ("server", "messaging.v1.MessageService/SendMessage"),
        ("server", "graph.v1.RelationshipService/GetRelationship"),
        ("client", "graph.v1.RelationshipService/GetRelationship"),
    ] {
        let counted = metrics.lines().any(|line| {
            line.starts_with(&format!("rpc_{name}_call_duration_seconds_count{{"))
                && line.contains(&format!("rpc_method=\"postern.{method}\""))
                && line.contains("rpc_response_status_code=\"OK\"")
        });
        assert!(counted, "no {method} of a {name} in:\n{metrics}");
    }
    assert!(serving.stop().status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_in_progress_is_answered_before_the_end() {
    let (folder, ada, ben) = friends().await;
    let serving = Child::serve(folder.path(), &[]).await;
    let held = Held::call(&serving, &ada, &ben).await;
    serving.child.signal("TERM");
    serving.child.line("stopping");
    let answer = held.finish().await.unwrap().into_inner();
    let message = delivered(answer).message.unwrap();
    drop(serving.channel);
    let ended = serving.child.ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.output);
    // What it answered is kept.
    let again = Child::serve(folder.path(), &[]).await;
    let read = again.person(&ada).read(&message.conversation_id).await;
    assert_eq!(read.unwrap(), [message]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_speaks_and_who_only_watches_holds_up_no_stop() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Child::serve(folder.path(), &[]).await;
    let silent = TcpStream::connect(serving.internal).unwrap();
    let watch = HealthCheckRequest {
        service: String::new(),
    };
    let mut health = HealthClient::new(serving.channel.clone());
    let mut watching = health.watch(watch).await.unwrap().into_inner();
    assert!(watching.message().await.unwrap().is_some());
    serving.child.signal("TERM");
    // The watcher hears that it is over and why; nothing is torn off.
    let ended = loop {
        match watching.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended without a word"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Code::Unavailable, "{ended:?}");
    assert_eq!(only_reason(&ended), ErrorReason::ServerUnavailable);
    let ended = serving.child.ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.output);
    // That is what it says when it has waited as long as it waits for calls.
    assert!(
        !ended.output.contains("calls are still open"),
        "{}",
        ended.output
    );
    drop((silent, watching));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let (folder, ada, ben) = friends().await;
    let serving = Child::serve(folder.path(), &[]).await;
    let held = Held::call(&serving, &ada, &ben).await;
    serving.child.signal("INT");
    serving.child.line("stopping");
    serving.child.signal("TERM");
    // Had it waited for the call, it would have ended with 0.
    let ended = serving.child.ended();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.output);
    assert!(held.finish().await.is_err());
}

/// A SendMessage that the server has begun, and that ends when the test lets it.
struct Held {
    rest: mpsc::UnboundedSender<SendMessageRequest>,
    message: SendMessageRequest,
    answer: JoinHandle<Result<Response<SendMessageResponse>, Status>>,
}

impl Held {
    async fn call(serving: &Serving, from: &Person, to: &Person) -> Self {
        let (rest, held) = mpsc::unbounded_channel();
        let (begin, begun) = oneshot::channel();
        let mut begin = Some(begin);
        let first = tokio_stream::once(()).filter_map(move |()| {
            // The transport asks for the body once it has sent the head.
            begin.take().unwrap().send(()).unwrap();
            None
        });
        let body = from.ask(first.chain(UnboundedReceiverStream::new(held)));
        let mut client = Grpc::new(serving.channel.clone());
        let answer = tokio::spawn(async move {
            let path =
                PathAndQuery::from_static("/postern.messaging.v1.MessageService/SendMessage");
            client.ready().await.unwrap();
            let codec = StrictCodec::<SendMessageRequest, SendMessageResponse>::default();
            client.client_streaming(body, path, codec).await
        });
        begun.await.unwrap();
        // Answered on the same connection, after the head of the call that waits.
        let mut sessions = SessionServiceClient::new(serving.channel.clone());
        sessions.get_jwks(GetJwksRequest {}).await.unwrap();
        Self {
            rest,
            message: SendMessageRequest {
                recipient: to.reference(),
                client_message_id: "held".to_owned(),
                content: text_content("held"),
            },
            answer,
        }
    }

    async fn finish(self) -> Result<Response<SendMessageResponse>, Status> {
        // Where the process has gone, nobody takes it.
        let _ = self.rest.send(self.message);
        drop(self.rest);
        self.answer.await.unwrap()
    }
}
