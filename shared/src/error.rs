//! From a failure to what the caller is told: one path for every service.
//!
//! A status carries exactly one `google.rpc.ErrorInfo` (reason, domain `postern`), and every field
//! violation at once. What went wrong inside is logged here, once, and never sent.

use std::{collections::HashMap, error::Error, fmt::Write as _, time::Duration};

use postern_proto::{ERROR_DOMAIN, common::v1::ErrorReason};
use sea_orm::DbErr;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::{caller::ServiceName, db};

/// The most field violations in one answer: trailers have to stay small.
const VIOLATIONS_MAX: usize = 20;
/// The most bytes of one violation's description, for the same reason.
const DESCRIPTION_BYTES_MAX: usize = 300;

/// A failure that a service can answer with.
pub trait Failure: Error {
    /// The status code and the reason that clients switch on.
    fn classify(&self) -> (Code, ErrorReason);

    /// What is wrong with which field.
    fn violations(&self) -> &[Violation] {
        &[]
    }

    /// What the caller reads, unless the failure is internal.
    fn message(&self) -> String {
        self.to_string()
    }

    /// When to try again.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// Turns a failure into the status that the caller gets. An internal one is logged with its
/// causes and answered with the request's id alone.
#[must_use]
pub fn to_status(failure: &dyn Failure, request_id: &str) -> Status {
    let (code, reason) = failure.classify();
    if matches!(code, Code::Internal | Code::Unknown | Code::DataLoss) {
        let error = chain(failure);
        tracing::error!(error, request.id = request_id, "a request failed inside");
        let metadata = HashMap::from([("request_id".to_owned(), request_id.to_owned())]);
        let details = ErrorDetails::with_error_info(reason.wire(), ERROR_DOMAIN, metadata);
        return Status::with_error_details(code, "internal error", details);
    }
    if code == Code::Unavailable {
        tracing::warn!(error = %chain(failure), "a request could not be served");
    }
    let mut details = ErrorDetails::with_error_info(reason.wire(), ERROR_DOMAIN, HashMap::new());
    if let Some(after) = failure.retry_after() {
        details.set_retry_info(Some(after));
    }
    let violations = failure.violations();
    if !violations.is_empty() {
        details.set_bad_request(
            violations
                .iter()
                .take(VIOLATIONS_MAX)
                .map(|v| FieldViolation::new(v.field.clone(), clip(&v.description)))
                .collect::<Vec<_>>(),
        );
    }
    Status::with_error_details(code, failure.message(), details)
}

/// A status with one ErrorInfo and nothing else, for the layers around the services.
#[must_use]
pub fn status(code: Code, reason: ErrorReason, message: impl Into<String>) -> Status {
    let details = ErrorDetails::with_error_info(reason.wire(), ERROR_DOMAIN, HashMap::new());
    Status::with_error_details(code, message, details)
}

/// The same, telling when to try again.
#[must_use]
pub fn status_retry(reason: ErrorReason, message: &str, after: Duration) -> Status {
    let mut details = ErrorDetails::with_error_info(reason.wire(), ERROR_DOMAIN, HashMap::new());
    details.set_retry_info(Some(after));
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

/// The reason in a status, when Postern made it.
#[must_use]
pub fn reason_of(status: &Status) -> Option<ErrorReason> {
    let info = status.get_details_error_info()?;
    if info.domain != ERROR_DOMAIN {
        return None;
    }
    ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason))
}

/// An error and its causes on one line.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        // A wrapper that shows its cause already need not be followed by it.
        let text = next.to_string();
        if !line.ends_with(&text) {
            // Writing to a String cannot fail.
            let _ = write!(line, ": {text}");
        }
        cause = next.source();
    }
    line
}

/// Another service could not be asked: UNAVAILABLE, and nothing was done.
#[derive(Debug, thiserror::Error)]
#[error("{peer} could not be asked: try again")]
pub struct Dependency {
    /// Which service.
    pub peer: ServiceName,
    /// What it answered.
    #[source]
    pub status: Status,
}

impl Dependency {
    /// Notes that `peer` answered with `status`.
    #[must_use]
    pub const fn new(peer: ServiceName, status: Status) -> Self {
        Self { peer, status }
    }
}

impl Failure for Dependency {
    fn classify(&self) -> (Code, ErrorReason) {
        (Code::Unavailable, ErrorReason::DependencyUnavailable)
    }
}

/// A database that cannot be reached may be back soon; any other failure of it is ours.
impl Failure for DbErr {
    fn classify(&self) -> (Code, ErrorReason) {
        if db::is_unavailable(self) {
            (Code::Unavailable, ErrorReason::ServerUnavailable)
        } else {
            (Code::Internal, ErrorReason::Internal)
        }
    }

    fn message(&self) -> String {
        // The engine's own words may show data.
        "the database cannot be reached: try again".to_owned()
    }
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field's path in the request, such as `settings.filters.keywords[3]`.
    pub field: String,
    /// What is wrong and what to do.
    pub description: String,
}

/// Everything that is wrong with a request: INVALID_ARGUMENT with INVALID_FIELDS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid fields: {}", .0.iter().map(|v| v.field.as_str()).take(VIOLATIONS_MAX)
    .collect::<Vec<_>>().join(", "))]
pub struct Invalid(Vec<Violation>);

impl Invalid {
    /// One wrong field.
    #[must_use]
    pub fn field(field: &str, description: impl Into<String>) -> Self {
        Self(vec![Violation {
            field: field.to_owned(),
            description: description.into(),
        }])
    }
}

impl Failure for Invalid {
    fn classify(&self) -> (Code, ErrorReason) {
        (Code::InvalidArgument, ErrorReason::InvalidFields)
    }

    fn violations(&self) -> &[Violation] {
        &self.0
    }
}

/// Collects what is wrong while a request is parsed, so that the caller learns all of it at once.
#[derive(Debug, Default)]
pub struct Check(Vec<Violation>);

impl Check {
    /// Nothing wrong yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Keeps the value, or notes what is wrong with the field.
    pub fn take<T, E: Error>(&mut self, field: &str, parsed: Result<T, E>) -> Option<T> {
        parsed
            .map_err(|error| self.wrong(field, error.to_string()))
            .ok()
    }

    /// Notes that a field is wrong.
    pub fn wrong(&mut self, field: &str, description: impl Into<String>) {
        self.0.push(Violation {
            field: field.to_owned(),
            description: description.into(),
        });
    }

    /// The parsed value when nothing at all was wrong.
    ///
    /// # Errors
    /// Every violation that was noted. A missing value without one counts as a missing request.
    pub fn done<T>(self, value: Option<T>) -> Result<T, Invalid> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ if self.0.is_empty() => Err(Invalid::field("request", "must be complete")),
            _ => Err(Invalid(self.0)),
        }
    }
}

fn clip(text: &str) -> String {
    let mut end = text.len().min(DESCRIPTION_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_violation_is_told_at_once_and_trailers_stay_small() {
        let mut check = Check::new();
        for index in 0..500 {
            check.wrong(&format!("field[{index}]"), "x".repeat(1_000));
        }
        let invalid = check.done(Some(())).unwrap_err();
        let status = to_status(&invalid, "r");
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(
            status
                .get_details_bad_request()
                .unwrap()
                .field_violations
                .len(),
            20
        );
        assert!(status.details().len() + status.message().len() < 8 * 1024);
        assert_eq!(reason_of(&status), Some(ErrorReason::InvalidFields));
    }

    #[derive(Debug, thiserror::Error)]
    #[error("secret SQL")]
    struct Inside;

    impl Failure for Inside {
        fn classify(&self) -> (Code, ErrorReason) {
            (Code::Internal, ErrorReason::Internal)
        }
    }

    #[test]
    fn what_went_wrong_inside_is_not_sent() {
        let status = to_status(&Inside, "request-7");
        assert_eq!(status.message(), "internal error");
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.metadata.get("request_id").unwrap(), "request-7");
        assert!(!String::from_utf8_lossy(status.details()).contains("secret"));
    }
}
