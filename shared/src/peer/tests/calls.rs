//! One call: its deadline, what it carries along, and answers that break off.

use std::{
    convert::Infallible,
    future,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::stream;
use http::{Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use postern_proto::{
    common::v1::ErrorReason,
    identity::v1::{RefreshSessionRequest, session_service_client::SessionServiceClient},
};
use tokio::time::Instant;
use tonic::{Code, Status, body::Body, codegen::Bytes};
use tower::{ServiceExt as _, util::BoxCloneSyncService};

use super::{Act, Fake, LONG, Replica, World, ask, ask_as, local};
use crate::{
    caller::{Caller, Principal, ServiceName, User},
    clock::Timestamp,
    error::reason_of,
    id::{SessionId, UserId},
    peer::{LocalServer, Means, Peer},
    random::Random,
    telemetry::Telemetry,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_tells_who_calls_and_for_whom() {
    let random = Random::system();
    let user = User::plain(
        UserId::random(&random),
        SessionId::new(Timestamp::from_unix_millis(0), &random),
        Arc::from("a.b.c"),
    );
    let caller = Caller {
        user: Some(user.clone()),
        request_id: Arc::from("request-7"),
        ..Caller::system(LONG)
    };
    // Each try tells all of it.
    let fake = || Fake::new(Act::Serve).first([Act::Fail(Status::unavailable("not yet"))]);
    let (replica, here) = (Replica::start(fake()), fake());
    let world = World::of(&[replica.address]);
    ask_as(&caller, &world.peer, "someone").await.unwrap();
    ask_as(&caller, &local(&here, |_| {}), "someone")
        .await
        .unwrap();
    assert_eq!((replica.fake.calls(), here.calls()), (2, 2));
    for seen in replica.fake.seen() {
        assert_eq!(seen.authority.unwrap(), "identity.test:1");
        assert_eq!(seen.headers["postern-service"], "messaging.secret");
        assert_eq!(seen.headers["authorization"], "Bearer a.b.c");
        assert_eq!(seen.headers["x-request-id"], "request-7");
        assert!(seen.here.is_none());
    }
    for seen in here.seen() {
        let told = seen.here.unwrap();
        let me = Principal::Service(ServiceName::Messaging);
        assert_eq!((told.principal, told.user.unwrap().id), (me, user.id));
        assert_eq!(seen.headers["x-request-id"], "request-7");
        // What is no header cannot be forged with one.
        assert!(!seen.headers.contains_key("postern-service"));
        assert!(!seen.headers.contains_key("authorization"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_spans_all_tries_and_each_is_told_what_is_left() {
    let unavailable = || Act::Fail(Status::unavailable("not yet"));
    let fake = || Fake::new(Act::Never).first([unavailable(), unavailable()]);
    let replica = Replica::start(fake());
    let world = World::of(&[replica.address]);
    let here = fake();
    for (peer, fake) in [(&world.peer, &replica.fake), (&local(&here, |_| {}), &here)] {
        let (within, begun) = (Duration::from_millis(700), Instant::now());
        let late = ask(peer, within, "someone").await.unwrap_err();
        assert_eq!(late.code(), Code::DeadlineExceeded);
        assert_eq!(reason_of(&late), Some(ErrorReason::DeadlineExceeded));
        let took = begun.elapsed();
        assert!(took < within + Duration::from_millis(300), "{took:?}");
        let told: Vec<_> = fake.seen().iter().map(|seen| seen.timeout_ms).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.is_sorted_by(|one, next| one >= next), "{told:?}");
        // A hop keeps ten milliseconds back.
        assert!(told[0] <= 690 && told[2] > 300, "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_time_nothing_is_sent() {
    let replica = Replica::start(Fake::new(Act::Serve));
    let world = World::of(&[replica.address]);
    world.call().await.unwrap();
    for millis in [0, 5, 14] {
        let within = Duration::from_millis(millis);
        let late = ask(&world.peer, within, "someone").await.unwrap_err();
        assert_eq!(late.code(), Code::DeadlineExceeded, "{millis}");
    }
    assert_eq!(replica.fake.calls(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_in_a_hurry_take_nobody_away_from_the_others() {
    let replica = Replica::start(Fake::new(Act::Never));
    let world = World::of(&[replica.address]);
    for _ in 0..40 {
        let late = ask(&world.peer, Duration::from_millis(20), "someone").await;
        assert_eq!(late.unwrap_err().code(), Code::DeadlineExceeded);
    }
    replica.fake.becomes(Act::Serve);
    world.call().await.unwrap();
    assert_eq!(world.counted("breaker_openings"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_no_server_reads_is_not_sent() {
    let replica = Replica::start(Fake::new(Act::Serve));
    let world = World::of(&[replica.address]);
    let largest = "x".repeat(64 * 1_024 - 5);
    ask(&world.peer, LONG, &largest).await.unwrap();
    let refused = ask(&world.peer, LONG, &format!("{largest}xx")).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
    assert_eq!(reason_of(&refused), Some(ErrorReason::RequestTooLarge));
    assert_eq!(replica.fake.calls(), 1);
}

/// A peer whose server here answers with what `answer` makes of the number of the call.
fn played(answer: fn(usize) -> Response<Body>) -> (Peer, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let server = tower::service_fn(move |request: Request<Body>| {
        let call = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            // A server reads before it answers.
            request.into_body().collect().await.unwrap();
            Ok::<_, Infallible>(answer(call))
        }
    });
    let server: LocalServer = BoxCloneSyncService::new(server);
    let slot = Arc::new(OnceLock::from(server));
    let rpc = Telemetry::without_logs().unwrap().rpc();
    let means = Means::new(rpc, Random::system());
    let (me, name) = (ServiceName::Messaging, ServiceName::Identity);
    (Peer::local(me, name, slot, &means), calls)
}

/// An answer whose head comes and whose body goes on as told.
fn begun(
    rest: impl stream::Stream<Item = Result<Bytes, Status>> + Send + 'static,
) -> Response<Body> {
    use futures_util::StreamExt as _;
    let frames = rest.map(|data| data.map(http_body::Frame::data));
    let response = Response::builder().header("content-type", "application/grpc");
    response.body(Body::new(StreamBody::new(frames))).unwrap()
}

/// An empty message.
fn empty() -> Bytes {
    Bytes::from_static(&[0; 5])
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let (peer, calls) = played(|call| {
        let broken = || Err(Status::cancelled("operation was canceled"));
        match call {
            0 => begun(stream::iter([broken()])),
            1 => begun(stream::iter([Ok(empty()), broken()])),
            _ => Status::not_found("nobody").into_http(),
        }
    });
    let answer = ask(&peer, LONG, "someone").await.unwrap_err();
    assert_eq!(answer.code(), Code::NotFound);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_late() {
    let (peer, calls) = played(|_| begun(stream::once(future::pending())));
    let late = ask(&peer, Duration::from_millis(100), "someone").await;
    assert_eq!(late.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_the_contract_does_not_allow_to_be_repeated_is_not() {
    let (peer, calls) = played(|_| Status::unavailable("no").into_http());
    let ask = Caller::system(LONG).ask(RefreshSessionRequest::default());
    let mut client = SessionServiceClient::new(peer);
    let failed = client.refresh_session(ask).await.unwrap_err();
    assert_eq!(failed.code(), Code::Unavailable);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_here_that_still_starts_is_waited_for_a_little() {
    let rpc = Telemetry::without_logs().unwrap().rpc();
    let means = Means::new(rpc, Random::system());
    let (me, name) = (ServiceName::Messaging, ServiceName::Identity);
    let peer = Peer::local(me, name, Arc::default(), &means);
    let failed = ask(&peer, LONG, "someone").await.unwrap_err();
    assert_eq!(failed.code(), Code::Unavailable);
    assert_eq!(reason_of(&failed), Some(ErrorReason::DependencyUnavailable));
}

#[tokio::test]
async fn a_word_of_a_gateway_counts() {
    let (peer, calls) = played(|_| {
        let response = Response::builder().status(503);
        response.body(Body::empty()).unwrap()
    });
    let request = Request::post("/postern.identity.v1.StandingFactsService/BatchGetStanding");
    let request = request.body(Body::empty()).unwrap();
    let Ok(answer) = peer.oneshot(request).await;
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    assert_eq!(answer.status(), 503);
}
