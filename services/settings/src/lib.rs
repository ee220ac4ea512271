//! What people chose about their messages: who may write to them, what is filtered out, what is
//! shown and notified.
//!
//! Promises: a value and its version are always of the same moment; the version rises by 1 with
//! every actual change and never otherwise; nobody's settings are guessed, so that where the
//! default cannot be known the call fails; and a birthday widens nothing.

mod config;
mod domain;
mod error;
mod peers;
mod rpc;
mod store;

use futures_util::FutureExt as _;
use postern_proto::settings::v1::{
    dm_policy_service_server::DmPolicyServiceServer, settings_service_server::SettingsServiceServer,
};
use postern_shared::{
    caller::ServiceName,
    config::Source,
    run::{Builder, Context, Parts, REQUEST_BYTES_MAX, Service, StartError},
};

use crate::{config::Config, peers::Identity, rpc::Rpc, store::Store};

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
    let rpc = Rpc::new(
        Store::new(context.db),
        Identity::new(identity, config.origins_max),
        context.clock,
    );
    let settings =
        SettingsServiceServer::new(rpc.clone()).max_decoding_message_size(REQUEST_BYTES_MAX);
    let dm_policy = DmPolicyServiceServer::new(rpc).max_decoding_message_size(REQUEST_BYTES_MAX);
    Ok(Parts::new().public(settings).internal(dm_policy))
}
