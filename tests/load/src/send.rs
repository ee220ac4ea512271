//! Sends the messages of a plan.
//!
//! It promises each conversation in the order of the trace, a limit on what is under way, and the
//! same ids and texts whenever a message is tried again. Without a rate a latency begins when the
//! message is first tried. With one it begins when the message was due: a server that stalls also
//! delays the messages behind, and that time must not vanish from the figures.

use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use hdrhistogram::Histogram;
use postern_proto::messaging::v1::message_service_client::MessageServiceClient;
use postern_proto::messaging::v1::send_message_response::Outcome;
use postern_proto::messaging::v1::{
    Content, Delivered, Placement, SendMessageRequest, SendMessageResponse, content,
};
use postern_proto::policy::v1::RefusalReason;
use tokio::time::Instant;

use crate::args::Options;
use crate::connect::Client;
use crate::error::CallError;
use crate::names::Names;
use crate::plan::Plan;
use crate::prepare::person;
use crate::progress::Phase;
use crate::report;
use crate::retry::pause;
use crate::schedule::Schedule;
use crate::session::Session;

const RPC: &str = "SendMessage";

/// What the server said about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was stored.
    Stored(Stored),
    /// It was not; the reason without its prefix.
    Refused(String),
}

/// Where a message was stored, as its sender was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The conversation.
    pub conversation_id: String,
    /// Its place there.
    pub seq: i64,
    /// Which of the receiver's lists the conversation is in.
    pub folder: Folder,
}

/// One of the lists of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// The inbox.
    Inbox,
    /// Requests, in either tier.
    Requests,
}

/// What came of sending.
#[derive(Debug)]
pub struct Sent {
    /// The answer to each message of the plan.
    pub answers: Vec<Option<Answer>>,
    /// How many messages were tried.
    pub begun: u64,
    /// How long sending took.
    pub elapsed: Duration,
    /// How long each answer took, in microseconds.
    pub latency_us: Histogram<u64>,
    /// The first message that got no answer, and why.
    pub failure: Option<CallError>,
}

/// Sends everything, or as much as the server lets.
///
/// It stops when patience ends: what cannot be sent after that long will not be sent soon.
pub async fn all(
    client: &Client,
    sessions: &[Session],
    plan: &Plan,
    names: &Names,
    options: &Options,
    phase: &Phase,
) -> Sent {
    let started = Instant::now();
    let mut schedule = Schedule::new(plan, options.rate);
    let mut under_way = FuturesUnordered::new();
    let mut sent = Sent::nothing(plan.messages.len());
    let mut stopped = false;
    loop {
        while !stopped && under_way.len() < options.in_flight {
            let Some(message) = schedule.take(started.elapsed()) else {
                break;
            };
            sent.begun += 1;
            let due = schedule
                .due(message)
                .map_or_else(Instant::now, |due| started + due);
            under_way.push(async move {
                let answer = one(client, sessions, plan, names, message).await;
                (message, answer, due.elapsed())
            });
        }
        let room = !stopped && under_way.len() < options.in_flight;
        let wait = schedule.wait(started.elapsed()).filter(|_| room);
        tokio::select! {
            Some((message, answer, latency)) = under_way.next() => match answer {
                Ok(answer) => {
                    sent.answered(message, answer, latency);
                    schedule.answered(message);
                    phase.advance(client.retry.count());
                }
                Err(error) => {
                    stopped |= error.patience_ended;
                    sent.failure.get_or_insert(error);
                }
            },
            () = pause(wait.unwrap_or_default()), if wait.is_some() => {}
            else => break,
        }
    }
    sent.elapsed = started.elapsed();
    sent
}

impl Sent {
    fn nothing(messages: usize) -> Self {
        Self {
            answers: vec![None; messages],
            begun: 0,
            elapsed: Duration::ZERO,
            latency_us: report::histogram(),
            failure: None,
        }
    }

    fn answered(&mut self, message: usize, answer: Answer, latency: Duration) {
        self.answers[message] = Some(answer);
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latency_us.saturating_record(micros);
    }
}

async fn one(
    client: &Client,
    sessions: &[Session],
    plan: &Plan,
    names: &Names,
    message: usize,
) -> Result<Answer, CallError> {
    let planned = &plan.messages[message];
    let sender = &sessions[planned.sender];
    let request = SendMessageRequest {
        recipient: Some(person(&sessions[planned.receiver])),
        client_message_id: names.message_id(planned.line),
        content: Some(Content {
            content: Some(content::Content::Text(names.text(planned.line))),
        }),
    };
    let send = |connection, request| async move {
        let mut messages = MessageServiceClient::new(connection);
        messages.send_message(request).await
    };
    let response = sender
        .call(client, &client.messaging, RPC, &request, send)
        .await?;
    understood(response).map_err(|what| CallError::broken(RPC, &sender.handle, what))
}

fn understood(response: SendMessageResponse) -> Result<Answer, &'static str> {
    match response.outcome.ok_or("the answer carries no outcome")? {
        Outcome::Delivered(delivered) => stored(delivered).map(Answer::Stored),
        Outcome::Refused(refused) => Ok(Answer::Refused(reason(refused.reason))),
    }
}

fn stored(delivered: Delivered) -> Result<Stored, &'static str> {
    let folder = match delivered.placement() {
        Placement::Inbox => Folder::Inbox,
        Placement::Request => Folder::Requests,
        Placement::Unspecified => return Err("the answer carries no known placement"),
    };
    let message = delivered.message.ok_or("the answer carries no message")?;
    Ok(Stored {
        conversation_id: message.conversation_id,
        seq: message.seq,
        folder,
    })
}

fn reason(number: i32) -> String {
    let Ok(reason) = RefusalReason::try_from(number) else {
        return format!("UNKNOWN_{number}");
    };
    let name = reason.as_str_name();
    name.strip_prefix("REFUSAL_REASON_")
        .unwrap_or(name)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use postern_proto::messaging::v1::{Message, Refused};

    use super::*;

    fn delivered(placement: i32, message: Option<Message>) -> Result<Answer, &'static str> {
        let delivered = Delivered { message, placement };
        understood(SendMessageResponse {
            outcome: Some(Outcome::Delivered(delivered)),
        })
    }

    #[test]
    fn a_refusal_is_an_answer() {
        let refused = |reason| {
            let refused = Refused {
                reason,
                ..Default::default()
            };
            understood(SendMessageResponse {
                outcome: Some(Outcome::Refused(refused)),
            })
            .unwrap()
        };
        let expected = |name: &str| Answer::Refused(name.to_owned());
        let awaiting = RefusalReason::AwaitingAcceptance.into();
        assert_eq!(refused(awaiting), expected("AWAITING_ACCEPTANCE"));
        assert_eq!(refused(99), expected("UNKNOWN_99"));
    }

    #[test]
    fn a_stored_message_has_a_place() {
        let message = || Message {
            conversation_id: "c".into(),
            seq: 7,
            ..Default::default()
        };
        let stored = |folder| {
            Ok(Answer::Stored(Stored {
                conversation_id: "c".into(),
                seq: 7,
                folder,
            }))
        };
        assert_eq!(delivered(1, Some(message())), stored(Folder::Inbox));
        assert_eq!(delivered(2, Some(message())), stored(Folder::Requests));
        assert!(delivered(0, Some(message())).is_err());
        assert!(delivered(1, None).is_err());
        assert!(understood(SendMessageResponse { outcome: None }).is_err());
    }
}
