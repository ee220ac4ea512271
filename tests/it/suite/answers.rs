//! Naming people and contents, and taking answers apart.

use postern_proto::{
    common::v1::{ErrorReason, PersonRef, person_ref},
    messaging::v1::{
        Content, Delivered, Placement, Refused, SendMessageResponse, content,
        send_message_response::Outcome,
    },
    policy::v1::RefusalReason,
};
use tonic::{Code, Status};

use crate::contract::errors::only_reason;

/// A person by their id.
pub fn by_id(id: &str) -> Option<PersonRef> {
    Some(PersonRef {
        person: Some(person_ref::Person::UserId(id.to_owned())),
    })
}

/// A person by their handle.
pub fn by_handle(handle: &str) -> Option<PersonRef> {
    Some(PersonRef {
        person: Some(person_ref::Person::Handle(handle.to_owned())),
    })
}

/// A content that is a text.
pub fn text_content(text: &str) -> Option<Content> {
    Some(Content {
        content: Some(content::Content::Text(text.to_owned())),
    })
}

/// A field mask.
pub fn mask(paths: &[&str]) -> prost_types::FieldMask {
    prost_types::FieldMask {
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
    }
}

/// The delivery in an answer.
pub fn delivered(answer: SendMessageResponse) -> Delivered {
    match answer.outcome {
        Some(Outcome::Delivered(delivered)) => delivered,
        other => panic!("expected a delivery, got {other:?}"),
    }
}

/// The refusal in an answer.
pub fn refused(answer: SendMessageResponse) -> Refused {
    match answer.outcome {
        Some(Outcome::Refused(refused)) => refused,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

/// Where the answer says that the message went.
pub fn placement(answer: SendMessageResponse) -> Placement {
    delivered(answer).placement()
}

/// Why the answer says that the message was refused.
pub fn reason(answer: SendMessageResponse) -> RefusalReason {
    refused(answer).reason()
}

/// Asserts how a call failed.
#[track_caller]
pub fn assert_fails<T: std::fmt::Debug>(
    result: Result<T, Status>,
    code: Code,
    reason: ErrorReason,
) -> Status {
    let status = result.unwrap_err();
    assert_eq!(only_reason(&status), reason, "{status:?}");
    assert_eq!(status.code(), code, "{status:?}");
    status
}

/// Everything that a caller can see of a failure but the time of day.
pub fn all_of(status: &Status) -> (Code, String, Vec<u8>, Vec<String>) {
    let mut headers = status.metadata().clone().into_headers();
    headers.remove("date");
    let headers = headers.iter().map(|header| format!("{header:?}"));
    let (message, details) = (status.message().to_owned(), status.details().to_vec());
    (status.code(), message, details, headers.collect())
}
