//! Asking the owners of facts: graph, settings, identity, in parallel, and remembering what they
//! said.
//!
//! Promises: an answer that cannot be understood (an unknown enum value, a missing part) counts as
//! no answer; nothing is ever filled in. Must not decide anything.

mod ask;
mod block;
mod gather;
mod ledger;
mod many;
mod metrics;
mod read;

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use postern_proto::{
    common::v1::ErrorReason,
    graph::v1::{
        graph_service_client::GraphServiceClient,
        relationship_service_client::RelationshipServiceClient,
    },
    identity::v1::{
        GetStandingRequest, RestrictAutomaticallyRequest,
        standing_facts_service_client::StandingFactsServiceClient,
    },
    settings::v1::dm_policy_service_client::DmPolicyServiceClient,
};
use postern_shared::{
    caller::{Caller, ServiceName},
    clock::{Clock, Timestamp},
    error::{Dependency, reason_of},
    fence::{Effect, Raise},
    handle::Handle,
    id::UserId,
    peer::Peer,
    person::Named,
    run::{Peers, StartError},
};

use ledger::{Ledger, Means, Tickets};
use read::{Account, Between, PairKey, Policy, in_order};

pub use gather::{Gathered, Need};
pub use metrics::{Counts, Round};

/// The owners, as clients, and what they said lately.
#[derive(Debug, Clone)]
pub struct Owners {
    graph: RelationshipServiceClient<Peer>,
    people: GraphServiceClient<Peer>,
    settings: DmPolicyServiceClient<Peer>,
    identity: StandingFactsServiceClient<Peer>,
    memory: Arc<Memory>,
}

/// How much of what the owners say is kept, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Keeping {
    /// How many people's settings, standings and handles, each.
    pub people: u64,
    /// How many pairs' relationships.
    pub pairs: u64,
    /// For how long; zero: not at all.
    pub max_age: Duration,
}

/// What the owners said lately.
#[derive(Debug)]
struct Memory {
    pairs: Ledger<PairKey, Between>,
    policies: Ledger<UserId, Policy>,
    accounts: Ledger<UserId, Account>,
    /// Whose handle it is: a handle is never another person's later.
    handles: Cache<Handle, UserId>,
    means: Means,
}

impl Memory {
    fn new(keeping: Keeping, clock: &Clock, counts: &Counts) -> Self {
        let means = Means {
            max_age: keeping.max_age,
            clock: clock.clone(),
            tickets: Tickets::default(),
            counts: counts.clone(),
        };
        let handles = if keeping.max_age.is_zero() {
            0
        } else {
            keeping.people
        };
        Self {
            pairs: Ledger::new(ServiceName::Graph, keeping.pairs, &means),
            policies: Ledger::new(ServiceName::Settings, keeping.people, &means),
            accounts: Ledger::new(ServiceName::Identity, keeping.people, &means),
            handles: Cache::builder()
                .max_capacity(handles)
                .time_to_live(keeping.max_age)
                .build(),
            means,
        }
    }
}

impl Owners {
    /// Makes the clients.
    ///
    /// # Errors
    /// When an owner's address is missing.
    pub fn new(
        peers: &Peers,
        keeping: Keeping,
        clock: &Clock,
        counts: &Counts,
    ) -> Result<Self, StartError> {
        let owners = [
            peers.get(ServiceName::Graph)?,
            peers.get(ServiceName::Settings)?,
            peers.get(ServiceName::Identity)?,
        ];
        Ok(Self::of(owners, keeping, clock, counts))
    }

    /// Makes the clients of graph, settings and identity.
    pub fn of(owners: [Peer; 3], keeping: Keeping, clock: &Clock, counts: &Counts) -> Self {
        let [graph, settings, identity] = owners;
        Self {
            memory: Arc::new(Memory::new(keeping, clock, counts)),
            graph: RelationshipServiceClient::new(graph.clone()),
            people: GraphServiceClient::new(graph),
            settings: DmPolicyServiceClient::new(settings),
            identity: StandingFactsServiceClient::new(identity),
        }
    }

    /// Whose handle it is; none when nobody goes by it.
    ///
    /// # Errors
    /// When identity cannot be asked.
    pub async fn resolve(
        &self,
        caller: &Caller,
        handle: &Handle,
    ) -> Result<Option<UserId>, Dependency> {
        let person = Some(Named::Handle(handle.clone()).to_proto());
        let ask = caller.ask(GetStandingRequest {
            person,
            min_version: 0,
        });
        let unavailable = |status| Dependency::new(ServiceName::Identity, status);
        match self.identity.clone().get_standing(ask).await {
            Ok(response) => {
                let standing = response.into_inner().standing;
                let id = standing.and_then(|standing| standing.user_id.parse().ok());
                let broken = || unavailable(tonic::Status::data_loss("no user id in a standing"));
                let id = id.ok_or_else(broken)?;
                self.memory.handles.insert(handle.clone(), id).await;
                Ok(Some(id))
            }
            Err(status) if reason_of(&status) == Some(ErrorReason::AccountNotFound) => Ok(None),
            Err(status) => Err(unavailable(status)),
        }
    }

    /// Has identity keep a person from sending for a while, by a rule and with words for them.
    ///
    /// # Errors
    /// When identity cannot be asked or does not do it.
    pub async fn restrict(
        &self,
        caller: &Caller,
        user: UserId,
        until: Timestamp,
        rule: &str,
        explanation: String,
    ) -> Result<(), Dependency> {
        let ask = caller.ask(RestrictAutomaticallyRequest {
            user_id: user.to_string(),
            end_time: Some(until.to_proto()),
            rule: rule.to_owned(),
            explanation,
        });
        let restricted = self.identity.clone().restrict_automatically(ask).await;
        restricted.map_err(|status| Dependency::new(ServiceName::Identity, status))?;
        Ok(())
    }

    /// Who is named; none when nobody goes by the handle. An id is taken for what it is.
    ///
    /// # Errors
    /// When identity cannot be asked for a handle.
    pub async fn named(
        &self,
        caller: &Caller,
        person: &Named,
    ) -> Result<Option<UserId>, Dependency> {
        match person {
            Named::Id(id) => Ok(Some(*id)),
            Named::Handle(handle) => self.resolve(caller, handle).await,
        }
    }

    /// The same without asking, where it is known.
    pub async fn recalled(&self, person: &Named) -> Option<UserId> {
        match person {
            Named::Id(id) => Some(*id),
            Named::Handle(handle) => self.memory.handles.get(handle).await,
        }
    }

    /// Drops what a fence that was just raised makes useless. The commit would not take it anyway,
    /// and whoever decides sees the fence before: this only frees the room, and saves nothing else.
    /// Of a person's other pairs none is looked for.
    pub async fn raised(&self, owner: ServiceName, raise: Raise) {
        let (user, min) = (raise.user, [raise.version, 0]);
        match owner {
            ServiceName::Settings => self.memory.policies.forget_below(user, min).await,
            ServiceName::Identity => self.memory.accounts.forget_below(user, min).await,
            ServiceName::Graph => {
                if let Some(Effect::PeerBlocked(peer) | Effect::PeerUnblocked(peer)) = raise.effect
                {
                    let (pair, min) = in_order((user, raise.version), (peer, 0));
                    self.memory.pairs.forget_below(pair, min).await;
                }
            }
            ServiceName::Messaging => {}
        }
    }
}
