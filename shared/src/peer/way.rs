//! One attempt at a call: to a server in this process or over a connection, told apart by nothing
//! but how it is sent.
//!
//! Requests and answers between services are unary: both are held whole, so that a request can be
//! sent again and an answer that breaks off half-way is no answer.

use std::{error::Error, fmt};

use http::{HeaderMap, Request, Response, request, response};
use http_body_util::{BodyExt as _, Collected, Full, Limited};
use tonic::{Code, Status, TimeoutExpired, body::Body, codegen::Bytes, transport::Channel};
use tower::ServiceExt as _;

use super::Slot;
use crate::error;

/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// How a server is reached.
#[derive(Clone)]
pub(super) enum Way {
    Local(Slot),
    Network(Channel),
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local(_) => "Local",
            Self::Network(_) => "Network",
        })
    }
}

/// A request that can be sent more than once.
#[derive(Clone)]
pub(super) struct Attempt {
    pub(super) parts: request::Parts,
    pub(super) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Lost {
    /// It could not be sent, or the connection broke.
    Broken(String),
    /// The transport's timer was first.
    Late,
}

/// An answer, all of it.
pub(super) struct Answer {
    parts: response::Parts,
    body: Collected<Bytes>,
}

impl Way {
    pub(super) async fn send(&self, attempt: Attempt) -> Result<Answer, Lost> {
        let body = Body::new(Full::new(attempt.body));
        let request = Request::from_parts(attempt.parts, body);
        let response = match self {
            Self::Local(slot) => {
                let server = slot.get().cloned();
                let server = server.ok_or_else(|| Lost::Broken("it still starts".to_owned()))?;
                let Ok(response) = server.oneshot(request).await;
                response
            }
            Self::Network(channel) => {
                let sent = channel.clone().oneshot(request).await;
                sent.map_err(|error| lost(&error))?
            }
        };
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| lost(&*error))?;
        Ok(Answer { parts, body })
    }
}

impl Answer {
    /// A failure of ours in place of an answer.
    pub(super) fn of(status: Status) -> Self {
        let (parts, _) = status.into_http::<Body>().into_parts();
        let body = Collected::default();
        Self { parts, body }
    }

    /// How the call ended: its status is in the headers when it failed before its first message,
    /// else behind the last one.
    pub(super) fn status(&self) -> Option<Status> {
        let of = |headers: &HeaderMap| Status::from_header_map(headers);
        of(&self.parts.headers).or_else(|| of(self.body.trailers()?))
    }

    /// The code of that. What speaks only HTTP, as gateways do, is taken at its word.
    pub(super) fn code(&self) -> Code {
        match (self.status(), self.parts.status.as_u16()) {
            (Some(status), _) => status.code(),
            (None, 429 | 502 | 503 | 504) => Code::Unavailable,
            (None, _) => Code::Unknown,
        }
    }

    pub(super) fn into_http(self) -> Response<Body> {
        Response::from_parts(self.parts, Body::new(self.body))
    }
}

fn lost(error: &(dyn Error + 'static)) -> Lost {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<TimeoutExpired>() {
            return Lost::Late;
        }
        cause = error.source();
    }
    Lost::Broken(error::chain(error))
}
