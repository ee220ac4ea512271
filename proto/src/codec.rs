//! The codec of the generated servers and clients.
//!
//! tonic-prost alone answers an undecodable request with INTERNAL and no details. This one says
//! INVALID_ARGUMENT with the reason MALFORMED_REQUEST. It is told apart from an undecodable
//! response (a fault of the server, INTERNAL) by the message's name: the contract's lint demands
//! that requests end in `Request`.

use std::{collections::HashMap, marker::PhantomData};

use prost::{Message, Name};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::common::v1::ErrorReason;

/// Encodes `T`, decodes `U`.
#[derive(Debug)]
pub struct StrictCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for StrictCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for StrictCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Name + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = StrictEncoder<T>;
    type Decoder = StrictDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        StrictEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        StrictDecoder(PhantomData)
    }
}

/// Writes a message into the frame.
#[derive(Debug)]
pub struct StrictEncoder<T>(PhantomData<T>);

impl<T: Message> Encoder for StrictEncoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(buffer)
            .map_err(|error| Status::internal(format!("encode: {error}")))
    }
}

/// Reads a message out of a frame.
#[derive(Debug)]
pub struct StrictDecoder<U>(PhantomData<U>);

impl<U: Message + Default + Name> Decoder for StrictDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        U::decode(buffer)
            .map(Some)
            .map_err(|error| undecodable(U::NAME, &error))
    }
}

fn undecodable(name: &str, error: &prost::DecodeError) -> Status {
    let (code, reason) = if name.ends_with("Request") {
        (Code::InvalidArgument, ErrorReason::MalformedRequest)
    } else {
        (Code::Internal, ErrorReason::Internal)
    };
    let details = ErrorDetails::with_error_info(reason.wire(), crate::ERROR_DOMAIN, HashMap::new());
    Status::with_error_details(
        code,
        format!("`{name}` cannot be decoded: {error}"),
        details,
    )
}
