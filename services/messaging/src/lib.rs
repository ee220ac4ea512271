//! Messages, conversations and requests.
//!
//! Promises: a message is stored only by a decision made with every fact at hand, and answered
//! only after its commit; the same `client_message_id` never stores twice; the messages of a
//! conversation are numbered 1, 2, 3 … without gaps. Deciding is `postern-policy`, gathering what
//! it needs is `peers`, committing is `store`; they never mix.

mod commit;
mod config;
mod domain;
mod error;
mod expiry;
mod peers;
mod rpc;
mod store;

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use postern_proto::{
    messaging::v1::{
        consent_service_server::ConsentServiceServer,
        conversation_service_server::ConversationServiceServer,
        message_service_server::MessageServiceServer,
        moderation_service_server::ModerationServiceServer,
        request_service_server::RequestServiceServer,
    },
    policy::v1::fence_service_server::FenceServiceServer,
};
use postern_shared::{
    caller::ServiceName,
    config::{Limits, Source},
    db::Db,
    run::{Builder, Context, Parts, REQUEST_BYTES_MAX, Service, StartError},
};

use crate::{
    commit::Committers,
    config::Config,
    domain::MarkKey,
    expiry::Expiry,
    peers::{Counts, Owners},
    rpc::Rpc,
    store::Store,
};

/// How often old records are removed.
const PURGE_EVERY: Duration = Duration::from_secs(3_600);

/// By what name the key of the marks of texts is derived.
const MARK_KEY: &str = "messaging.stranger_text";

/// The service, to be run.
#[must_use]
pub fn service() -> Service {
    Service {
        name: ServiceName::Messaging,
        migrations: store::MIGRATIONS,
        commands: &[],
        configure,
    }
}

/// The service with commits that look at no fence: what a proof must catch. It breaks the promise
/// that this service exists for, and must not serve anybody.
#[cfg(feature = "unguarded")]
#[must_use]
pub fn unguarded() -> Service {
    Service {
        configure: |source| {
            let config = Config::read(source);
            let store = |db| Store::new(db).under(store::Guard::OFF);
            Box::new(move |context| build(config, context, store).boxed())
        },
        ..service()
    }
}

fn configure(source: &mut Source) -> Builder {
    let config = Config::read(source);
    Box::new(move |context| build(config, context, Store::new).boxed())
}

async fn build(
    mut config: Config,
    context: Context,
    store: fn(Db) -> Store,
) -> Result<Parts, StartError> {
    if context.limits == Limits::Off {
        config = config.without_limits();
    }
    let mark_key = MarkKey::new(&context.key_for(MARK_KEY));
    let store = store(context.db);
    let expiry = (config.request_expiry)
        .map(|after| Expiry::new(store.clone(), context.clock.clone(), after));
    let purger = (store.clone(), context.clock.clone(), config.refusals_kept);
    let counts = Counts::new(&context.meter);
    let rpc = Arc::new(Rpc {
        owners: Owners::new(&context.peers, config.keeping, &context.clock, &counts)?,
        committers: Committers::start(&store, config.committers),
        store,
        clock: context.clock,
        random: context.random,
        pager: context.pager,
        counts,
        mark_key,
        config,
    });
    let messages = MessageServiceServer::from_arc(Arc::clone(&rpc));
    let conversations = ConversationServiceServer::from_arc(Arc::clone(&rpc));
    let requests = RequestServiceServer::from_arc(Arc::clone(&rpc));
    let consents = ConsentServiceServer::from_arc(Arc::clone(&rpc));
    let moderation = ModerationServiceServer::from_arc(Arc::clone(&rpc));
    let fences = FenceServiceServer::from_arc(rpc);
    let mut parts = Parts::new();
    if let Some(expiry) = expiry {
        parts = parts.every(expiry::EVERY, move || {
            let expiry = Arc::clone(&expiry);
            async move { expiry.run().await }
        });
    }
    Ok(parts
        .public(messages.max_decoding_message_size(REQUEST_BYTES_MAX))
        .public(conversations.max_decoding_message_size(REQUEST_BYTES_MAX))
        .public(requests.max_decoding_message_size(REQUEST_BYTES_MAX))
        .public(consents.max_decoding_message_size(REQUEST_BYTES_MAX))
        .public(moderation.max_decoding_message_size(REQUEST_BYTES_MAX))
        .internal(fences.max_decoding_message_size(REQUEST_BYTES_MAX))
        .every(PURGE_EVERY, move || {
            let (store, clock, kept) = purger.clone();
            async move {
                let now = clock.now();
                let refusals = store.purge_refusals(now.minus(kept)).await;
                let strangers = store.purge_strangers(now).await;
                for error in [refusals, strangers].into_iter().filter_map(Result::err) {
                    tracing::warn!(%error, "old records were not removed");
                }
            }
        }))
}
