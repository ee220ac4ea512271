//! gRPC without generated code: any bytes to any path with any headers, and what comes back as it
//! is.

use http_body_util::{BodyExt as _, Full};
use tonic::{
    Code, Status,
    body::Body,
    client::GrpcService as _,
    codegen::{Bytes, http},
    transport::Channel,
};

/// Headers of a request.
pub type Headers = [(&'static str, String)];

/// A message in its frame, uncompressed.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[0], &length.to_be_bytes()[..], message].concat()
}

/// Sends a message, and gives the messages that come back.
pub async fn call(
    channel: &Channel,
    path: &str,
    headers: &Headers,
    message: &[u8],
) -> Result<Vec<Vec<u8>>, Status> {
    call_framed(channel, path, headers, frame(message)).await
}

/// The same with a body that need not be a frame.
pub async fn call_framed(
    channel: &Channel,
    path: &str,
    headers: &Headers,
    body: Vec<u8>,
) -> Result<Vec<Vec<u8>>, Status> {
    let response = exchange(channel, path, headers, body).await.unwrap();
    let head = Status::from_header_map(response.headers());
    let body = response.into_body().collect().await.unwrap();
    let tail = body.trailers().and_then(Status::from_header_map);
    let status = head.or(tail).expect("a gRPC answer has a status");
    match status.code() {
        Code::Ok => Ok(unframe(&body.to_bytes())),
        _ => Err(status),
    }
}

/// One HTTP exchange; fails when the connection or the stream does.
pub async fn exchange(
    channel: &Channel,
    path: &str,
    headers: &Headers,
    body: Vec<u8>,
) -> Result<http::Response<Body>, tonic::transport::Error> {
    let mut request = http::Request::post(path)
        .version(http::Version::HTTP_2)
        .header("te", "trailers")
        .header("content-type", "application/grpc");
    for (name, value) in headers {
        request = request.header(*name, value.as_bytes());
    }
    let request = request
        .body(Body::new(Full::new(Bytes::from(body))))
        .unwrap();
    let mut channel = channel.clone();
    std::future::poll_fn(|context| channel.poll_ready(context)).await?;
    channel.call(request).await
}

fn unframe(mut body: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some((head, rest)) = body.split_first_chunk::<5>() {
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let (message, rest) = rest.split_at(usize::try_from(length).unwrap());
        messages.push(message.to_vec());
        body = rest;
    }
    messages
}
