//! The connections to the services.
//!
//! It promises `connections` connections to each address, shared by the services that are at the
//! same one, opened when they are first used and opened again when they break.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::Semaphore;
use tonic::transport::{Channel, Endpoint};

use crate::args::{Options, Targets};
use crate::error::LoadError;
use crate::retry::Retry;

/// How long opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a silent connection is asked whether it still is one, and how long it may take.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How many calls that cost the server a password hash may be under way.
pub const HASHING_CALLS_MAX: usize = 4;

/// What every call needs.
#[derive(Debug)]
pub struct Client {
    channels: HashMap<String, Vec<Channel>>,
    targets: Targets,
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
        let Targets {
            identity,
            graph,
            settings,
            messaging,
        } = &options.targets;
        let mut channels = HashMap::new();
        for url in [identity, graph, settings, messaging] {
            if !channels.contains_key(url) {
                channels.insert(url.clone(), open(url, options.connections)?);
            }
        }
        Ok(Self {
            channels,
            targets: options.targets.clone(),
            retry: Retry::new(options.patience),
            hashing: Semaphore::new(HASHING_CALLS_MAX),
        })
    }

    /// A person's connection to identity.
    #[must_use]
    pub fn identity(&self, person: usize) -> Channel {
        self.channel(&self.targets.identity, person)
    }

    /// A person's connection to graph.
    #[must_use]
    pub fn graph(&self, person: usize) -> Channel {
        self.channel(&self.targets.graph, person)
    }

    /// A person's connection to settings.
    #[must_use]
    pub fn settings(&self, person: usize) -> Channel {
        self.channel(&self.targets.settings, person)
    }

    /// A person's connection to messaging.
    #[must_use]
    pub fn messaging(&self, person: usize) -> Channel {
        self.channel(&self.targets.messaging, person)
    }

    fn channel(&self, url: &str, person: usize) -> Channel {
        // INVARIANT: `new` opened at least one channel for each of the targets.
        let channels = &self.channels[url];
        channels[person % channels.len()].clone()
    }
}

fn open(url: &str, connections: usize) -> Result<Vec<Channel>, LoadError> {
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
    Ok((0..connections.max(1))
        .map(|_| endpoint.connect_lazy())
        .collect())
}
