//! Every way in which a call can fail, and what the caller is told.

use std::time::Duration;

use postern_proto::common::v1::ErrorReason;
use postern_shared::{
    db::AsDbErr,
    error::{Dependency, Failure, Invalid, Violation},
    page::PageError,
};
use sea_orm::DbErr;
use tonic::Code;

use crate::domain::{EtagMismatch, NotForAge};

/// A failure of the settings service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields are wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The page cannot be given.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The caller is gone to others.
    #[error("the account is deactivated, suspended or banned: see StandingService.GetMyStanding")]
    AccountRestricted,
    /// Identity knows no such person.
    #[error("there is no such account")]
    AccountNotFound,
    /// The person is too young for what they chose.
    #[error(transparent)]
    NotForAge(#[from] NotForAge),
    /// The settings are not those that were read.
    #[error(transparent)]
    EtagMismatch(#[from] EtagMismatch),
    /// Others kept changing the settings, or the stored version is below the one asked for.
    #[error("the settings are not what the call needs them to be yet: try again")]
    Contention,
    /// Identity could not be asked.
    #[error(transparent)]
    Dependency(#[from] Dependency),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbErr),
}

impl Failure for Error {
    fn classify(&self) -> (Code, ErrorReason) {
        match self {
            Self::Invalid(cause) => cause.classify(),
            Self::Page(cause) => cause.classify(),
            Self::AccountRestricted => (Code::PermissionDenied, ErrorReason::AccountRestricted),
            Self::AccountNotFound => (Code::NotFound, ErrorReason::AccountNotFound),
            Self::NotForAge(_) => (
                Code::FailedPrecondition,
                ErrorReason::SettingNotAllowedForAge,
            ),
            Self::EtagMismatch(_) => (Code::Aborted, ErrorReason::EtagMismatch),
            Self::Contention => (Code::Aborted, ErrorReason::Contention),
            Self::Dependency(cause) => cause.classify(),
            Self::Db(cause) => cause.classify(),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(cause) => cause.violations(),
            Self::Page(cause) => cause.violations(),
            _ => &[],
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Invalid(cause) => cause.message(),
            Self::Dependency(cause) => cause.message(),
            Self::Db(cause) => cause.message(),
            _ => self.to_string(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Invalid(cause) => cause.retry_after(),
            Self::Dependency(cause) => cause.retry_after(),
            Self::Db(cause) => cause.retry_after(),
            _ => None,
        }
    }
}

impl AsDbErr for Error {
    fn as_db_err(&self) -> Option<&DbErr> {
        match self {
            Self::Db(cause) => Some(cause),
            _ => None,
        }
    }
}
