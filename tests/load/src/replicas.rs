//! The replicas of one service, and which of them gets the next call.
//!
//! It promises to spread calls evenly, one by one whoever makes them, to try a call again on
//! another replica than the one where it failed, and to stay away for a while from one that could
//! not be reached while another can. What one replica answered, the next has to know: nobody is
//! kept on the replica that they wrote to.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};
use tonic::{ConnectError, Status, TimeoutExpired};

use crate::error::LoadError;

/// How long opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a silent connection is asked whether it still is one, and how long it may take.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How long a replica that could not be reached is avoided.
const AVOIDED: Duration = Duration::from_secs(1);

/// One process that serves, and the connections to it. They are opened when they are first used
/// and opened again when they break.
#[derive(Debug)]
pub struct Replica {
    url: String,
    connections: Vec<Channel>,
    next: AtomicUsize,
    born: Instant,
    /// Until when it is avoided, in milliseconds from `born`.
    avoided_until_ms: AtomicU64,
}

impl Replica {
    /// Prepares the connections; none is opened yet.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(url: &str, connections: usize) -> Result<Self, LoadError> {
        let bad = |source| LoadError::Address {
            url: url.to_owned(),
            source,
        };
        let endpoint = Endpoint::from_shared(url.to_owned())
            .and_then(|endpoint| endpoint.user_agent("postern-load"))
            .map_err(bad)?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE);
        Ok(Self {
            url: url.to_owned(),
            connections: (0..connections.max(1))
                .map(|_| endpoint.connect_lazy())
                .collect(),
            next: AtomicUsize::new(0),
            born: Instant::now(),
            avoided_until_ms: AtomicU64::new(0),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// One of its connections, in turn.
    #[must_use]
    pub fn connection(&self) -> Channel {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        // INVARIANT: `new` made at least one.
        self.connections[next % self.connections.len()].clone()
    }

    fn avoid(&self) {
        let until = self.born.elapsed() + AVOIDED;
        let until_ms = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
        self.avoided_until_ms.fetch_max(until_ms, Ordering::Relaxed);
    }

    fn is_avoided(&self) -> bool {
        let until_ms = self.avoided_until_ms.load(Ordering::Relaxed);
        self.born.elapsed() < Duration::from_millis(until_ms)
    }
}

/// All replicas of one service; a replica that serves several services is shared between them.
#[derive(Debug)]
pub struct Replicas {
    replicas: Vec<Arc<Replica>>,
    next: AtomicUsize,
}

impl Replicas {
    /// The replicas of one service, at least one.
    #[must_use]
    pub fn new(replicas: Vec<Arc<Replica>>) -> Self {
        assert!(!replicas.is_empty(), "a service is somewhere");
        Self {
            replicas,
            next: AtomicUsize::new(0),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.replicas.len()
    }

    /// The replica for a call that failed at `failed` last: one that can be reached before one
    /// that could not, among those another one than the last, among those the next in turn.
    #[must_use]
    pub fn choose(&self, failed: Option<usize>) -> usize {
        let count = self.replicas.len();
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        (0..count)
            .map(|step| turn.wrapping_add(step) % count)
            .min_by_key(|index| (self.replicas[*index].is_avoided(), failed == Some(*index)))
            .unwrap_or_default()
    }

    /// Whether a call that failed at a replica can go to another one that can be reached.
    #[must_use]
    pub fn has_other(&self, failed: usize) -> bool {
        let others = self.replicas.iter().enumerate();
        others
            .filter(|(index, _)| *index != failed)
            .any(|(_, replica)| !replica.is_avoided())
    }

    /// The replica that was chosen.
    #[must_use]
    pub fn at(&self, index: usize) -> &Replica {
        // INVARIANT: indexes come from `choose`.
        &self.replicas[index]
    }

    /// Learns from a failed attempt: a replica without a connection is avoided.
    pub fn failed(&self, index: usize, failure: Failure) {
        if failure == Failure::Connection {
            self.at(index).avoid();
        }
    }
}

/// What stood in the way of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing: the server said so itself, or it took too long to say anything.
    Answer,
    /// The connection could not be opened, or broke.
    Connection,
}

impl Failure {
    /// Tells the two apart.
    #[must_use]
    pub fn of(status: &Status) -> Self {
        // What a server said has no cause on this side; what the transport says has one.
        let mut cause = status.source();
        if cause.is_none() {
            return Self::Answer;
        }
        while let Some(error) = cause {
            if error.is::<ConnectError>() {
                return Self::Connection;
            }
            if error.is::<TimeoutExpired>() {
                return Self::Answer;
            }
            cause = error.source();
        }
        Self::Connection
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn replicas(count: usize) -> Replicas {
        let replica = |index| Replica::new(&format!("http://127.0.0.1:{}", index + 1), 2).unwrap();
        Replicas::new((0..count).map(|index| Arc::new(replica(index))).collect())
    }

    #[tokio::test]
    async fn calls_are_spread_one_by_one() {
        let replicas = replicas(3);
        let chosen = [(); 6].map(|()| replicas.choose(None));
        assert_eq!(chosen, [0, 1, 2, 0, 1, 2]);
    }

    #[tokio::test]
    async fn a_call_that_failed_goes_to_another() {
        let replicas = replicas(2);
        assert_eq!([(); 4].map(|()| replicas.choose(Some(1))), [0; 4]);
        assert!(replicas.has_other(1));
        let one = self::replicas(1);
        assert_eq!((one.choose(Some(0)), one.has_other(0)), (0, false));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_could_not_be_reached_is_avoided_for_a_while() {
        let replicas = replicas(3);
        replicas.failed(0, Failure::Answer);
        assert!(replicas.has_other(1) && !replicas.at(0).is_avoided());
        replicas.failed(0, Failure::Connection);
        let chosen = [(); 6].map(|()| replicas.choose(None));
        assert!(!chosen.contains(&0), "{chosen:?}");
        assert!(chosen.contains(&1) && chosen.contains(&2));
        // The one that answered wrongly before the one that is away.
        replicas.failed(2, Failure::Connection);
        assert_eq!([(); 3].map(|()| replicas.choose(Some(1))), [1; 3]);
        assert!(!replicas.has_other(1));
        // When all are away, at least another one.
        replicas.failed(1, Failure::Connection);
        assert!((0..6).all(|_| replicas.choose(Some(1)) != 1));
        tokio::time::advance(AVOIDED).await;
        assert!(replicas.has_other(1));
        assert_eq!(
            (0..6).filter(|_| replicas.choose(None) == 0).count(),
            2,
            "its turn comes again"
        );
    }

    #[test]
    fn an_answer_is_told_from_a_lost_connection() {
        let of = |status: Status| Failure::of(&status);
        assert_eq!(
            of(Status::unavailable("a service is away")),
            Failure::Answer
        );
        let refused = || Box::new(io::Error::from(io::ErrorKind::ConnectionRefused));
        let refused = Status::from_error(Box::new(ConnectError(refused())));
        assert_eq!(of(refused), Failure::Connection);
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(of(Status::from_error(Box::new(reset))), Failure::Connection);
        let late = Status::from_error(Box::new(TimeoutExpired(())));
        assert_eq!(of(late), Failure::Answer);
    }
}
