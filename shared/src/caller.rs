//! Who calls: the handlers' view of one request.
//!
//! The middleware puts a [`Caller`] into every request. A handler gets it from [`answer`] or, where
//! a signed-in person is needed, as [`Me`] from [`answer_me`]; and it asks other services with
//! [`Caller::ask`], which carries deadline, user and request id along.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use postern_proto::common::v1::ErrorReason;
use tokio::time::Instant;
use tonic::{Code, Request, Response, Status};

use crate::{
    error::{self, Failure},
    id::{SessionId, UserId},
};

/// One of the four services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceName {
    /// Accounts, sessions, standing.
    Identity,
    /// Follows and blocks.
    Graph,
    /// What people chose.
    Settings,
    /// Messages and requests.
    Messaging,
}

impl ServiceName {
    /// All four, in the order of their ports.
    pub const ALL: [Self; 4] = [Self::Identity, Self::Graph, Self::Settings, Self::Messaging];

    /// The name as configuration, files and logs write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Graph => "graph",
            Self::Settings => "settings",
            Self::Messaging => "messaging",
        }
    }

    /// The service of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|service| service.as_str() == name)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which program is on the other side of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// Someone on the public port, or who showed no service credential.
    Anyone,
    /// One of our services, proved by its credential or by being in this process.
    Service(ServiceName),
}

/// What a person may do beyond what everyone may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Acts on accounts and reads how messages were decided.
    Moderator,
    /// Runs the service, and reads how messages were decided.
    Operator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 2] = [Self::Moderator, Self::Operator];

    /// The name in tokens, on command lines and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Moderator => "moderator",
            Self::Operator => "operator",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// How much of the service a session opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything that people may do.
    Full,
    /// What is left to an account that is deactivated, suspended or banned.
    Restricted,
}

/// A person whose access token was verified.
#[derive(Clone)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// Through which sign-in.
    pub session: SessionId,
    /// How much the sign-in opens.
    pub scope: Scope,
    /// What else they may do.
    pub roles: Arc<[Role]>,
    /// The token itself, to be forwarded unchanged.
    pub token: Arc<str>,
}

impl User {
    /// Somebody without roles, whose account is in use.
    #[must_use]
    pub fn plain(id: UserId, session: SessionId, token: Arc<str>) -> Self {
        Self {
            id,
            session,
            scope: Scope::Full,
            roles: Arc::from([]),
            token,
        }
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What the middleware learned about a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The program that calls.
    pub principal: Principal,
    /// The person for whom it calls, if any.
    pub user: Option<User>,
    /// When the answer is of no use any more.
    pub deadline: Instant,
    /// Names the request in logs and answers.
    pub request_id: Arc<str>,
}

impl Caller {
    /// A caller without a person: for work that a service does by itself.
    #[must_use]
    pub fn system(within: Duration) -> Self {
        Self {
            principal: Principal::Anyone,
            user: None,
            deadline: Instant::now() + within,
            request_id: Arc::from("system"),
        }
    }

    /// A request to another service in this caller's name.
    pub fn ask<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.extensions_mut().insert(self.clone());
        request
    }

    /// How long the caller still waits.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// The person who calls, where the RPC is for signed-in people.
#[derive(Debug, Clone)]
pub struct Me {
    /// Who.
    pub id: UserId,
    /// Through which sign-in.
    pub session: SessionId,
    /// The rest of what is known of the call.
    pub caller: Caller,
}

/// Hands a request to `handle`, and turns what goes wrong into a status.
///
/// # Errors
/// What `handle` failed with; INTERNAL when the middleware was left out.
pub async fn answer<Q, R, E, F, Fut>(request: Request<Q>, handle: F) -> Result<Response<R>, Status>
where
    E: Failure,
    F: FnOnce(Caller, Q) -> Fut,
    Fut: Future<Output = Result<R, E>>,
{
    let caller = caller_of(&request)?;
    let request_id = Arc::clone(&caller.request_id);
    match handle(caller, request.into_inner()).await {
        Ok(response) => Ok(Response::new(response)),
        Err(failure) => Err(error::to_status(&failure, &request_id)),
    }
}

/// Hands a signed-in person's request to `handle`, and turns what goes wrong into a status.
///
/// # Errors
/// UNAUTHENTICATED without a person; what `handle` failed with.
pub async fn answer_me<Q, R, E, F, Fut>(
    request: Request<Q>,
    handle: F,
) -> Result<Response<R>, Status>
where
    E: Failure,
    F: FnOnce(Me, Q) -> Fut,
    Fut: Future<Output = Result<R, E>>,
{
    let caller = caller_of(&request)?;
    // The access table asks for the person already; without its row nobody gets in.
    let user = caller.user.clone().ok_or_else(token_missing)?;
    let me = Me {
        id: user.id,
        session: user.session,
        caller,
    };
    answer(request, |_, message| handle(me, message)).await
}

/// The answer to a call without an access token where one is needed.
#[must_use]
pub fn token_missing() -> Status {
    error::status(
        Code::Unauthenticated,
        ErrorReason::TokenMissing,
        "no access token: send `authorization: Bearer <access_token>` from CreateSession",
    )
}

fn caller_of<Q>(request: &Request<Q>) -> Result<Caller, Status> {
    request
        .extensions()
        .get::<Caller>()
        .cloned()
        .ok_or_else(|| {
            error::status(
                Code::Internal,
                ErrorReason::Internal,
                "the request has no caller",
            )
        })
}
