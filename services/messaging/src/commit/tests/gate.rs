//! A gate between the decision about a message and its commit: what a test does while it is shut
//! happens at the worst moment.

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

/// Open until a test shuts it; a copy is the same gate.
#[derive(Debug, Clone)]
pub struct Gate {
    passes: Arc<Semaphore>,
    arrived: watch::Sender<usize>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            passes: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            arrived: watch::Sender::new(0),
        }
    }
}

impl Gate {
    /// Where a message that was decided passes on its way to the commit.
    pub async fn pass(&self) {
        self.arrived.send_modify(|arrived| *arrived += 1);
        // A gate that is open has passes for ever.
        self.passes.acquire().await.unwrap().forget();
    }

    /// From now on messages wait; none has arrived yet.
    pub fn shut(&self) {
        self.passes.forget_permits(Semaphore::MAX_PERMITS);
        self.arrived.send_replace(0);
    }

    /// Waits until so many have arrived since it was shut.
    pub async fn until_arrived(&self, messages: usize) {
        let mut arrived = self.arrived.subscribe();
        arrived.wait_for(|now| *now >= messages).await.unwrap();
    }

    /// Lets so many through.
    pub fn let_through(&self, messages: usize) {
        self.passes.add_permits(messages);
    }

    /// Lets everybody through again.
    pub fn open(&self) {
        let left = self.passes.available_permits();
        self.passes.add_permits(Semaphore::MAX_PERMITS - left);
    }
}
