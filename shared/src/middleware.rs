//! What every request passes before a handler sees it: one stack, in one order, for the public
//! port, the internal port and calls inside the process.
//!
//! The order, outermost first, and why: trace (whatever follows belongs to the request's span),
//! request id (names it in logs), metrics (see every outcome), catch panic (one request falls, not
//! the process), shed (too much is turned away before it costs anything), deadline (bounds all
//! that follows), peer identity (which program calls), user token (for whom), the handler.

mod ending;
mod identify;

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{self, BoxFuture},
};
use http::{HeaderMap, Request, Response};
use postern_proto::common::v1::ErrorReason;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};
use tracing::Instrument as _;

use crate::{
    access::{self, Access, Rpc},
    auth::{ServiceKey, Verifier},
    caller::Caller,
    error,
    peer::InProcess,
    random::Random,
    telemetry::{self, RpcMetrics},
};

/// The header that names a request. One that a client sends is kept when it is short and printable.
pub const REQUEST_ID_HEADER: &str = "x-request-id";

/// An answer of ours comes this much before the transport's own timer would say CANCELLED.
const MARGIN: Duration = Duration::from_millis(5);
/// When a request that was turned away may come again.
const SHED_RETRY: Duration = Duration::from_millis(250);
/// A client's request id is at most this long.
const REQUEST_ID_CHARS_MAX: usize = 64;

/// Which port a request came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// For people's clients. Service credentials count for nothing here.
    Public,
    /// For our services.
    Internal,
}

/// What the stack works with; all that a process serves shares it.
#[derive(Debug)]
pub struct Shared {
    /// Checks access tokens.
    pub verifier: Verifier,
    /// Checks service credentials.
    pub service_key: ServiceKey,
    /// One permit for each call in progress.
    pub in_flight: Semaphore,
    /// How many permits there are.
    pub in_flight_max: u32,
    /// How long a call may take when the caller does not say.
    pub deadline: Duration,
    /// Cancelled when the process drains: streams end then.
    pub stopping: CancellationToken,
    /// Where calls are counted.
    pub metrics: RpcMetrics,
    /// Makes request ids.
    pub random: Random,
}

/// The stack, to be put around a server.
#[derive(Debug, Clone)]
pub struct Stack {
    shared: Arc<Shared>,
    port: Port,
    served: Arc<[&'static str]>,
}

impl Stack {
    /// The stack of one port, around the services of these names.
    #[must_use]
    pub fn new(shared: Arc<Shared>, port: Port, served: &[&'static str]) -> Self {
        Self {
            shared,
            port,
            served: served.into(),
        }
    }

    /// The row of a path. What this port does not serve has none, whoever asks: it is not there.
    fn find(&self, path: &str) -> Option<Rpc> {
        let served = |rpc: &Rpc| is_standard(path) || self.served.contains(&rpc.service);
        access::find(path).filter(served)
    }
}

/// Health and reflection, which every port offers.
fn is_standard(path: &str) -> bool {
    path.starts_with("/grpc.")
}

impl<S> Layer<S> for Stack {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            inner,
            stack: self.clone(),
        }
    }
}

/// A server with the stack around it.
#[derive(Debug, Clone)]
pub struct Guarded<S> {
    inner: S,
    stack: Stack,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The service that was polled ready is the one to be called.
        let ready = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, ready);
        // From here on the transport's own timer runs. A busy machine may begin the work later, and
        // our answer must still come first.
        let begun = Instant::now();
        Box::pin(self.stack.clone().serve(inner, request, begun).map(Ok))
    }
}

impl Stack {
    async fn serve<S>(self, inner: S, request: Request<Body>, begun: Instant) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send,
        S::Future: Send,
    {
        let rpc = self.find(request.uri().path());
        let method = rpc.map_or_else(
            || "_OTHER".to_owned(),
            |rpc| format!("{}/{}", rpc.service, rpc.method),
        );
        // Trace.
        let span = telemetry::server_span(&method, request.headers());
        // Request id.
        let request_id = self.request_id(request.headers());
        span.record("request.id", &*request_id);
        // Metrics count from `begun`. Catch panic.
        let access = rpc.map(|rpc| rpc.access);
        let guarded = self.admit(inner, request, begun, access, &request_id);
        let response = AssertUnwindSafe(guarded)
            .catch_unwind()
            .instrument(span.clone())
            .await;
        let response = response.unwrap_or_else(|_| {
            tracing::error!(parent: &span, request.id = &*request_id, "a handler panicked");
            internal(&request_id).into_http()
        });
        let response = with_error_info(response, rpc.is_some());
        let code = telemetry::code_of(&response);
        telemetry::end_span(&span, code);
        tracing::debug!(parent: &span, code = telemetry::code_name(code), "a call was answered");
        self.shared.metrics.server(&method, code, begun.elapsed());
        ending::end_with(response, &self.shared.stopping)
    }

    async fn admit<S>(
        &self,
        mut inner: S,
        mut request: Request<Body>,
        begun: Instant,
        access: Option<Access>,
        request_id: &Arc<str>,
    ) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send,
        S::Future: Send,
    {
        // Shed. Health, reflection and unknown paths are cheap and must always answer.
        let counted = access.is_some() && !is_standard(request.uri().path());
        // A call inside the process belongs to one that was let in, and would wait for its permit.
        let inside = request.extensions().get::<InProcess>().is_some();
        let _permit = if counted && !inside {
            match self.shared.in_flight.try_acquire() {
                Ok(permit) => Some(permit),
                Err(_) => return overloaded().into_http(),
            }
        } else {
            None
        };
        // Deadline. Streams of health and reflection last as long as the client likes.
        if !counted {
            let Ok(response) = inner.call(request).await;
            return response;
        }
        let allowed = self.allowed(request.headers());
        let deadline = allowed.map(|allowed| begun + allowed);
        let Some(deadline) = deadline.filter(|deadline| Instant::now() < *deadline) else {
            return too_late().into_http();
        };
        let work = async {
            // Peer identity, user token.
            let (principal, user) = match self.identify(&mut request, access).await {
                Ok(identified) => identified,
                Err(refused) => return refused.into_http(),
            };
            let request_id = Arc::clone(request_id);
            request.extensions_mut().insert(Caller {
                principal,
                user,
                deadline,
                request_id,
            });
            let Ok(response) = inner.call(request).await;
            response
        };
        let answered = until(deadline, work).await;
        answered.unwrap_or_else(|| too_late().into_http())
    }

    /// How long the call may take; none when it is not worth beginning.
    fn allowed(&self, headers: &HeaderMap) -> Option<Duration> {
        let asked = headers
            .get("grpc-timeout")
            .and_then(|value| timeout(value.to_str().ok()?));
        let allowed = asked.map_or(self.shared.deadline, |asked| {
            asked.saturating_sub(MARGIN).min(self.shared.deadline)
        });
        (!allowed.is_zero()).then_some(allowed)
    }

    fn request_id(&self, headers: &HeaderMap) -> Arc<str> {
        let sent = headers
            .get(REQUEST_ID_HEADER)
            .and_then(|value| value.to_str().ok());
        let usable = |id: &&str| {
            (1..=REQUEST_ID_CHARS_MAX).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_graphic())
        };
        match sent.filter(usable) {
            Some(id) => Arc::from(id),
            None => format!("{:032x}", u128::from_be_bytes(self.shared.random.bytes())).into(),
        }
    }
}

/// Works until the deadline. Beside the timer it looks at the clock itself: on a busy machine
/// timers fire late and several at once, and the transport's must not be seen before ours.
async fn until<T>(deadline: Instant, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(tokio::time::timeout_at(deadline, work));
    future::poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Pending if Instant::now() >= deadline => Poll::Ready(None),
        polled => polled.map(Result::ok),
    })
    .await
}

/// Reads a `grpc-timeout`: up to 8 digits and a unit.
fn timeout(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount.saturating_mul(3_600)),
        "M" => Duration::from_secs(amount.saturating_mul(60)),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

/// Gives every error its one ErrorInfo: those that the transport made have none yet.
fn with_error_info(response: Response<Body>, known: bool) -> Response<Body> {
    let Some(status) = Status::from_header_map(response.headers()) else {
        return response;
    };
    if status.code() == Code::Ok || !status.details().is_empty() {
        return response;
    }
    let (code, reason) = match status.code() {
        Code::OutOfRange => (Code::OutOfRange, ErrorReason::RequestTooLarge),
        Code::Unimplemented if !known => (Code::Unimplemented, ErrorReason::UnknownRpc),
        // Handlers say why they fail. What comes without a reason is the transport's word for a
        // frame that it cannot read: a broken flag, an unknown compression, no message at all.
        Code::Unimplemented | Code::Internal | Code::InvalidArgument => {
            (Code::InvalidArgument, ErrorReason::MalformedRequest)
        }
        Code::Cancelled => (Code::Cancelled, ErrorReason::Cancelled),
        Code::DeadlineExceeded => (Code::DeadlineExceeded, ErrorReason::DeadlineExceeded),
        Code::ResourceExhausted => (Code::ResourceExhausted, ErrorReason::Overloaded),
        Code::Unavailable => (Code::Unavailable, ErrorReason::ServerUnavailable),
        // A stream of health or reflection: its words are its own.
        _ => return response,
    };
    let message = match (status.message(), reason) {
        ("", ErrorReason::UnknownRpc) => "no such RPC is served on this port",
        (message, _) => message,
    };
    error::status(code, reason, message).into_http()
}

fn internal(request_id: &str) -> Status {
    let message = format!("internal error, logged as request `{request_id}`");
    error::status(Code::Internal, ErrorReason::Internal, message)
}

fn overloaded() -> Status {
    let message = "the server works on as many calls as it can: try again";
    error::status_retry(ErrorReason::Overloaded, message, SHED_RETRY)
}

fn too_late() -> Status {
    let message = "the answer was not ready in time: repeat the call with the same ids";
    error::status(
        Code::DeadlineExceeded,
        ErrorReason::DeadlineExceeded,
        message,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn timeouts_are_read_as_grpc_writes_them() {
        assert_eq!(timeout("100m"), Some(Duration::from_millis(100)));
        assert_eq!(timeout("2S"), Some(Duration::from_secs(2)));
        assert_eq!(
            timeout("99999999H"),
            Some(Duration::from_secs(99_999_999 * 3_600))
        );
        for junk in ["", "m", "1", "123456789m", "-1m", "1x", "１m", "1é"] {
            assert_eq!(timeout(junk), None, "{junk}");
        }
    }

    #[tokio::test]
    async fn the_deadline_counts_from_the_arrival_and_not_from_when_there_is_time() {
        let shared = Shared {
            verifier: Verifier::new(
                Clock::system(),
                Arc::new(|| async { Ok(Vec::new()) }.boxed()),
            ),
            service_key: ServiceKey::new(&[7; 32]),
            in_flight: Semaphore::new(1),
            in_flight_max: 1,
            deadline: Duration::from_secs(60),
            stopping: CancellationToken::new(),
            metrics: telemetry::Telemetry::without_logs().unwrap().rpc(),
            random: Random::system(),
        };
        let service = "postern.identity.v1.SessionService";
        let inner = tower::service_fn(|_: Request<Body>| async {
            Ok::<_, Infallible>(Response::new(Body::default()))
        });
        let mut server = Stack::new(Arc::new(shared), Port::Public, &[service]).layer(inner);
        let mut ask = |timeout| {
            let request = Request::post(format!("/{service}/GetJwks"))
                .header("grpc-timeout", timeout)
                .body(Body::default());
            server.call(request.unwrap())
        };
        let code =
            |answer: Result<Response<Body>, Infallible>| telemetry::code_of(&answer.unwrap());
        assert_eq!(code(ask("60S").await), Code::Ok);
        let (begun, late) = (Instant::now(), ask("7m"));
        while begun.elapsed() < Duration::from_millis(10) {
            tokio::task::yield_now().await;
        }
        assert_eq!(code(late.await), Code::DeadlineExceeded);
    }

    #[test]
    fn an_error_without_a_reason_gets_one() {
        let made = |status: Status, known| {
            let response = with_error_info(status.into_http(), known);
            let status = Status::from_header_map(response.headers()).unwrap();
            (status.code(), error::reason_of(&status))
        };
        let reason = |code, reason| (code, Some(reason));
        assert_eq!(
            made(Status::out_of_range("too large"), true),
            reason(Code::OutOfRange, ErrorReason::RequestTooLarge)
        );
        assert_eq!(
            made(Status::unimplemented(""), false),
            reason(Code::Unimplemented, ErrorReason::UnknownRpc)
        );
        assert_eq!(
            made(Status::internal("Missing request message."), true),
            reason(Code::InvalidArgument, ErrorReason::MalformedRequest)
        );
        let ours = error::status(Code::NotFound, ErrorReason::AccountNotFound, "no");
        assert_eq!(
            made(ours, true),
            reason(Code::NotFound, ErrorReason::AccountNotFound)
        );
    }
}
