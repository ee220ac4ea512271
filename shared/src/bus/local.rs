//! The bus inside one process: whoever listens hears, nobody is waited for.
//!
//! A listener that falls too far behind is told that it missed something, and reads the database.

use std::sync::Arc;

use postern_proto::event::v1::Event;
use tokio::sync::broadcast;

use super::{Broker, Outgoing, PublishError};

/// Events that are kept for a listener that is behind.
const EVENTS_KEPT_MAX: usize = 1_024;

/// The bus.
#[derive(Debug)]
pub(super) struct Local(broadcast::Sender<Arc<Event>>);

impl Default for Local {
    fn default() -> Self {
        Self(broadcast::Sender::new(EVENTS_KEPT_MAX))
    }
}

impl Local {
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.0.subscribe()
    }
}

#[async_trait::async_trait]
impl Broker for Local {
    async fn ready(&self) -> Result<(), PublishError> {
        Ok(())
    }

    async fn publish(&self, outgoing: &Outgoing) -> Result<(), PublishError> {
        // It only fails when nobody listens.
        let _ = self.0.send(Arc::clone(&outgoing.event));
        Ok(())
    }
}
