//! The social graph: who follows and who blocks whom.
//!
//! It promises that
//! - every change is one transaction and idempotent: doing again what is so changes nothing;
//! - no follow in either direction exists while either of two people blocks the other;
//! - what lies between two people is read in one statement, with the versions it belongs to;
//! - epochs and versions never fall;
//! - towards someone whom a person blocks, that person is a gone account, here as in every list;
//! - what a change closes is raised at messaging before the change is acknowledged as enforced.
//!
//! It has no settings of its own: the sizes of its pages are part of the contract.

mod config;
mod domain;
mod error;
mod rpc;
mod store;

use futures_util::FutureExt as _;
use postern_proto::{
    graph::v1::{
        graph_service_server::GraphServiceServer,
        relationship_service_server::RelationshipServiceServer,
    },
    identity::v1::standing_facts_service_client::StandingFactsServiceClient,
    policy::v1::presence_service_server::PresenceServiceServer,
};
use postern_shared::{
    caller::ServiceName,
    config::Source,
    fence::{self, Fences},
    run::{Builder, Context, Parts, REQUEST_BYTES_MAX, Service, StartError},
};

use crate::{rpc::Rpc, store::Store};

/// The graph service, to be run.
#[must_use]
pub fn service() -> Service {
    Service {
        name: ServiceName::Graph,
        migrations: store::MIGRATIONS,
        commands: &[],
        configure,
    }
}

fn configure(_: &mut Source) -> Builder {
    Box::new(|context| build(context).boxed())
}

async fn build(context: Context) -> Result<Parts, StartError> {
    let identity = context.peers.get(ServiceName::Identity)?;
    let messaging = context.peers.get(ServiceName::Messaging)?;
    let raised_at = vec![(ServiceName::Messaging, messaging)];
    let fences = Fences::new(ServiceName::Graph, context.db.clone(), raised_at);
    let relay = fences.clone();
    let rpc = Rpc {
        store: Store::new(context.db),
        identity: StandingFactsServiceClient::new(identity),
        fences,
        pager: context.pager,
        clock: context.clock,
        random: context.random,
    };
    let people = GraphServiceServer::new(rpc.clone());
    let people = people.max_decoding_message_size(REQUEST_BYTES_MAX);
    let services = RelationshipServiceServer::new(rpc.clone());
    let presence = PresenceServiceServer::new(rpc);
    Ok(Parts::new()
        .public(people.clone())
        // Messaging blocks in the name of a person who declines and blocks.
        .internal(people)
        .internal(services.max_decoding_message_size(REQUEST_BYTES_MAX))
        .internal(presence.max_decoding_message_size(REQUEST_BYTES_MAX))
        .every(fence::RELAY_PERIOD, move || {
            let relay = relay.clone();
            async move { relay.relay().await }
        }))
}
