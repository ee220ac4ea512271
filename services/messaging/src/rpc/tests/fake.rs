//! The three owners as generated servers whose answers a test chooses, and the service that asks
//! them.

use std::{
    collections::{HashMap, HashSet},
    future,
    sync::{Arc, Mutex, OnceLock},
};

use futures_util::future::BoxFuture;
use postern_policy::REQUEST_MESSAGES_MAX;
use postern_proto::{
    common::v1::{ErrorReason, person_ref::Person},
    graph::v1::{
        BatchGetRelationshipsRequest, BatchGetRelationshipsResponse, GetRelationshipRequest,
        GetRelationshipResponse, Relationship,
        graph_service_server::GraphServiceServer,
        relationship_service_server::{RelationshipService, RelationshipServiceServer},
    },
    identity::v1::{
        BatchGetStandingRequest, BatchGetStandingResponse, GetStandingRequest, GetStandingResponse,
        RestrictAutomaticallyRequest, RestrictAutomaticallyResponse, Standing,
        standing_facts_service_server::{StandingFactsService, StandingFactsServiceServer},
    },
    policy::v1::{AgeBand, Enforcement, Lifecycle, WhoCanMessage},
    settings::v1::{
        BatchGetDmPoliciesRequest, BatchGetDmPoliciesResponse, DmPolicy, GetDmPolicyRequest,
        GetDmPolicyResponse,
        dm_policy_service_server::{DmPolicyService, DmPolicyServiceServer},
    },
};
use postern_shared::{
    caller::ServiceName,
    clock::Clock,
    error,
    id::UserId,
    page::Pager,
    peer::{LocalServer, Means, Peer},
    random::Random,
    telemetry::Telemetry,
};
use tonic::{Code, Request, Status, service::Routes};
use tower::util::BoxCloneSyncService;

use super::super::{Answer, Rpc};
use crate::{
    commit::Committers,
    config::Config,
    peers::Owners,
    store::{NOW, World},
};

/// How one owner misbehaves.
#[derive(Clone)]
pub enum Fault {
    Fails(Status),
    Never,
    Graph(fn(&mut GetRelationshipResponse)),
    Settings(fn(&mut BatchGetDmPoliciesResponse)),
    Identity(fn(&mut BatchGetStandingResponse)),
}

/// What happens while an answer of graph is on its way, told how many came before it.
pub type Meanwhile = Arc<dyn Fn(usize) -> BoxFuture<'static, ()> + Send + Sync>;

#[derive(Default)]
pub struct State {
    pub standings: HashMap<String, Standing>,
    pub policies: HashMap<String, DmPolicy>,
    pub handles: HashMap<String, UserId>,
    pub follows: HashSet<(String, String)>,
    pub blocks: HashSet<(String, String)>,
    /// Graph's versions; those who are not in here are at 5.
    pub versions: HashMap<String, u64>,
    pub faults: HashMap<ServiceName, Fault>,
    pub meanwhile: Option<Meanwhile>,
    /// What graph says of a block.
    pub enforcement: Enforcement,
    /// Whom messaging had somebody block.
    pub blocked: Vec<String>,
    /// How often graph was asked.
    pub graph_calls: usize,
}

#[derive(Clone, Default)]
pub struct Fake(Arc<Mutex<State>>);

impl Fake {
    pub fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    /// An active adult.
    pub fn person(&self, who: WhoCanMessage) -> UserId {
        let user = UserId::random(&Random::system());
        let standing = Standing {
            user_id: user.to_string(),
            lifecycle: Lifecycle::Active.into(),
            age_band: AgeBand::Adult.into(),
            version: 7,
            ..Standing::default()
        };
        self.with(|state| state.standings.insert(user.to_string(), standing));
        self.let_write(user, who);
        user
    }

    pub fn let_write(&self, user: UserId, who: WhoCanMessage) {
        let policy = DmPolicy {
            user_id: user.to_string(),
            who_can_message: who.into(),
            version: 6,
            ..DmPolicy::default()
        };
        self.with(|state| state.policies.insert(user.to_string(), policy));
    }

    pub fn befriend(&self, one: UserId, other: UserId) {
        let (one, other) = (one.to_string(), other.to_string());
        self.with(|state| {
            state.follows.insert((one.clone(), other.clone()));
            state.follows.insert((other, one));
        });
    }

    pub fn unfollow(&self, one: UserId, other: UserId, version: u64) {
        let edge = (one.to_string(), other.to_string());
        self.with(|state| {
            state.follows.remove(&edge);
            state.versions.insert(edge.0, version);
        });
    }

    pub fn block(&self, one: UserId, other: UserId) {
        let edge = (one.to_string(), other.to_string());
        self.with(|state| state.blocks.insert(edge));
    }

    /// How often messaging had somebody block a person.
    pub fn times_blocked(&self, person: UserId) -> usize {
        let person = person.to_string();
        self.with(|state| state.blocked.iter().filter(|id| **id == person).count())
    }

    pub fn breaks(&self, owner: ServiceName, fault: Fault) {
        self.with(|state| state.faults.insert(owner, fault));
    }

    pub fn heals(&self) {
        self.with(|state| state.faults.clear());
    }

    /// What happens while graph's answers are on their way, from now on.
    pub fn meanwhile<F, Fut>(&self, act: F)
    where
        F: Fn(usize) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.with(|state| {
            state.graph_calls = 0;
            state.meanwhile = Some(Arc::new(move |call| Box::pin(act(call))));
        });
    }

    pub fn graph_calls(&self) -> usize {
        self.with(|state| state.graph_calls)
    }

    pub(super) async fn fault(&self, owner: ServiceName) -> Result<Option<Fault>, Status> {
        match self.with(|state| state.faults.get(&owner).cloned()) {
            Some(Fault::Fails(status)) => Err(status),
            Some(Fault::Never) => future::pending().await,
            other => Ok(other),
        }
    }
}

#[tonic::async_trait]
impl RelationshipService for Fake {
    async fn get_relationship(
        &self,
        request: Request<GetRelationshipRequest>,
    ) -> Answer<GetRelationshipResponse> {
        let fault = self.fault(ServiceName::Graph).await?;
        let ask = request.into_inner();
        let (there, back) = (
            (ask.user_id.clone(), ask.peer_id.clone()),
            (ask.peer_id.clone(), ask.user_id.clone()),
        );
        let (relationship, meanwhile, call) = self.with(|state| {
            state.graph_calls += 1;
            let version = |user| state.versions.get(user).copied().unwrap_or(5);
            let relationship = Relationship {
                user_follows: state.follows.contains(&there),
                peer_follows: state.follows.contains(&back),
                user_blocks: state.blocks.contains(&there),
                peer_blocks: state.blocks.contains(&back),
                user_version: version(&ask.user_id),
                peer_version: version(&ask.peer_id),
                user_epoch: 1,
                peer_epoch: 1,
                user_id: ask.user_id,
                peer_id: ask.peer_id,
            };
            (relationship, state.meanwhile.clone(), state.graph_calls)
        });
        if let Some(meanwhile) = meanwhile {
            meanwhile(call).await;
        }
        let mut answer = GetRelationshipResponse {
            relationship: Some(relationship),
        };
        if let Some(Fault::Graph(garble)) = fault {
            garble(&mut answer);
        }
        Ok(answer.into())
    }

    async fn batch_get_relationships(
        &self,
        _: Request<BatchGetRelationshipsRequest>,
    ) -> Answer<BatchGetRelationshipsResponse> {
        Err(Status::unimplemented("messaging asks for one at a time"))
    }
}

#[tonic::async_trait]
impl DmPolicyService for Fake {
    async fn get_dm_policy(&self, _: Request<GetDmPolicyRequest>) -> Answer<GetDmPolicyResponse> {
        Err(Status::unimplemented("messaging asks for two at a time"))
    }

    async fn batch_get_dm_policies(
        &self,
        request: Request<BatchGetDmPoliciesRequest>,
    ) -> Answer<BatchGetDmPoliciesResponse> {
        let fault = self.fault(ServiceName::Settings).await?;
        let ids = request.into_inner().user_ids;
        let found = |id| self.with(|state| state.policies.get(id).cloned());
        let policies = ids.iter().filter_map(found).collect();
        let mut answer = BatchGetDmPoliciesResponse { policies };
        if let Some(Fault::Settings(garble)) = fault {
            garble(&mut answer);
        }
        Ok(answer.into())
    }
}

#[tonic::async_trait]
impl StandingFactsService for Fake {
    async fn restrict_automatically(
        &self,
        _: Request<RestrictAutomaticallyRequest>,
    ) -> Answer<RestrictAutomaticallyResponse> {
        Err(Status::unimplemented("nobody is restricted here"))
    }

    async fn get_standing(
        &self,
        request: Request<GetStandingRequest>,
    ) -> Answer<GetStandingResponse> {
        self.fault(ServiceName::Identity).await?;
        let Some(Person::Handle(handle)) = request.into_inner().person.unwrap().person else {
            panic!("messaging looks up handles alone");
        };
        if handle == "proxy" {
            return Err(Status::not_found("something in between speaks"));
        }
        if handle == "broken" {
            return Ok(GetStandingResponse::default().into());
        }
        let standing = self.with(|state| {
            let user = state.handles.get(&handle)?;
            state.standings.get(&user.to_string()).cloned()
        });
        let missing = || error::status(Code::NotFound, ErrorReason::AccountNotFound, "nobody");
        let standing = Some(standing.ok_or_else(missing)?);
        Ok(GetStandingResponse { standing }.into())
    }

    async fn batch_get_standing(
        &self,
        request: Request<BatchGetStandingRequest>,
    ) -> Answer<BatchGetStandingResponse> {
        let fault = self.fault(ServiceName::Identity).await?;
        let ids = request.into_inner().user_ids;
        let found = |id| self.with(|state| state.standings.get(id).cloned());
        let standings = ids.iter().filter_map(found).collect();
        let mut answer = BatchGetStandingResponse { standings };
        if let Some(Fault::Identity(garble)) = fault {
            garble(&mut answer);
        }
        Ok(answer.into())
    }
}

/// The service on an empty database, its owners, and a clock that stands still.
pub async fn service() -> (Arc<World>, Arc<Rpc>, Fake) {
    let world = World::new().await;
    let fake = Fake::default();
    let means = Means::new(Telemetry::without_logs().unwrap().rpc(), Random::system());
    let peer = |name, server: LocalServer| {
        let slot = Arc::new(OnceLock::new());
        assert!(slot.set(server).is_ok());
        Peer::local(ServiceName::Messaging, name, slot, &means)
    };
    let graph = Routes::new(RelationshipServiceServer::new(fake.clone()));
    let graph = graph.add_service(GraphServiceServer::new(fake.clone()));
    let graph = BoxCloneSyncService::new(graph);
    let settings = BoxCloneSyncService::new(DmPolicyServiceServer::new(fake.clone()));
    let identity = BoxCloneSyncService::new(StandingFactsServiceServer::new(fake.clone()));
    let random = Random::system();
    let rpc = Rpc {
        owners: Owners::of(
            peer(ServiceName::Graph, graph),
            peer(ServiceName::Settings, settings),
            peer(ServiceName::Identity, identity),
        ),
        committers: Committers::start(&world.store, 1),
        store: world.store.clone(),
        clock: Clock::manual(NOW),
        pager: Arc::new(Pager::new(&[7; 32], random.clone())),
        random,
        config: Config {
            request_messages_max: REQUEST_MESSAGES_MAX,
            decline_cool_down: std::time::Duration::from_secs(60),
            refusals_kept: std::time::Duration::from_secs(60),
            unsend_window: Some(std::time::Duration::from_secs(180)),
            request_expiry: None,
            committers: 1,
        },
    };
    (Arc::new(world), Arc::new(rpc), fake)
}
