//! Trying a call again, for a limited time.
//!
//! It promises that a call is repeated only while its failure may pass, at once the first time if
//! another replica is there and later after growing waits, that the server's own word on when to
//! come back is heeded, and that callers do not come back all at once. Every call of a replay can
//! be repeated safely; that is the contract's doing, not this file's.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt as _;

use crate::digest::mix;
use crate::error::CallError;
use crate::replicas::{Failure, Replicas};

/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
/// The wait after the first failure; it doubles with each further one.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
/// The longest wait that is not asked for by the server.
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// How calls are tried again; one for a whole replay.
#[derive(Debug)]
pub struct Retry {
    patience: Duration,
    calls: AtomicU64,
    retries: AtomicU64,
    retried: AtomicU64,
    connections_failed: AtomicU64,
}

/// What had to be tried again, of a whole replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retries {
    /// Calls that were tried more than once.
    pub retried: u64,
    /// Attempts whose connection could not be opened or broke.
    pub connections_failed: u64,
}

impl Retry {
    /// Tries each call for at most this long.
    #[must_use]
    pub fn new(patience: Duration) -> Self {
        Self {
            patience,
            calls: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            connections_failed: AtomicU64::new(0),
        }
    }

    /// How many attempts were not the first of their call.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// What had to be tried again so far.
    #[must_use]
    pub fn retries(&self) -> Retries {
        Retries {
            retried: self.retried.load(Ordering::Relaxed),
            connections_failed: self.connections_failed.load(Ordering::Relaxed),
        }
    }

    /// Begins a call: `rpc` on behalf of `handle`, at one of the replicas.
    #[must_use]
    pub fn begin<'a>(
        &'a self,
        replicas: &'a Replicas,
        rpc: &'static str,
        handle: &'a str,
    ) -> Attempts<'a> {
        let salt = mix(self.calls.fetch_add(1, Ordering::Relaxed));
        Attempts {
            retry: self,
            replicas,
            rpc,
            handle,
            salt,
            started: Instant::now(),
            failed: 0,
            at: None,
        }
    }

    /// Makes a call that needs no token, as often as it takes.
    ///
    /// # Errors
    /// The last failure, when it will not pass or patience has ended.
    pub async fn call<M, R, F, Fut>(
        &self,
        replicas: &Replicas,
        rpc: &'static str,
        handle: &str,
        message: &M,
        send: F,
    ) -> Result<R, CallError>
    where
        M: Clone,
        F: Fn(Channel, Request<M>) -> Fut,
        Fut: Future<Output = Result<Response<R>, Status>>,
    {
        let mut attempts = self.begin(replicas, rpc, handle);
        loop {
            let connection = attempts.connection();
            let request = Request::new(message.clone());
            match attempt(request, |request| send(connection, request)).await {
                Ok(answer) => return Ok(answer),
                Err(status) => attempts.again_after(status).await?,
            }
        }
    }
}

/// The attempts of one call.
#[derive(Debug)]
pub struct Attempts<'a> {
    retry: &'a Retry,
    replicas: &'a Replicas,
    rpc: &'static str,
    handle: &'a str,
    salt: u64,
    started: Instant,
    failed: u32,
    /// Which replica the last attempt went to.
    at: Option<usize>,
}

impl Attempts<'_> {
    /// Where the next attempt goes: to another replica than the last, if it can.
    pub fn connection(&mut self) -> Channel {
        let index = self.replicas.choose(self.at);
        self.at = Some(index);
        self.replicas.at(index).connection()
    }

    /// Waits until it is time for the next attempt.
    ///
    /// # Errors
    /// When there must not be one: the failure will not pass, or patience has ended.
    pub async fn again_after(&mut self, status: Status) -> Result<(), CallError> {
        let elapsed = self.started.elapsed();
        let left = self.retry.patience.saturating_sub(elapsed);
        let at = self.at.unwrap_or_default();
        self.failed += 1;
        let failure = Failure::of(&status);
        self.replicas.failed(at, failure);
        if failure == Failure::Connection {
            let failed = &self.retry.connections_failed;
            failed.fetch_add(1, Ordering::Relaxed);
        }
        if !may_pass(&status) || left.is_zero() {
            return Err(CallError {
                rpc: self.rpc,
                handle: self.handle.to_owned(),
                url: Some(self.replicas.at(at).url().to_owned()),
                attempts: self.failed,
                elapsed,
                patience_ended: may_pass(&status),
                status,
            });
        }
        self.retry.retries.fetch_add(1, Ordering::Relaxed);
        if self.failed == 1 {
            self.retry.retried.fetch_add(1, Ordering::Relaxed);
            if is_of_the_replica(&status) && self.replicas.has_other(at) {
                return Ok(());
            }
        }
        let chance = mix(self.salt ^ u64::from(self.failed));
        pause(delay(&status, self.failed, chance).min(left)).await;
        Ok(())
    }
}

/// Sends one request and waits for its answer, but not for ever.
///
/// # Errors
/// What the server or the transport said, or DEADLINE_EXCEEDED.
pub async fn attempt<M, R, F, Fut>(mut request: Request<M>, send: F) -> Result<R, Status>
where
    F: FnOnce(Request<M>) -> Fut,
    Fut: Future<Output = Result<Response<R>, Status>>,
{
    request.set_timeout(ATTEMPT_TIMEOUT);
    match timeout(ATTEMPT_TIMEOUT, send(request)).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded(format!(
            "no answer within {ATTEMPT_TIMEOUT:?}"
        ))),
    }
}

/// Waits.
#[expect(
    clippy::disallowed_methods,
    reason = "a back-off and a schedule are waits for a time: there is no condition to wait for"
)]
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Whether the same call may succeed later.
fn may_pass(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::Cancelled
        | Code::ResourceExhausted => true,
        // A connection that broke is told so by the client's transport. What a service itself
        // calls UNKNOWN or INTERNAL carries its reason, and stays.
        Code::Unknown | Code::Internal => status.get_details_error_info().is_none(),
        _ => false,
    }
}

/// Whether another replica may do better at this very moment. One that is busy says when to come
/// back, and a conflict is the same everywhere.
fn is_of_the_replica(status: &Status) -> bool {
    !matches!(status.code(), Code::ResourceExhausted | Code::Aborted)
        && told_delay(status).is_none()
}

/// How long the server says to wait.
fn told_delay(status: &Status) -> Option<Duration> {
    let info = status.get_details_retry_info()?;
    info.retry_delay.filter(|told| !told.is_zero())
}

/// How long to wait after a failure. `chance` spreads the waits: two calls seldom wait as long.
fn delay(status: &Status, failed: u32, chance: u64) -> Duration {
    let chance = Duration::from_nanos(chance % 1_000_000_000).as_secs_f64();
    match told_delay(status) {
        // Never before the time that was named.
        Some(told) => told.mul_f64(1.0 + 0.25 * chance),
        None => {
            let doublings = failed.saturating_sub(1).min(16);
            let backoff = BACKOFF_MIN.saturating_mul(1 << doublings).min(BACKOFF_MAX);
            backoff.mul_f64(0.5 + 0.5 * chance)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use tonic_types::ErrorDetails;

    use super::*;
    use crate::replicas::Replica;

    fn with_reason(code: Code) -> Status {
        let details = ErrorDetails::with_error_info("INTERNAL", "postern", HashMap::new());
        Status::with_error_details(code, "a fault", details)
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for code in [
            Code::Unavailable,
            Code::DeadlineExceeded,
            Code::Aborted,
            Code::Cancelled,
            Code::ResourceExhausted,
        ] {
            assert!(may_pass(&with_reason(code)), "{code:?}");
        }
        for code in [
            Code::InvalidArgument,
            Code::NotFound,
            Code::Internal,
            Code::Unknown,
        ] {
            assert!(!may_pass(&with_reason(code)), "{code:?}");
        }
        assert!(may_pass(&Status::unknown("transport error")));
        assert!(may_pass(&Status::internal("h2 protocol error")));
    }

    #[test]
    fn waits_grow_to_a_limit_and_differ() {
        let status = Status::unavailable("away");
        let shortest = |failed| delay(&status, failed, 0).as_millis();
        assert_eq!([1, 2, 3].map(shortest), [25, 50, 100]);
        assert_eq!(
            [6, 7, 40, u32::MAX].map(shortest),
            [800, 1_000, 1_000, 1_000]
        );
        let longest = delay(&status, 40, 999_999_999);
        assert!(
            longest.as_millis() >= 1_999 && longest <= BACKOFF_MAX,
            "{longest:?}"
        );
    }

    #[test]
    fn the_servers_word_is_heeded() {
        let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(7)));
        let status = Status::with_error_details(Code::ResourceExhausted, "busy", details);
        assert_eq!(delay(&status, 1, 0).as_secs_f64(), 7.0);
        assert!(delay(&status, 9, 999_999_999).as_secs_f64() < 8.75);
    }

    #[test]
    fn only_what_is_of_the_replica_is_tried_elsewhere_at_once() {
        assert!(is_of_the_replica(&with_reason(Code::Unavailable)));
        assert!(is_of_the_replica(&Status::cancelled("")));
        assert!(!is_of_the_replica(&with_reason(Code::ResourceExhausted)));
        assert!(!is_of_the_replica(&with_reason(Code::Aborted)));
        let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(7)));
        let told = Status::with_error_details(Code::Unavailable, "busy", details);
        assert!(!is_of_the_replica(&told));
    }

    fn replicas(count: usize) -> Replicas {
        let url = |index| format!("http://127.0.0.1:{}", index + 1);
        let replica = |index| Arc::new(Replica::new(&url(index), 1).unwrap());
        Replicas::new((0..count).map(replica).collect())
    }

    /// Calls what always fails in the same way.
    async fn failing(retry: &Retry, replicas: usize, status: Status) -> CallError {
        let replicas = self::replicas(replicas);
        let fail = |_, _: Request<()>| {
            let (code, details) = (status.code(), status.details().to_vec().into());
            let status = Status::with_details(code, status.message(), details);
            async { Err::<Response<()>, _>(status) }
        };
        retry
            .call(&replicas, "Follow", "trace.1", &(), fail)
            .await
            .unwrap_err()
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends() {
        let retry = Retry::new(Duration::from_millis(200));
        let error = failing(&retry, 1, Status::unavailable("away")).await;
        assert!(error.patience_ended && error.attempts >= 3, "{error}");
        assert_eq!(u64::from(error.attempts), retry.count() + 1);
        let told = error.to_string();
        assert!(
            told.starts_with("`Follow` for `trace.1` at http://127.0.0.1:1: Unavailable: away ("),
            "{told}"
        );
        let expected = Retries {
            retried: 1,
            connections_failed: 0,
        };
        assert_eq!(retry.retries(), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn another_replica_is_tried_at_once_and_then_after_waits() {
        let replicas = replicas(2);
        let retry = Retry::new(Duration::from_secs(60));
        let mut attempts = retry.begin(&replicas, "Follow", "trace.1");
        let mut chosen = Vec::new();
        let mut waits = Vec::new();
        for _ in 0..3 {
            let _connection = attempts.connection();
            chosen.push(attempts.at.unwrap());
            let before = Instant::now();
            let again = attempts.again_after(Status::unavailable("away")).await;
            again.unwrap();
            waits.push(before.elapsed());
        }
        assert_eq!(chosen, [0, 1, 0]);
        assert!(waits[0].is_zero() && waits[1..].iter().all(|wait| *wait >= BACKOFF_MIN));
    }

    #[tokio::test]
    async fn what_stays_is_not_tried_again() {
        let retry = Retry::new(Duration::from_secs(60));
        let error = failing(&retry, 2, with_reason(Code::Internal)).await;
        assert!(!error.patience_ended);
        assert_eq!((error.attempts, retry.count()), (1, 0));
        assert_eq!(retry.retries(), Retries::default());
    }
}
