//! Registers and signs in everyone who takes part.
//!
//! It promises one session a person, in the order in which they are given, and few calls at a
//! time: each costs the server a password hash.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::connect::Client;
use crate::error::CallError;
use crate::names::Names;
use crate::progress::Phase;
use crate::session::Session;

/// Opens the sessions.
///
/// # Errors
/// At the first person who can be neither registered nor signed in.
pub async fn open(
    client: &Client,
    users: &[u32],
    names: &Names,
    phase: &Phase,
) -> Result<Vec<Session>, CallError> {
    let open = |(person, user): (usize, &u32)| {
        let handle = names.handle(*user);
        async move {
            let session = Session::open(client, person, handle).await?;
            phase.advance(client.retry.count());
            Ok(session)
        }
    };
    stream::iter(users.iter().enumerate().map(open))
        .buffered(client.hashing_calls_max())
        .try_collect()
        .await
}
