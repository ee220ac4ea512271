//! Calling another service: the same from one process to itself and over the network.
//!
//! A [`Peer`] is what a generated client is made of. It carries the caller's deadline, person,
//! request id and trace along, gives up by itself when the deadline comes (the network's transport
//! alone would say CANCELLED, and in process nobody would), shows our credential, and makes a call
//! again that cannot have been served, where the contract says that repeating it does no harm.
//!
//! The order of the layers, outermost first, and why: trace and metrics (one call, however often
//! it is tried), deadline (bounds all that follows), budget and retry (at this layer alone: a
//! callee that gave up on its own dependency is not asked again), address and breaker (each try
//! goes where it is likely to be served), headers (each try tells how long it may take), faults
//! (in tests), the way there.

mod backoff;
mod breaker;
mod budget;
mod faults;
mod pool;
mod repeatable;
mod resolve;
mod set;
#[cfg(test)]
mod tests;
mod way;

use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response, Uri, header::AUTHORIZATION, request};
use http_body_util::{BodyExt as _, Limited};
use postern_proto::common::v1::ErrorReason;
use tokio::time::Instant;
use tonic::{Code, Status, body::Body, codegen::Bytes};
use tower::{Service, util::BoxCloneSyncService};
use tracing::Instrument as _;

pub use faults::Faults;
pub use resolve::{Resolve, dns};

use crate::{
    auth::CREDENTIAL_HEADER,
    caller::{Caller, Principal, ServiceName, User},
    error,
    middleware::REQUEST_ID_HEADER,
    random::Random,
    telemetry::{self, RpcMetrics},
};
use backoff::Backoff;
use budget::Budget;
use faults::Faulty;
use pool::Pool;
use repeatable::Repeatable;
use resolve::Names;
use set::{Id, NoOne, Verdict};
use way::{Answer, Attempt, Lost, Way};

/// What a hop keeps back, so that its own answer still gets home.
const HOP: Duration = Duration::from_millis(10);
/// With less left than this no call is begun.
const WORTH_IT: Duration = Duration::from_millis(5);
/// How long a call without a caller's deadline may take.
const DEADLINE: Duration = Duration::from_secs(2);
/// The largest request that is sent, in bytes: what a server of ours reads, and the frame's head.
const REQUEST_BYTES_MAX: usize = crate::run::REQUEST_BYTES_MAX + 5;
/// How often one call is made again.
const RETRIES_MAX: usize = 2;
/// How long to wait before that.
const RETRY_AFTER: Backoff = Backoff {
    first: Duration::from_millis(20),
    max: Duration::from_millis(100),
};
/// An address that had less time than this for its answer is not blamed for the lack of one:
/// callers in a hurry must not take it away from the others.
const PATIENCE: Duration = Duration::from_millis(250);

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

/// What the peers of a process are made with.
#[derive(Clone)]
pub struct Means {
    /// Where calls are counted.
    pub metrics: RpcMetrics,
    /// Where chance comes from.
    pub random: Random,
    /// How names become addresses.
    pub resolve: Resolve,
    /// What goes wrong on purpose, in tests.
    pub faults: Option<Faults>,
    repeatable: Repeatable,
}

impl fmt::Debug for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Means")
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

impl Means {
    /// With the machine's name service, and without faults.
    #[must_use]
    pub fn new(metrics: RpcMetrics, random: Random) -> Self {
        Self {
            metrics,
            random,
            resolve: dns(),
            faults: None,
            repeatable: Repeatable::by_contract(),
        }
    }

    /// The same with these faults.
    #[must_use]
    pub fn with(self, faults: Option<Faults>) -> Self {
        Self { faults, ..self }
    }
}

/// Another service, as a generated client takes it.
#[derive(Clone)]
pub struct Peer {
    inner: Arc<Inner>,
    /// Whether its calls ask also an address that is left to rest.
    insists: bool,
}

struct Inner {
    me: ServiceName,
    name: ServiceName,
    /// Shown to servers on the network.
    credential: Option<HeaderValue>,
    pool: Pool,
    budget: Mutex<Budget>,
    faulty: Option<Faulty>,
    means: Means,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({} to {})", self.inner.me, self.inner.name)
    }
}

impl Peer {
    /// A service in this process.
    #[must_use]
    pub fn local(me: ServiceName, name: ServiceName, slot: Slot, means: &Means) -> Self {
        let pool = Pool::local(name, slot, means.clone());
        Self::new(me, name, pool, None, means)
    }

    /// A service at these addresses, each of which may name a host with several addresses of its
    /// own. Their names are looked up with the first call, and as long as there is a `Peer`.
    ///
    /// # Errors
    /// When an address or the credential cannot be used.
    pub fn network(
        me: ServiceName,
        name: ServiceName,
        uris: &[Uri],
        credential: &str,
        means: &Means,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let names = Names::new(uris, Arc::clone(&means.resolve))?;
        let mut credential = HeaderValue::from_str(credential)?;
        credential.set_sensitive(true);
        let pool = Pool::network(name, names, means.clone());
        Ok(Self::new(me, name, pool, Some(credential), means))
    }

    fn new(
        me: ServiceName,
        name: ServiceName,
        pool: Pool,
        credential: Option<HeaderValue>,
        means: &Means,
    ) -> Self {
        let inner = Inner {
            me,
            name,
            credential,
            pool,
            budget: Mutex::new(Budget::new(Instant::now())),
            faulty: means.faults.map(|faults| Faulty::new(faults, me, name)),
            means: means.clone(),
        };
        Self {
            inner: Arc::new(inner),
            insists: false,
        }
    }

    /// The same for a job that comes by now and then and must find out at once that the other side
    /// is back: where every address is left to rest, one of its calls tries one of them.
    #[must_use]
    pub fn insistent(&self) -> Self {
        Self {
            insists: true,
            ..self.clone()
        }
    }
}

/// One call, however often it is tried.
struct Call {
    parts: request::Parts,
    body: Bytes,
    caller: Option<Caller>,
    deadline: Instant,
    insists: bool,
}

impl Call {
    /// How long a try may take; none when it is not worth beginning.
    fn left(&self) -> Option<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let left = left.saturating_sub(HOP);
        // The other side is told whole milliseconds, and both stop at the same time.
        let left = Duration::from_millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        (left >= WORTH_IT).then_some(left)
    }
}

/// How a try ended.
enum Tried {
    Answered(Box<Answer>, Code),
    Lost(String),
    Late,
}

impl Inner {
    async fn send(&self, mut request: Request<Body>, insists: bool) -> Answer {
        let caller = request.extensions_mut().remove::<Caller>();
        let deadline = caller.as_ref().map(|caller| caller.deadline);
        let deadline = deadline.unwrap_or_else(|| Instant::now() + DEADLINE);
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, REQUEST_BYTES_MAX).collect();
        let body = match tokio::time::timeout_at(deadline, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) => return Answer::of(unsendable(self.name, &*error)),
            Err(_) => return Answer::of(too_late(self.name)),
        };
        let call = Call {
            parts,
            body,
            caller,
            deadline,
            insists,
        };
        self.serve(&call).await
    }

    /// Tries, and tries again where that may help and is allowed.
    async fn serve(&self, call: &Call) -> Answer {
        self.with_budget(Budget::earn);
        let (mut tried, mut failed) = (Vec::new(), None);
        loop {
            let ended = match self.try_once(call, &mut tried).await {
                Ok(ended) => ended,
                // What failed before says more than that there is no time or address any more.
                Err(status) => return Answer::of(failed.unwrap_or(status)),
            };
            let retry = tried.len() <= RETRIES_MAX
                && ended.may_be_repeated()
                && self.means.repeatable.contains(call.parts.uri.path());
            if !retry {
                return ended.into_answer(self.name);
            }
            let failures = u32::try_from(tried.len()).unwrap_or(u32::MAX);
            let wait = RETRY_AFTER.full(failures, &self.means.random);
            if call.left().is_none_or(|left| left < wait + WORTH_IT) {
                return ended.into_answer(self.name);
            }
            if !self.with_budget(|budget| budget.spend(Instant::now())) {
                self.means.metrics.retry_refused(self.name);
                return ended.into_answer(self.name);
            }
            failed = Some(ended.into_status(self.name));
            pause(wait).await;
        }
    }

    async fn try_once(&self, call: &Call, tried: &mut Vec<Id>) -> Result<Tried, Status> {
        let late = || too_late(self.name);
        let left = call.left().ok_or_else(late)?;
        let lease = tokio::time::timeout(left, self.pool.lease(tried, call.insists)).await;
        let lease = lease.map_err(|_| late())?.map_err(|none| match none {
            NoOne::Unknown => unavailable(self.name, "no address of it is known"),
            NoOne::Resting => unavailable(self.name, "it fails everywhere and is left to rest"),
        })?;
        let left = call.left().ok_or_else(late)?;
        if !tried.is_empty() {
            self.means.metrics.retried(self.name);
        }
        tried.push(lease.id);
        let (attempt, until) = (self.attempt(call, left, &lease.way), Instant::now() + left);
        let sent = async {
            match &self.faulty {
                Some(faulty) => faulty.send(&lease.way, attempt).await,
                None => lease.way.send(attempt).await,
            }
        };
        let ended = match tokio::time::timeout(left, sent).await {
            Ok(Ok(answer)) => match answer.code() {
                // The other side's transport has a timer too, which says CANCELLED.
                Code::Cancelled if Instant::now() >= until => Tried::Late,
                code => Tried::Answered(Box::new(answer), code),
            },
            Ok(Err(Lost::Broken(why))) => Tried::Lost(why),
            Ok(Err(Lost::Late)) | Err(_) => Tried::Late,
        };
        lease.end(ended.verdict(left));
        Ok(ended)
    }

    /// The request as it is sent this time.
    fn attempt(&self, call: &Call, left: Duration, way: &Way) -> Attempt {
        let mut parts = call.parts.clone();
        let headers = &mut parts.headers;
        telemetry::inject(&tracing::Span::current(), headers);
        let timeout = HeaderValue::from_str(&format!("{}m", left.as_millis()));
        if let Ok(timeout) = timeout {
            headers.insert("grpc-timeout", timeout);
        }
        let id = call.caller.as_ref().map(|caller| &*caller.request_id);
        if let Some(Ok(id)) = id.map(HeaderValue::from_str) {
            headers.insert(REQUEST_ID_HEADER, id);
        }
        let user = call.caller.as_ref().and_then(|caller| caller.user.as_ref());
        match way {
            Way::Local(_) => {
                parts.extensions.insert(InProcess {
                    principal: Principal::Service(self.me),
                    user: user.cloned(),
                });
            }
            Way::Network(_) => {
                let bearer = user.map(|user| format!("Bearer {}", user.token));
                if let Some(Ok(mut bearer)) = bearer.map(HeaderValue::try_from) {
                    bearer.set_sensitive(true);
                    headers.insert(AUTHORIZATION, bearer);
                }
                if let Some(credential) = &self.credential {
                    headers.insert(CREDENTIAL_HEADER, credential.clone());
                }
            }
        }
        let body = call.body.clone();
        Attempt { parts, body }
    }

    fn with_budget<T>(&self, act: impl FnOnce(&mut Budget) -> T) -> T {
        act(&mut self.budget.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Tried {
    /// Whether another try may succeed and nobody below us has tried again already.
    fn may_be_repeated(&self) -> bool {
        match self {
            Self::Lost(_) => true,
            Self::Answered(answer, code) => is_unavailable(answer, *code),
            Self::Late => false,
        }
    }

    /// What it says of the address, which had so long.
    fn verdict(&self, left: Duration) -> Verdict {
        match self {
            Self::Lost(_) => Verdict::Unreachable,
            Self::Answered(answer, code) if is_unavailable(answer, *code) => Verdict::Failing,
            Self::Late | Self::Answered(_, Code::DeadlineExceeded) if left < PATIENCE => {
                Verdict::Unknown
            }
            Self::Late | Self::Answered(_, Code::DeadlineExceeded) => Verdict::Late,
            Self::Answered(..) => Verdict::Answered,
        }
    }

    fn into_answer(self, peer: ServiceName) -> Answer {
        match self {
            Self::Answered(answer, _) => *answer,
            other => Answer::of(other.into_status(peer)),
        }
    }

    fn into_status(self, peer: ServiceName) -> Status {
        match self {
            Self::Answered(answer, code) => {
                answer.status().unwrap_or_else(|| Status::new(code, ""))
            }
            Self::Lost(why) => unavailable(peer, &why),
            Self::Late => too_late(peer),
        }
    }
}

/// Whether the callee itself cannot serve. When one that it depends on cannot, it has tried again
/// itself, and others that it serves without asking anybody must not suffer.
fn is_unavailable(answer: &Answer, code: Code) -> bool {
    let reason = || answer.status().as_ref().and_then(error::reason_of);
    code == Code::Unavailable && reason() != Some(ErrorReason::DependencyUnavailable)
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
        let (peer, insists) = (Arc::clone(&self.inner), self.insists);
        let method = request.uri().path().trim_start_matches('/').to_owned();
        let span = telemetry::client_span(&method);
        Box::pin(async move {
            let begun = Instant::now();
            let answer = peer.send(request, insists).instrument(span.clone()).await;
            let code = answer.code();
            telemetry::end_span(&span, code);
            peer.means.metrics.client(&method, code, begun.elapsed());
            Ok(answer.into_http())
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a back-off: nothing tells when the other side is there again"
)]
async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
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
    // What changes about an address is told where it changes.
    tracing::debug!(peer = name.as_str(), error = why, "a call was not served");
    let message = format!("{name} cannot be reached");
    error::status(
        Code::Unavailable,
        ErrorReason::DependencyUnavailable,
        message,
    )
}

fn unsendable(name: ServiceName, error: &(dyn std::error::Error + 'static)) -> Status {
    tracing::error!(
        peer = name.as_str(),
        error = error::chain(error),
        "a request cannot be sent"
    );
    let message = format!("the request to {name} is too large");
    error::status(Code::OutOfRange, ErrorReason::RequestTooLarge, message)
}
