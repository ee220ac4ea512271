//! Calling another service: the same from one process to itself and over the network.
//!
//! A [`Peer`] is what a generated client is made of. It carries the caller's deadline, person,
//! request id and trace along, gives up by itself when the deadline comes (the network's transport
//! alone would say CANCELLED, and in process nobody would), and shows our credential. It does not
//! try again: what failed is the caller's to repeat.

use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response};
use postern_proto::common::v1::ErrorReason;
use tokio::time::Instant;
use tonic::{
    Code, Status,
    body::Body,
    transport::{Channel, Endpoint},
};
use tower::{Service, ServiceExt as _, util::BoxCloneSyncService};
use tracing::Instrument as _;

use crate::{
    auth::CREDENTIAL_HEADER,
    caller::{Caller, Principal, ServiceName, User},
    error,
    middleware::REQUEST_ID_HEADER,
    telemetry::{self, RpcMetrics},
};

/// What a hop keeps back, so that its own answer still gets home.
const HOP: Duration = Duration::from_millis(10);
/// With less left than this no call is begun.
const WORTH_IT: Duration = Duration::from_millis(5);
/// How long a call without a caller's deadline may take.
const DEADLINE: Duration = Duration::from_secs(2);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(1);
/// How often an idle connection is tested, and how long the answer may take.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(5));

/// A server in this process, with its middleware.
pub type LocalServer = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// Where the servers of this process will be once all are built: services refer to each other in
/// circles.
pub type Slot = Arc<OnceLock<LocalServer>>;

/// What the server in this process is told in place of headers that anyone could send.
#[derive(Debug, Clone)]
pub(crate) struct InProcess {
    pub(crate) principal: Principal,
    pub(crate) user: Option<User>,
}

#[derive(Clone)]
enum Way {
    Local(Slot),
    Network {
        channel: Channel,
        credential: HeaderValue,
    },
}

/// Another service, as a generated client takes it.
#[derive(Clone)]
pub struct Peer {
    me: ServiceName,
    name: ServiceName,
    way: Way,
    metrics: RpcMetrics,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({} to {})", self.me, self.name)
    }
}

impl Peer {
    /// A service in this process.
    #[must_use]
    pub const fn local(
        me: ServiceName,
        name: ServiceName,
        slot: Slot,
        metrics: RpcMetrics,
    ) -> Self {
        Self {
            me,
            name,
            way: Way::Local(slot),
            metrics,
        }
    }

    /// A service at an address. It is connected to when it is first called.
    ///
    /// # Errors
    /// When the address or the credential cannot be used.
    pub fn network(
        me: ServiceName,
        name: ServiceName,
        uri: http::Uri,
        credential: &str,
        metrics: RpcMetrics,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let endpoint = Endpoint::new(uri)?
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEP_ALIVE.0)
            .keep_alive_timeout(KEEP_ALIVE.1)
            .keep_alive_while_idle(true);
        let mut credential = HeaderValue::from_str(credential)?;
        credential.set_sensitive(true);
        Ok(Self {
            me,
            name,
            way: Way::Network {
                channel: endpoint.connect_lazy(),
                credential,
            },
            metrics,
        })
    }

    async fn send(self, mut request: Request<Body>) -> Response<Body> {
        let caller = request.extensions_mut().remove::<Caller>();
        let deadline = caller
            .as_ref()
            .map_or_else(|| Instant::now() + DEADLINE, |c| c.deadline);
        let left = deadline
            .saturating_duration_since(Instant::now())
            .saturating_sub(HOP);
        if left < WORTH_IT {
            return too_late(self.name).into_http();
        }
        self.write_headers(&mut request, caller.as_ref(), left);
        let answered = tokio::time::timeout(left, self.forward(request, caller)).await;
        answered.unwrap_or_else(|_| too_late(self.name).into_http())
    }

    fn write_headers(&self, request: &mut Request<Body>, caller: Option<&Caller>, left: Duration) {
        telemetry::inject(&tracing::Span::current(), request.headers_mut());
        let timeout = HeaderValue::from_str(&format!("{}m", left.as_millis()));
        if let Ok(timeout) = timeout {
            request.headers_mut().insert("grpc-timeout", timeout);
        }
        let Some(caller) = caller else { return };
        if let Ok(id) = HeaderValue::from_str(&caller.request_id) {
            request.headers_mut().insert(REQUEST_ID_HEADER, id);
        }
        if let (Some(user), Way::Network { .. }) = (&caller.user, &self.way)
            && let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", user.token))
        {
            value.set_sensitive(true);
            request
                .headers_mut()
                .insert(http::header::AUTHORIZATION, value);
        }
    }

    async fn forward(&self, mut request: Request<Body>, caller: Option<Caller>) -> Response<Body> {
        match &self.way {
            Way::Local(slot) => {
                let Some(server) = slot.get() else {
                    return unavailable(self.name, "it is still starting").into_http();
                };
                request.extensions_mut().insert(InProcess {
                    principal: Principal::Service(self.me),
                    user: caller.and_then(|caller| caller.user),
                });
                let Ok(response) = server.clone().oneshot(request).await;
                response
            }
            Way::Network {
                channel,
                credential,
            } => {
                request
                    .headers_mut()
                    .insert(CREDENTIAL_HEADER, credential.clone());
                match channel.clone().oneshot(request).await {
                    Ok(response) => response,
                    Err(cause) => unavailable(self.name, &error::chain(&cause)).into_http(),
                }
            }
        }
    }
}

impl Service<Request<Body>> for Peer {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Whether the other side is ready shows in its answer, within the deadline.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let peer = self.clone();
        let method = request.uri().path().trim_start_matches('/').to_owned();
        let span = telemetry::client_span(&method);
        let metrics = self.metrics.clone();
        Box::pin(async move {
            let begun = Instant::now();
            let response = peer.send(request).instrument(span.clone()).await;
            let code = telemetry::code_of(&response);
            telemetry::end_span(&span, code);
            metrics.client(&method, code, begun.elapsed());
            Ok(response)
        })
    }
}

fn too_late(name: ServiceName) -> Status {
    let message = format!("{name} did not answer in time");
    error::status(
        Code::DeadlineExceeded,
        ErrorReason::DeadlineExceeded,
        message,
    )
}

fn unavailable(name: ServiceName, why: &str) -> Status {
    tracing::warn!(
        peer = name.as_str(),
        error = why,
        "a service cannot be reached"
    );
    let message = format!("{name} cannot be reached");
    error::status(
        Code::Unavailable,
        ErrorReason::DependencyUnavailable,
        message,
    )
}
