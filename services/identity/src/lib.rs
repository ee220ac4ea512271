//! Identity: who there is, who is signed in, and what the other services need to know of a person.
//!
//! Promises: a handle belongs to one account; a password is kept as an argon2id hash alone and a
//! refresh token as a SHA-256 hash alone; nobody can tell an unknown handle from a wrong password,
//! nor an account that blocks them, or is gone, from one that does not exist; a standing and its
//! version come out of one statement; lifecycle and sanctions do not change each other; whatever
//! is done about an account is on record, and told to those who keep its fence. It asks graph who
//! blocks whom, and nobody else anything.

mod attempts;
mod commands;
mod config;
mod domain;
mod error;
mod hashing;
mod rpc;
mod store;

use std::{io, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use postern_proto::{
    graph::v1::relationship_service_client::RelationshipServiceClient,
    identity::v1::{
        account_service_server::AccountServiceServer, session_service_server::SessionServiceServer,
        standing_facts_service_server::StandingFactsServiceServer,
        standing_service_server::StandingServiceServer,
    },
};
use postern_shared::{
    caller::ServiceName,
    clock::Clock,
    config::{Limits, Source},
    error::chain,
    fence::{self, Fences},
    run::{self, Builder, Context, Parts, Service, StartError},
};

use crate::{attempts::FailedSignIns, config::Config, hashing::Hasher, rpc::Rpc, store::Store};

/// How often what is of no use any more is removed.
const PURGE_PERIOD: Duration = Duration::from_secs(60 * 60);

/// How often actions are looked for whose time is over.
const SETTLE_PERIOD: Duration = Duration::from_secs(1);

/// Identity, to be handed to [`run`].
#[must_use]
pub fn service() -> Service {
    Service {
        name: ServiceName::Identity,
        migrations: store::MIGRATIONS,
        commands: commands::COMMANDS,
        configure,
    }
}

fn configure(source: &mut Source) -> Builder {
    let config = Config::read(source);
    Box::new(move |context| build(config, context).boxed())
}

async fn build(config: Config, context: Context) -> Result<Parts, StartError> {
    let store = Store::new(context.db.clone());
    let graph = context.peers.get(ServiceName::Graph)?;
    let messaging = context.peers.get(ServiceName::Messaging)?;
    let fences = Fences::new(
        ServiceName::Identity,
        context.db.clone(),
        vec![
            (ServiceName::Messaging, messaging),
            (ServiceName::Graph, graph.clone()),
        ],
    );
    let hasher = Hasher::new(context.limits, context.random.clone())
        .await
        .map_err(|error| StartError::System("hash a password", io::Error::other(error)))?;
    let failed_sign_ins = match context.limits {
        Limits::Default => Some(FailedSignIns::new(
            config.failed_sign_ins_max,
            &context.random,
        )),
        Limits::Off => None,
    };
    let rpc = Arc::new(Rpc {
        config,
        store: store.clone(),
        hasher,
        failed_sign_ins,
        graph: RelationshipServiceClient::new(graph),
        fences: fences.clone(),
        signing_key: context.signing_key()?,
        pager: context.pager,
        clock: context.clock.clone(),
        random: context.random,
    });
    let accounts = AccountServiceServer::from_arc(Arc::clone(&rpc));
    let sessions = SessionServiceServer::from_arc(Arc::clone(&rpc));
    let sessions = sessions.max_decoding_message_size(run::REQUEST_BYTES_MAX);
    let standing = StandingServiceServer::from_arc(Arc::clone(&rpc));
    let facts = StandingFactsServiceServer::from_arc(rpc);
    let (clock, settled) = (context.clock.clone(), store.clone());
    Ok(Parts::new()
        .public(accounts.max_decoding_message_size(run::REQUEST_BYTES_MAX))
        .public(sessions.clone())
        .public(standing.max_decoding_message_size(run::REQUEST_BYTES_MAX))
        // The other services fetch the keys for access tokens here.
        .internal(sessions)
        .internal(facts.max_decoding_message_size(run::REQUEST_BYTES_MAX))
        .every(fence::RELAY_PERIOD, move || {
            let fences = fences.clone();
            async move { fences.relay().await }
        })
        .every(SETTLE_PERIOD, move || {
            settle(settled.clone(), clock.clone())
        })
        .every(PURGE_PERIOD, move || {
            purge(store.clone(), context.clock.clone())
        }))
}

async fn settle(store: Store, clock: Clock) {
    match store.settle(clock.now()).await {
        Ok(0) => {}
        Ok(actions) => tracing::info!(actions, "actions ended by themselves"),
        Err(error) => tracing::warn!(
            error = chain(&error),
            "actions that ended could not be settled; the next run tries again"
        ),
    }
}

async fn purge(store: Store, clock: Clock) {
    match store.purge(clock.now()).await {
        Ok(purged) => tracing::debug!(
            tokens = purged.tokens,
            sessions = purged.sessions,
            "removed what ended long ago"
        ),
        Err(error) => tracing::warn!(
            error = chain(&error),
            "what ended long ago could not be removed; the next run tries again"
        ),
    }
}
