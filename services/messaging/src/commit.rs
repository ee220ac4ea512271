//! Group commit: messages that arrive while others are being committed go together next.
//!
//! A few committers, each owning a share of the conversations, take whatever waits for them, never
//! on a timer, and commit it in one transaction. A batch that fails is tried again one by one, so
//! that one message's trouble is not another's. What was handed over is committed even when the
//! caller has gone: its repetition finds it.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;
use postern_shared::db::{is_conflict, is_unavailable};
use sea_orm::DbErr;
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument as _;

use crate::{
    domain::{Outcome, PreparedSend},
    error::Error,
    store::Store,
};

/// Messages in one transaction at the most.
const BATCH_MAX: usize = 64;
/// Messages that wait for one committer; more callers wait their turn within their deadlines.
const QUEUE_MAX: usize = 1_024;

struct Waiting {
    send: PreparedSend,
    span: tracing::Span,
    answer: oneshot::Sender<Result<Outcome, Error>>,
}

/// The committers of a process.
#[derive(Debug, Clone)]
pub struct Committers {
    queues: Arc<[mpsc::Sender<Waiting>]>,
    /// What a test puts between a decision and its commit.
    #[cfg(test)]
    pub gate: tests::gate::Gate,
}

impl Committers {
    /// Starts them. They end when the last handle is dropped and their queues are empty.
    #[must_use]
    pub fn start(store: &Store, committers: usize) -> Self {
        let committers = if store.has_one_writer() {
            1
        } else {
            committers.max(1)
        };
        let queues = (0..committers).map(|_| {
            let (queue, waiting) = mpsc::channel(QUEUE_MAX);
            tokio::spawn(run(store.clone(), waiting));
            queue
        });
        Self {
            queues: queues.collect(),
            #[cfg(test)]
            gate: tests::gate::Gate::default(),
        }
    }

    /// Commits a message together with others.
    ///
    /// # Errors
    /// When the database fails or the process stops. Whether the message was stored is then not
    /// known; repeating it with the same id is safe.
    pub async fn commit(&self, send: PreparedSend) -> Result<Outcome, Error> {
        #[cfg(test)]
        self.gate.pass().await;
        let (answer, answered) = oneshot::channel();
        let bytes = send.before.id.uuid().into_bytes();
        let share = usize::from(u16::from_be_bytes([bytes[0], bytes[1]])) % self.queues.len();
        let span = tracing::Span::current();
        let handed = self.queues[share]
            .send(Waiting { send, span, answer })
            .await;
        handed.map_err(|_| Error::Stopping)?;
        answered.await.map_err(|_| Error::Stopping)?
    }
}

async fn run(store: Store, mut waiting: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let batch = commit_batch(&store, std::mem::take(&mut batch));
        // Its callers hear that nobody answers; the next batch must not suffer for it.
        if AssertUnwindSafe(batch).catch_unwind().await.is_err() {
            tracing::error!("a batch of messages panicked on its way into the database");
        }
    }
}

async fn commit_batch(store: &Store, batch: Vec<Waiting>) {
    let (mut sends, mut callers) = (Vec::new(), Vec::new());
    for one in batch {
        sends.push(one.send);
        callers.push((one.span, one.answer));
    }
    // The statements show up in the trace of the first; the others' traces end at the hand-over.
    let span = callers
        .first()
        .map_or_else(tracing::Span::none, |(span, _)| span.clone());
    match store.commit(&sends).instrument(span).await {
        Ok(outcomes) => {
            for (outcome, (_, answer)) in outcomes.into_iter().zip(callers) {
                // A caller that has gone finds the message when it asks again.
                let _ = answer.send(Ok(outcome));
            }
        }
        // A database that is away fails every one of them: there each would only wait once more.
        Err(error) if sends.len() > 1 && (is_conflict(&error) || !is_unavailable(&error)) => {
            tracing::warn!(%error, messages = sends.len(), "a batch is committed one by one");
            for (send, (span, answer)) in sends.iter().zip(callers) {
                let one = std::slice::from_ref(send);
                let _ = answer.send(first(store.commit(one).instrument(span).await));
            }
        }
        Err(error) => {
            for (_, answer) in callers {
                let _ = answer.send(Err(Error::Db(error.clone())));
            }
        }
    }
}

fn first(outcomes: Result<Vec<Outcome>, DbErr>) -> Result<Outcome, Error> {
    Ok(outcomes?.first().copied().unwrap_or(Outcome::Moved))
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub use tests::events::events;
