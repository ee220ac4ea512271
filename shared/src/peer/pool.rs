//! The addresses of a peer in use: leases on them, the connections behind them, and the task that
//! looks them up anew.
//!
//! The task begins with the first call and ends with the peer. What changes about an address is
//! logged and counted here, once a change and never once a call.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::Uri;
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::Instant,
};
use tonic::transport::Endpoint;

use super::{
    Means, Slot,
    breaker::{Ticket, Turn},
    resolve::{Looked, Names},
    set::{Change, Id, NoOne, Place, Set, Verdict},
    way::Way,
};
use crate::caller::ServiceName;

/// How often the names are looked up.
const LOOK_UP_EVERY: Duration = Duration::from_secs(5);
/// How soon after the last time, when an address could not be reached.
const LOOK_UP_GAP: Duration = Duration::from_millis(250);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(1);
/// How often an idle connection is tested, and how long the answer may take.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(5));

/// The addresses of a peer.
pub(super) struct Pool {
    shared: Arc<Shared>,
    /// Until the first call.
    names: Mutex<Option<Names>>,
    /// Ends what it runs when it is dropped.
    follower: Mutex<JoinSet<()>>,
}

struct Shared {
    peer: ServiceName,
    set: Mutex<Set>,
    /// The names were looked up once, whatever came of it.
    looked: watch::Sender<bool>,
    unreachable: Notify,
    means: Means,
}

/// One call's hold on an address: it counts as in flight until this ends or is dropped.
pub(super) struct Lease {
    pub(super) id: Id,
    pub(super) way: Way,
    ticket: Ticket,
    verdict: Verdict,
    shared: Arc<Shared>,
}

impl Pool {
    /// The server in this process.
    pub(super) fn local(peer: ServiceName, slot: Slot, means: Means) -> Self {
        let mut set = Set::default();
        set.add(Place::Here, Way::Local(slot), Instant::now());
        Self::new(peer, set, None, means)
    }

    /// The servers of these names.
    pub(super) fn network(peer: ServiceName, names: Names, means: Means) -> Self {
        Self::new(peer, Set::default(), Some(names), means)
    }

    fn new(peer: ServiceName, set: Set, names: Option<Names>, means: Means) -> Self {
        Self {
            shared: Arc::new(Shared {
                peer,
                set: Mutex::new(set),
                looked: watch::Sender::new(names.is_none()),
                unreachable: Notify::new(),
                means,
            }),
            names: Mutex::new(names),
            follower: Mutex::new(JoinSet::new()),
        }
    }

    /// The address to ask next. Waits for one thing alone: that the names are looked up for the
    /// first time.
    pub(super) async fn lease(&self, tried: &[Id], insists: bool) -> Result<Lease, NoOne> {
        if let Some(names) = lock(&self.names).take() {
            let follow = follow(names, Arc::clone(&self.shared));
            lock(&self.follower).spawn(follow);
        }
        let mut looked = self.shared.looked.subscribe();
        // It fails where there is no sender any more, and one is in `self`.
        let _ = looked.wait_for(|looked| *looked).await;
        let random = &self.shared.means.random;
        let now = Instant::now();
        let picked = self.shared.set().pick(tried, insists, now, random);
        if matches!(picked, Err(NoOne::Unknown)) {
            self.shared.unreachable.notify_one();
        }
        let pick = picked?;
        Ok(Lease {
            id: pick.id,
            way: pick.way,
            ticket: pick.ticket,
            verdict: Verdict::Unknown,
            shared: Arc::clone(&self.shared),
        })
    }

    #[cfg(test)]
    pub(super) fn places(&self) -> Vec<Place> {
        self.shared.set().places()
    }
}

impl Lease {
    /// The call ended.
    pub(super) fn end(mut self, verdict: Verdict) {
        self.verdict = verdict;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let shared = &self.shared;
        if self.verdict == Verdict::Unreachable {
            shared.unreachable.notify_one();
        }
        let (ended, now) = ((self.id, self.ticket), Instant::now());
        let random = &shared.means.random;
        let change = shared.set().end(ended, self.verdict, now, random);
        if let Some(change) = change {
            shared.tell(&change);
        }
    }
}

impl Shared {
    fn set(&self) -> MutexGuard<'_, Set> {
        lock(&self.set)
    }

    fn tell(&self, change: &Change) {
        let (peer, address) = (self.peer.as_str(), change.place);
        if change.ejected {
            self.means.metrics.ejected(self.peer);
        }
        match change.serves {
            Some(false) => {
                tracing::warn!(peer, %address, "a service does not serve there: others go first");
            }
            Some(true) => tracing::info!(peer, %address, "a service serves there again"),
            None => {}
        }
        match change.breaker {
            Some(Turn::Opened) => {
                self.means.metrics.breaker_opened(self.peer);
                tracing::warn!(peer, %address, "a service fails there: it is given a rest");
            }
            Some(Turn::Closed) => tracing::info!(peer, %address, "a service is asked there again"),
            None => {}
        }
    }

    fn update(&self, looked: &Looked) {
        let mut set = self.set();
        let before = set.places();
        for address in set.keep(&looked.addresses) {
            let uri = &looked.addresses[&address];
            match connect(address, uri) {
                Ok(way) => set.add(Place::At(address), way, Instant::now()),
                Err(error) => tracing::warn!(%address, %error, "an address cannot be used"),
            }
        }
        let after = set.places();
        drop(set);
        if before != after {
            let peer = self.peer.as_str();
            let addresses: Vec<_> = after.iter().map(ToString::to_string).collect();
            tracing::debug!(peer, addresses = %addresses.join(" "), "a service has new addresses");
        }
    }
}

/// Looks the names up at once, every few seconds, and soon after an address failed.
async fn follow(mut names: Names, shared: Arc<Shared>) {
    let peer = shared.peer.as_str();
    let mut told = false;
    loop {
        let looked = names.look_up().await;
        match (looked.problems.is_empty(), told) {
            (false, false) => {
                let error = looked.problems.join(", ");
                tracing::warn!(peer, error, "the name of a service cannot be looked up");
            }
            (true, true) => tracing::info!(peer, "the names of a service are looked up again"),
            _ => {}
        }
        told = !looked.problems.is_empty();
        shared.update(&looked);
        shared.looked.send_replace(true);
        pause(LOOK_UP_GAP).await;
        // What came meanwhile counts; else the time is up.
        let rest = LOOK_UP_EVERY.saturating_sub(LOOK_UP_GAP);
        let _ = tokio::time::timeout(rest, shared.unreachable.notified()).await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a name service tells nobody when a name changes"
)]
async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}

fn connect(address: SocketAddr, uri: &Uri) -> Result<Way, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?
        .origin(uri.clone())
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE.0)
        .keep_alive_timeout(KEEP_ALIVE.1)
        .keep_alive_while_idle(true);
    Ok(Way::Network(endpoint.connect_lazy()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
