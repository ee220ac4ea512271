//! What people chose about their messages: who may write to them, what is filtered out, what is
//! shown and notified.
//!
//! Promises: a value and its version are always of the same moment; the version rises by 1 with
//! every actual change and never otherwise; nobody's settings are guessed, so that where the
//! default cannot be known the call fails; a birthday widens nothing; and what a change closes is
//! raised at messaging before the change is acknowledged as enforced.

mod config;
mod domain;
mod error;
mod peers;
mod rpc;
mod store;

use std::time::Duration;

use futures_util::FutureExt as _;
use postern_proto::settings::v1::{
    dm_policy_service_server::DmPolicyServiceServer, settings_service_server::SettingsServiceServer,
};
use postern_shared::{
    caller::ServiceName,
    clock::Clock,
    config::Source,
    error::chain,
    fence::{self, Fences},
    run::{Builder, Context, Parts, REQUEST_BYTES_MAX, Service, StartError},
};

use crate::{
    config::{CHANGES_KEPT, Config},
    peers::Identity,
    rpc::Rpc,
    store::Store,
};

/// How often old records of changes are removed.
const PURGE_EVERY: Duration = Duration::from_secs(3_600);

/// The settings service, to be run alone or with the others.
#[must_use]
pub fn service() -> Service {
    Service {
        name: ServiceName::Settings,
        migrations: store::MIGRATIONS,
        commands: &[],
        configure,
    }
}

fn configure(source: &mut Source) -> Builder {
    let config = Config::read(source);
    Box::new(move |context| build(config, context).boxed())
}

async fn build(config: Config, context: Context) -> Result<Parts, StartError> {
    let identity = context.peers.get(ServiceName::Identity)?;
    let messaging = context.peers.get(ServiceName::Messaging)?;
    let raised_at = vec![(ServiceName::Messaging, messaging)];
    let fences = Fences::new(ServiceName::Settings, context.db.clone(), raised_at);
    let store = Store::new(context.db, context.random);
    let (relay, purged, clock) = (fences.clone(), store.clone(), context.clock.clone());
    let rpc = Rpc {
        store,
        identity: Identity::new(identity, config.origins_max, context.clock.clone()),
        fences,
        pager: context.pager,
        clock: context.clock,
    };
    let settings =
        SettingsServiceServer::new(rpc.clone()).max_decoding_message_size(REQUEST_BYTES_MAX);
    let dm_policy = DmPolicyServiceServer::new(rpc).max_decoding_message_size(REQUEST_BYTES_MAX);
    Ok(Parts::new()
        .public(settings)
        .internal(dm_policy)
        .every(fence::RELAY_PERIOD, move || {
            let relay = relay.clone();
            async move { relay.relay().await }
        })
        .every(PURGE_EVERY, move || purge(purged.clone(), clock.clone())))
}

async fn purge(store: Store, clock: Clock) {
    let before = clock.now().minus(CHANGES_KEPT);
    if let Err(error) = store.purge_changes(before).await {
        tracing::warn!(
            error = chain(&error),
            "old records of changes were not removed; the next run tries again"
        );
    }
}
