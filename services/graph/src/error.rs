//! Everything that can go wrong here, and what the caller is told of it.

use postern_proto::common::v1::ErrorReason;
use postern_shared::{
    db::AsDbErr,
    error::{Dependency, Failure, Invalid, Violation},
    fence::{OutOfRange, Refused},
    page::PageError,
};
use sea_orm::DbErr;
use tonic::Code;

use crate::domain::Refusal;

/// Why a request is not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields are wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The page cannot be given.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The caller named themselves.
    #[error("this needs another account than your own: name another person")]
    SelfReference,
    /// To this caller there is no such account. One variant for every cause: nothing about the
    /// account or the cause may be told.
    #[error("no such account: check the id or the handle")]
    AccountNotFound,
    /// The caller blocks whom they want to follow.
    #[error("you block this account: unblock it first")]
    BlockedByYou,
    /// The call carries a person whom the question is not about.
    #[error("the call carries a user who is not one of the two: ask for that user, or for none")]
    CallerNotAllowed,
    /// The caller is gone to others themselves.
    #[error("the account is deactivated, suspended or banned: see StandingService.GetMyStanding")]
    AccountRestricted,
    /// A raise is wrong, or is not the caller's to make.
    #[error(transparent)]
    Raise(#[from] Refused),
    /// What is stored is older than what was asked for.
    #[error("the stored version is below the one asked for: try again")]
    Contention,
    /// Another service could not be asked.
    #[error(transparent)]
    Dependency(#[from] Dependency),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbErr),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Hidden => Self::AccountNotFound,
            Refusal::BlockedByYou => Self::BlockedByYou,
        }
    }
}

impl From<OutOfRange> for Error {
    fn from(error: OutOfRange) -> Self {
        Self::Raise(error.into())
    }
}

impl Failure for Error {
    fn classify(&self) -> (Code, ErrorReason) {
        match self {
            Self::Invalid(invalid) => invalid.classify(),
            Self::Page(page) => page.classify(),
            Self::SelfReference => (Code::InvalidArgument, ErrorReason::SelfReference),
            Self::AccountNotFound => (Code::NotFound, ErrorReason::AccountNotFound),
            Self::BlockedByYou => (Code::FailedPrecondition, ErrorReason::AccountBlockedByYou),
            Self::CallerNotAllowed => (Code::PermissionDenied, ErrorReason::CallerNotAllowed),
            Self::AccountRestricted => (Code::PermissionDenied, ErrorReason::AccountRestricted),
            Self::Raise(refused) => refused.classify(),
            Self::Contention => (Code::Aborted, ErrorReason::Contention),
            Self::Dependency(dependency) => dependency.classify(),
            Self::Db(error) => error.classify(),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(invalid) => invalid.violations(),
            Self::Page(page) => page.violations(),
            Self::Raise(refused) => refused.violations(),
            _ => &[],
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Db(error) => error.message(),
            other => other.to_string(),
        }
    }
}

impl AsDbErr for Error {
    fn as_db_err(&self) -> Option<&DbErr> {
        match self {
            Self::Db(error) => Some(error),
            _ => None,
        }
    }
}
