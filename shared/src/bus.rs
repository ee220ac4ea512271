//! Where events go: to listeners in this process, and to NATS JetStream where one is named.
//!
//! Delivery is at least once and says "look": the database is the truth. Nothing here is waited
//! for by a call; a broker that is away costs no message and slows no send.

mod jetstream;
mod local;
#[cfg(test)]
mod tests;

use std::{fmt::Debug, sync::Arc};

use postern_proto::event::v1::Event;
use prost::bytes::Bytes;
use tokio::sync::broadcast;

use self::{
    jetstream::{JetStream, Nats},
    local::Local,
};
use crate::{caller::ServiceName, config::Common};

/// An event, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    /// `postern.<service>.<aggregate>.<event>.v1`.
    pub(crate) subject: String,
    /// What it is.
    pub(crate) event: Arc<Event>,
    /// The same as bytes.
    pub(crate) payload: Bytes,
}

/// Why an event was not published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PublishError {
    /// Not now: the same event may go through later.
    Unavailable(String),
    /// Never: the broker was there and will not have this event.
    Rejected(String),
}

/// Whatever takes events.
#[async_trait::async_trait]
pub(crate) trait Broker: Debug + Send + Sync {
    /// Finds out, and sees to it, that something can be published.
    async fn ready(&self) -> Result<(), PublishError>;

    /// Publishes an event; when this answers, the event has arrived.
    async fn publish(&self, outgoing: &Outgoing) -> Result<(), PublishError>;
}

/// The buses of a process.
#[derive(Debug)]
pub(crate) struct Bus {
    local: Arc<Local>,
    nats: Option<Arc<Nats>>,
    replicas: usize,
}

impl Bus {
    /// What the settings name. Nothing is connected to before the first event leaves.
    ///
    /// # Errors
    /// When an address of NATS cannot be read.
    pub(crate) fn new(common: &Common, process: &str) -> Result<Self, String> {
        let nats = match &common.nats_url {
            Some(urls) => Some(Arc::new(Nats::new(urls, process)?)),
            None => None,
        };
        Ok(Self {
            local: Arc::default(),
            nats,
            replicas: common.nats_replicas,
        })
    }

    /// Where the events of a service go. Listeners in the process come last, so that they hear of
    /// nothing twice that NATS has not taken yet.
    pub(crate) fn brokers(&self, service: ServiceName) -> Vec<Arc<dyn Broker>> {
        let mut brokers: Vec<Arc<dyn Broker>> = Vec::new();
        if let Some(nats) = &self.nats {
            brokers.push(Arc::new(JetStream::new(
                Arc::clone(nats),
                service,
                self.replicas,
            )));
        }
        brokers.push(Arc::clone(&self.local) as Arc<dyn Broker>);
        brokers
    }

    /// What is published by this process from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.local.subscribe()
    }
}
