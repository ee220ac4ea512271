//! The services, each with its replicas.
//!
//! It promises `connections` connections to each address, shared by the services that are at the
//! same one.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::args::Options;
use crate::error::LoadError;
use crate::replicas::{Replica, Replicas};
use crate::retry::Retry;

/// How many calls that cost a password hash may be under way for each replica of identity.
const HASHING_CALLS_MAX: usize = 4;

/// What every call needs.
#[derive(Debug)]
pub struct Client {
    /// Accounts and sessions.
    pub identity: Replicas,
    /// Follows.
    pub graph: Replicas,
    /// Settings.
    pub settings: Replicas,
    /// Messages, conversations, requests.
    pub messaging: Replicas,
    /// How calls are tried again.
    pub retry: Retry,
    /// Held during a call that costs the server a password hash.
    pub hashing: Semaphore,
}

impl Client {
    /// Prepares the connections; none is opened yet.
    ///
    /// # Errors
    /// When an address is none.
    pub fn new(options: &Options) -> Result<Self, LoadError> {
        let mut known = HashMap::new();
        let mut replicas = |urls| replicas(urls, options.connections, &mut known);
        let targets = &options.targets;
        let identity = replicas(&targets.identity)?;
        let hashing = Semaphore::new(HASHING_CALLS_MAX * identity.count());
        Ok(Self {
            identity,
            graph: replicas(&targets.graph)?,
            settings: replicas(&targets.settings)?,
            messaging: replicas(&targets.messaging)?,
            retry: Retry::new(options.patience),
            hashing,
        })
    }

    /// How many calls that cost a password hash may be under way.
    #[must_use]
    pub fn hashing_calls_max(&self) -> usize {
        HASHING_CALLS_MAX * self.identity.count()
    }
}

fn replicas(
    urls: &[String],
    connections: usize,
    known: &mut HashMap<String, Arc<Replica>>,
) -> Result<Replicas, LoadError> {
    let mut replicas = Vec::with_capacity(urls.len());
    for url in urls {
        let replica = match known.get(url) {
            Some(replica) => Arc::clone(replica),
            None => Arc::new(Replica::new(url, connections)?),
        };
        known.insert(url.clone(), Arc::clone(&replica));
        replicas.push(replica);
    }
    Ok(Replicas::new(replicas))
}
