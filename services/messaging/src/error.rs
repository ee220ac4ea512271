//! What can go wrong, and what the caller is told.

use std::time::Duration;

use postern_proto::common::v1::ErrorReason;
use postern_shared::{
    db::AsDbErr,
    error::{Dependency, Failure, Invalid, Violation},
    fence,
    page::PageError,
};
use sea_orm::DbErr;
use tonic::Code;

use crate::store::RaiseError;

/// Every failure of this service. A refused message is none.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The page is wrong.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The id was used for another content.
    #[error(
        "this `client_message_id` was used for another message to this person: \
             make a new id for every message"
    )]
    IdReused,
    /// The caller takes part in no such conversation.
    #[error("there is no such conversation")]
    ConversationNotFound,
    /// The caller has no such request.
    #[error("there is no such request")]
    RequestNotFound,
    /// No such decision is on record, or no longer.
    #[error("there is no record of such a decision, or no longer")]
    DecisionNotFound,
    /// A record holds a reason that this release does not know.
    #[error("a record of a refusal names the reason `{0}`, which means nothing")]
    UnknownReason(String),
    /// The conversation has no such message for the caller.
    #[error("there is no such message")]
    MessageNotFound,
    /// The message is another's.
    #[error("only its author deletes a message for everyone")]
    NotTheAuthor,
    /// It is too late.
    #[error("the time in which this message could be deleted for everyone is over")]
    UnsendWindowClosed,
    /// The caller is gone to others.
    #[error("your account is deactivated, suspended or banned: see StandingService.GetMyStanding")]
    AccountRestricted,
    /// The caller's own messages are off.
    #[error("your own messages are off: change `who_can_message` first")]
    YourMessagesAreOff,
    /// The caller named themselves.
    #[error("this needs another account than your own: name another person")]
    SelfReference,
    /// To this caller there is no such account. One variant for every cause: nothing about the
    /// account or the cause may be told.
    #[error("no such account: check the id or the handle")]
    AccountNotFound,
    /// Nobody under 16 takes messages.
    #[error("`who_can_message` stays `NO_ONE` for people under 16")]
    NoMessagesForAge,
    /// Nobody under 18 takes messages from strangers.
    #[error(
        "`who_can_message` cannot be `EVERYONE` for people under 18: choose `FRIENDS` or `NO_ONE`"
    )]
    NotEveryoneForAge,
    /// A fence is not the caller's to raise, or not like this.
    #[error(transparent)]
    Fence(#[from] fence::Refused),
    /// The facts kept changing.
    #[error("the facts kept changing while this was decided: try again")]
    Contention,
    /// An owner of facts could not be asked.
    #[error(transparent)]
    Dependency(#[from] Dependency),
    /// An owner answered with something that makes no decision.
    #[error("the facts for this decision are incomplete: try again")]
    Undecidable,
    /// The process is stopping.
    #[error("the server is stopping: try again")]
    Stopping,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbErr),
}

impl Error {
    /// Whether whatever is tried next fails as well: no database is to be had.
    #[must_use]
    pub const fn is_of_everything(&self) -> bool {
        matches!(
            self,
            Self::Stopping | Self::Db(DbErr::ConnectionAcquire(_) | DbErr::Conn(_))
        )
    }
}

impl Failure for Error {
    fn classify(&self) -> (Code, ErrorReason) {
        match self {
            Self::Invalid(error) => error.classify(),
            Self::Page(error) => error.classify(),
            Self::IdReused => (Code::AlreadyExists, ErrorReason::ClientMessageIdReused),
            Self::ConversationNotFound => (Code::NotFound, ErrorReason::ConversationNotFound),
            Self::MessageNotFound => (Code::NotFound, ErrorReason::MessageNotFound),
            Self::NotTheAuthor => (Code::PermissionDenied, ErrorReason::NotTheAuthor),
            Self::UnsendWindowClosed => (Code::FailedPrecondition, ErrorReason::UnsendWindowClosed),
            Self::AccountRestricted => (Code::PermissionDenied, ErrorReason::AccountRestricted),
            Self::RequestNotFound => (Code::NotFound, ErrorReason::RequestNotFound),
            Self::DecisionNotFound => (Code::NotFound, ErrorReason::DecisionNotFound),
            Self::UnknownReason(_) => (Code::Internal, ErrorReason::Internal),
            Self::YourMessagesAreOff => (Code::FailedPrecondition, ErrorReason::YourMessagesAreOff),
            Self::SelfReference => (Code::InvalidArgument, ErrorReason::SelfReference),
            Self::AccountNotFound => (Code::NotFound, ErrorReason::AccountNotFound),
            Self::NoMessagesForAge | Self::NotEveryoneForAge => (
                Code::FailedPrecondition,
                ErrorReason::SettingNotAllowedForAge,
            ),
            Self::Fence(error) => error.classify(),
            Self::Contention => (Code::Aborted, ErrorReason::Contention),
            Self::Dependency(error) => error.classify(),
            Self::Undecidable => (Code::Unavailable, ErrorReason::DependencyUnavailable),
            Self::Stopping => (Code::Unavailable, ErrorReason::ServerUnavailable),
            Self::Db(error) => error.classify(),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(error) => error.violations(),
            Self::Page(error) => error.violations(),
            Self::Fence(error) => error.violations(),
            _ => &[],
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Db(error) => error.message(),
            other => other.to_string(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

impl From<RaiseError> for Error {
    fn from(error: RaiseError) -> Self {
        match error {
            RaiseError::OutOfRange(error) => Self::Fence(error.into()),
            RaiseError::Db(error) => Self::Db(error),
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
