//! One person's sign-in, and calls in their name.
//!
//! It promises a token that is good for the call: renewed before it expires, one renewal at a
//! time for each person because refresh tokens work once, and signed in again where a renewal is
//! refused. Tokens and passwords are never printed.

use std::time::Duration;

use postern_proto::identity::v1::account_service_client::AccountServiceClient;
use postern_proto::identity::v1::session_service_client::SessionServiceClient;
use postern_proto::identity::v1::{
    CreateAccountRequest, CreateSessionRequest, CreateSessionResponse, RefreshSessionRequest,
    Tokens,
};
use tokio::sync::{Mutex, SemaphorePermit};
use tokio::time::Instant;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use crate::connect::Client;
use crate::error::CallError;
use crate::names::Names;
use crate::replicas::Replicas;
use crate::retry::attempt;

/// How long an access token is used: 2 minutes less than the 10 that the contract gives it.
/// Counted from its arrival, so that the two clocks need not agree.
const ACCESS_TOKEN_USE: Duration = Duration::from_secs(8 * 60);
/// Old enough to write to anyone.
const BIRTH_DATE: &str = "1990-01-01";

/// One person of the trace, signed in.
pub struct Session {
    /// The person's index in the plan.
    pub person: usize,
    /// The person's handle.
    pub handle: String,
    /// The id that the server gave.
    pub user_id: String,
    held: Mutex<Held>,
}

/// The tokens of the moment.
struct Held {
    bearer: MetadataValue<Ascii>,
    refresh_token: String,
    renew_at: Instant,
}

impl Session {
    /// Registers the person, unless an earlier run did, and signs in.
    ///
    /// # Errors
    /// When either is refused or patience ends.
    pub async fn open(client: &Client, person: usize, handle: String) -> Result<Self, CallError> {
        register(client, person, &handle).await?;
        let answer = sign_in(client, &handle).await?;
        let held = Held::new("CreateSession", &handle, answer.tokens)?;
        Ok(Self {
            person,
            handle,
            user_id: answer.user_id,
            held: Mutex::new(held),
        })
    }

    /// Makes a call in the person's name, as often as it takes.
    ///
    /// # Errors
    /// The last failure, when it will not pass or patience has ended.
    pub async fn call<M, R, F, Fut>(
        &self,
        client: &Client,
        replicas: &Replicas,
        rpc: &'static str,
        message: &M,
        send: F,
    ) -> Result<R, CallError>
    where
        M: Clone,
        F: Fn(Channel, Request<M>) -> Fut,
        Fut: Future<Output = Result<Response<R>, Status>>,
    {
        let mut attempts = client.retry.begin(replicas, rpc, &self.handle);
        // Refused twice in a row means that a fresh token does not help.
        let mut renewed = false;
        loop {
            let bearer = self.bearer(client).await?;
            let mut request = Request::new(message.clone());
            request
                .metadata_mut()
                .insert("authorization", bearer.clone());
            let connection = attempts.connection();
            match attempt(request, |request| send(connection, request)).await {
                Ok(answer) => return Ok(answer),
                Err(status) if status.code() == Code::Unauthenticated && !renewed => {
                    renewed = true;
                    self.replace(client, &bearer).await?;
                }
                Err(status) => {
                    attempts.again_after(status).await?;
                    renewed = false;
                }
            }
        }
    }

    /// A token that has not expired.
    async fn bearer(&self, client: &Client) -> Result<MetadataValue<Ascii>, CallError> {
        let mut held = self.held.lock().await;
        if Instant::now() >= held.renew_at {
            self.renew(client, &mut held).await?;
        }
        Ok(held.bearer.clone())
    }

    /// Renews a token that was refused, unless another call already did.
    async fn replace(
        &self,
        client: &Client,
        refused: &MetadataValue<Ascii>,
    ) -> Result<(), CallError> {
        let mut held = self.held.lock().await;
        if held.bearer == *refused {
            self.renew(client, &mut held).await?;
        }
        Ok(())
    }

    async fn renew(&self, client: &Client, held: &mut Held) -> Result<(), CallError> {
        const RPC: &str = "RefreshSession";
        let message = RefreshSessionRequest {
            refresh_token: held.refresh_token.clone(),
        };
        let refresh = |connection, request| async move {
            let mut sessions = SessionServiceClient::new(connection);
            sessions.refresh_session(request).await
        };
        let renewed = client
            .retry
            .call(&client.identity, RPC, &self.handle, &message, refresh)
            .await;
        let tokens = match renewed {
            Ok(answer) => answer.tokens,
            // Also after a first attempt that rotated the token and whose answer was lost for
            // longer than the server remembers it: that ends the session, not the person.
            Err(error) if error.code() == Code::Unauthenticated => {
                sign_in(client, &self.handle).await?.tokens
            }
            Err(error) => return Err(error),
        };
        *held = Held::new(RPC, &self.handle, tokens)?;
        Ok(())
    }
}

impl Held {
    fn new(rpc: &'static str, handle: &str, tokens: Option<Tokens>) -> Result<Self, CallError> {
        let broken = |what| CallError::broken(rpc, handle, what);
        let tokens = tokens.ok_or_else(|| broken("the answer carries no tokens"))?;
        let bearer = MetadataValue::try_from(format!("Bearer {}", tokens.access_token));
        let mut bearer = bearer.map_err(|_| broken("the access token cannot be sent back"))?;
        bearer.set_sensitive(true);
        let renew_at = Instant::now() + ACCESS_TOKEN_USE;
        Ok(Self {
            bearer,
            refresh_token: tokens.refresh_token,
            renew_at,
        })
    }
}

async fn register(client: &Client, person: usize, handle: &str) -> Result<(), CallError> {
    let _permit = hash(client).await;
    let message = CreateAccountRequest {
        handle: handle.to_owned(),
        display_name: format!("Person {person} of a trace"),
        password: Names::password(handle),
        birth_date: BIRTH_DATE.to_owned(),
        ..Default::default()
    };
    let create = |connection, request| async move {
        let mut accounts = AccountServiceClient::new(connection);
        accounts.create_account(request).await
    };
    let created = client
        .retry
        .call(&client.identity, "CreateAccount", handle, &message, create)
        .await;
    match created {
        // An earlier run, or an earlier attempt whose answer was lost.
        Err(error) if error.code() == Code::AlreadyExists => Ok(()),
        answer => answer.map(|_| ()),
    }
}

async fn sign_in(client: &Client, handle: &str) -> Result<CreateSessionResponse, CallError> {
    let _permit = hash(client).await;
    let message = CreateSessionRequest {
        handle: handle.to_owned(),
        password: Names::password(handle),
        device_name: "postern-load".to_owned(),
    };
    let create = |connection, request| async move {
        let mut sessions = SessionServiceClient::new(connection);
        sessions.create_session(request).await
    };
    client
        .retry
        .call(&client.identity, "CreateSession", handle, &message, create)
        .await
}

/// Waits until another call may cost the server a password hash.
async fn hash(client: &Client) -> SemaphorePermit<'_> {
    client
        .hashing
        .acquire()
        .await
        .expect("nobody closes this semaphore")
}
