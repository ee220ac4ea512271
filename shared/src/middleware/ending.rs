//! Streams end when their server stops: with a status that says so, not with a torn connection.
//!
//! An answer that is ready is sent, whatever happens. One that is still waited for when the server
//! drains is over: its client is told to come again, and finds another replica or the next start.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;
use http_body::{Body as _, Frame, SizeHint};
use postern_proto::common::v1::ErrorReason;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Code, Status, body::Body};

use crate::error;

/// Lets an answer end when `stopping` is cancelled.
pub(super) fn end_with(response: Response<Body>, stopping: &CancellationToken) -> Response<Body> {
    // What is complete already needs no watching.
    if response.body().is_end_stream() {
        return response;
    }
    let stopping = Box::pin(stopping.clone().cancelled_owned());
    response.map(|body| {
        Body::new(Ending {
            body,
            stopping,
            ended: false,
        })
    })
}

/// The body of an answer.
struct Ending {
    body: Body,
    stopping: Pin<Box<WaitForCancellationFutureOwned>>,
    ended: bool,
}

impl http_body::Body for Ending {
    type Data = <Body as http_body::Body>::Data;
    type Error = <Body as http_body::Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        ready!(self.stopping.as_mut().poll(context));
        self.ended = true;
        let mut trailers = http::HeaderMap::new();
        // A status of ours always fits into headers.
        if let Err(status) = stopped().add_header(&mut trailers) {
            return Poll::Ready(Some(Err(status)));
        }
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn stopped() -> Status {
    error::status(
        Code::Unavailable,
        ErrorReason::ServerUnavailable,
        "this server stops: open the stream again",
    )
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    /// An answer with these frames, which then stays open.
    fn open(frames: &[&'static [u8]]) -> Response<Body> {
        let frames: Vec<_> = frames
            .iter()
            .map(|data| Ok::<_, Status>(Frame::data((*data).into())))
            .collect();
        let stream = futures_util::stream::iter(frames);
        let stream = futures_util::StreamExt::chain(stream, futures_util::stream::pending());
        Response::new(Body::new(StreamBody::new(stream)))
    }

    #[tokio::test]
    async fn what_is_ready_comes_first_and_then_the_end_with_its_reason() {
        let stopping = CancellationToken::new();
        let mut body = end_with(open(&[b"one"]), &stopping).into_body();
        assert!(body.frame().now_or_never().unwrap().unwrap().is_ok());
        assert!(body.frame().now_or_never().is_none(), "it stays open");
        stopping.cancel();
        let last = body.frame().await.unwrap().unwrap();
        let trailers = last.into_trailers().unwrap();
        let status = Status::from_header_map(&trailers).unwrap();
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(
            error::reason_of(&status),
            Some(ErrorReason::ServerUnavailable)
        );
        assert!(body.frame().await.is_none() && body.is_end_stream());
    }

    #[tokio::test]
    async fn an_answer_that_is_ready_is_sent_though_the_server_stops() {
        let stopping = CancellationToken::new();
        stopping.cancel();
        let whole = Response::new(Body::new(http_body_util::Full::new("all".into())));
        let body = end_with(whole, &stopping).into_body();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "all");
    }
}
