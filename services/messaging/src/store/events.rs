//! What a transaction tells the world: ids and numbers, in the same transaction.

use postern_shared::{
    db::Tx,
    id::UserId,
    outbox::{self, Body, Event},
};
use sea_orm::DbErr;

use super::{Settled, Unsend};
use crate::domain::{Outcome, PreparedSend, RequestStep, request_steps};

/// Tells of every message of a batch that is stored, each under the trace of its own call.
pub(super) async fn of_batch(
    tx: &Tx,
    batch: &[PreparedSend],
    outcomes: &[Outcome],
) -> Result<(), DbErr> {
    let mut events = Vec::new();
    for (send, outcome) in batch.iter().zip(outcomes) {
        if let Outcome::Stored { seq } = outcome {
            events.extend(of_message(send, *seq));
        }
    }
    match batch.iter().map(|send| send.sent_at).max() {
        Some(newest) => outbox::append(tx, newest, &events).await,
        None => Ok(()),
    }
}

fn of_message(send: &PreparedSend, seq: i64) -> Vec<Event> {
    let (sender, recipient) = (send.sender, send.recipient);
    let (before, after) = (&send.before, &send.after);
    let event = |body, version: i64| Event {
        body,
        version: version.unsigned_abs(),
        actor: sender,
        at: send.sent_at,
        traceparent: send.traceparent.clone(),
    };
    let conversation = before.id;
    let created = Body::MessageCreated {
        conversation,
        seq,
        sender,
        recipient,
    };
    let steps = request_steps(before, after, sender)
        .into_iter()
        .map(|step| match step {
            RequestStep::Created => Body::RequestCreated {
                conversation,
                sender,
                recipient,
            },
            // It is the recipient who had asked.
            RequestStep::Accepted => Body::RequestAccepted {
                conversation,
                sender: recipient,
                recipient: sender,
            },
        });
    let mut events = vec![event(created, seq)];
    events.extend(steps.map(|body| event(body, after.state_version)));
    events
}

/// Tells of a request that was accepted; of one that was declined nobody hears.
pub(super) async fn of_settlement(tx: &Tx, settled: &Settled) -> Result<(), DbErr> {
    let Settled {
        before,
        after,
        person,
        at,
        ..
    } = settled;
    let Some(asker) = before.peer_of(*person) else {
        return Ok(());
    };
    let mut events = Vec::new();
    if request_steps(before, after, *person).contains(&RequestStep::Accepted) {
        let body = Body::RequestAccepted {
            conversation: before.id,
            sender: asker,
            recipient: *person,
        };
        events.push(Event::new(
            body,
            after.state_version.unsigned_abs(),
            *person,
            *at,
        ));
    }
    outbox::append(tx, *at, &events).await
}

/// Tells of a message that was deleted for everyone.
pub(super) async fn of_unsend(tx: &Tx, unsend: &Unsend, recipient: UserId) -> Result<(), DbErr> {
    let body = Body::MessageDeleted {
        conversation: unsend.conversation,
        seq: unsend.seq,
        sender: unsend.person,
        recipient,
    };
    let version = unsend.seq.unsigned_abs();
    let event = Event::new(body, version, unsend.person, unsend.at);
    outbox::append(tx, unsend.at, &[event]).await
}
