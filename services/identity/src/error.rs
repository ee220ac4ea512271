//! What can go wrong in identity, and what the caller is told of it.

use std::{error, time::Duration};

use postern_proto::common::v1::ErrorReason;
use postern_shared::{
    db::AsDbErr,
    error::{Dependency, Failure, Invalid, Violation},
    page::PageError,
};
use sea_orm::DbErr;
use tonic::Code;

use crate::hashing::HashError;

/// Why an RPC of identity fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One or more fields are wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The page cannot be given.
    #[error(transparent)]
    Page(#[from] PageError),
    /// Someone else has the handle.
    #[error("the handle is taken: choose another one")]
    HandleTaken,
    /// Too young for an account.
    #[error("an account needs an age of at least {minimum_age} years")]
    AgeNotEligible {
        /// In years.
        minimum_age: u32,
    },
    /// Too young for an account of a business.
    #[error("an account of kind BUSINESS must belong to an adult: use PERSONAL")]
    BusinessRequiresAdult,
    /// There is no such account, or none that the caller may know of.
    #[error("there is no such account")]
    AccountNotFound,
    /// The handle is unknown or the password is wrong: nobody is told which.
    #[error("handle and password do not match any account")]
    CredentialsInvalid,
    /// The refresh token is unknown, expired, used or revoked: nobody is told which.
    #[error("the refresh token does not work or no longer works: sign in again")]
    RefreshTokenInvalid,
    /// The caller has no such session.
    #[error("there is no such session")]
    SessionNotFound,
    /// The person has no such action.
    #[error("there is no such action about this account")]
    ActionNotFound,
    /// The caller's account is deactivated, suspended or banned.
    #[error("the account is deactivated, suspended or banned: see StandingService.GetMyStanding")]
    AccountRestricted,
    /// The caller's role was taken from them.
    #[error("this caller may not call this RPC")]
    NotAModerator,
    /// Nobody acts on themselves, nor on someone with a role.
    #[error("nobody acts on themselves or on a person with a role: ask an operator")]
    SubjectProtected,
    /// The account changed since it was read.
    #[error("the account has changed since it was read: read it again")]
    EtagMismatch,
    /// What is stored is older than what the caller knows of.
    #[error("the version asked for is not here yet: try again")]
    Contention,
    /// Too many sign-ins with the handle have failed.
    #[error("too many sign-ins with this handle have failed: try again later")]
    TooManyFailedSignIns {
        /// When the count begins anew.
        retry_after: Duration,
    },
    /// A password could not be hashed now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// Another service could not be asked.
    #[error(transparent)]
    Dependency(#[from] Dependency),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbErr),
    /// A stored row is none that this program wrote.
    #[error("a stored {0} cannot be read")]
    Corrupt(&'static str),
    /// An access token could not be signed.
    #[error("cannot sign an access token")]
    Sign(#[source] Box<dyn error::Error + Send + Sync>),
}

impl Failure for Error {
    fn classify(&self) -> (Code, ErrorReason) {
        match self {
            Self::Invalid(inner) => inner.classify(),
            Self::Page(inner) => inner.classify(),
            Self::HandleTaken => (Code::AlreadyExists, ErrorReason::HandleTaken),
            Self::AgeNotEligible { .. } => (Code::FailedPrecondition, ErrorReason::AgeNotEligible),
            Self::BusinessRequiresAdult => {
                (Code::FailedPrecondition, ErrorReason::BusinessRequiresAdult)
            }
            Self::AccountNotFound => (Code::NotFound, ErrorReason::AccountNotFound),
            Self::CredentialsInvalid => (Code::Unauthenticated, ErrorReason::CredentialsInvalid),
            Self::RefreshTokenInvalid => (Code::Unauthenticated, ErrorReason::RefreshTokenInvalid),
            Self::SessionNotFound => (Code::NotFound, ErrorReason::SessionNotFound),
            Self::ActionNotFound => (Code::NotFound, ErrorReason::ActionNotFound),
            Self::AccountRestricted => (Code::PermissionDenied, ErrorReason::AccountRestricted),
            Self::NotAModerator => (Code::PermissionDenied, ErrorReason::CallerNotAllowed),
            Self::SubjectProtected => (Code::PermissionDenied, ErrorReason::SubjectProtected),
            Self::EtagMismatch => (Code::Aborted, ErrorReason::EtagMismatch),
            Self::Contention => (Code::Aborted, ErrorReason::Contention),
            Self::TooManyFailedSignIns { .. } => {
                (Code::ResourceExhausted, ErrorReason::RateLimited)
            }
            Self::Hash(inner) => inner.classify(),
            Self::Dependency(inner) => inner.classify(),
            Self::Db(inner) => inner.classify(),
            Self::Corrupt(_) | Self::Sign(_) => (Code::Internal, ErrorReason::Internal),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(inner) => inner.violations(),
            Self::Page(inner) => inner.violations(),
            _ => &[],
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Db(inner) => inner.message(),
            other => other.to_string(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyFailedSignIns { retry_after } => Some(*retry_after),
            Self::Hash(inner) => inner.retry_after(),
            _ => None,
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
