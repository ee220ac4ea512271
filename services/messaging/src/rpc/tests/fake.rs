//! The three owners as generated servers whose answers a test chooses, and the service that asks
//! them.

use std::{
    collections::{HashMap, HashSet},
    future,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
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
        RestrictAutomaticallyRequest, RestrictAutomaticallyResponse, Sanction, Standing,
        standing_facts_service_server::{StandingFactsService, StandingFactsServiceServer},
    },
    policy::v1::{AccountKind, AgeBand, Enforcement, Lifecycle, SanctionKind, WhoCanMessage},
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
use tokio::sync::Barrier;
use tonic::{Code, Request, Status, service::Routes};
use tower::util::BoxCloneSyncService;

use super::super::{Answer, Rpc};
use crate::{
    commit::Committers,
    config::Config,
    domain::MarkKey,
    peers::Owners,
    store::{NOW, World},
};

/// The age of everybody's account.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How one owner misbehaves.
#[derive(Clone)]
pub enum Fault {
    Fails(Status),
    Never,
    Graph(fn(&mut GetRelationshipResponse)),
    Graphs(fn(&mut BatchGetRelationshipsResponse)),
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
    /// Epochs of directed pairs; those that are not in here are at 1.
    pub epochs: HashMap<(String, String), u64>,
    pub faults: HashMap<ServiceName, Fault>,
    pub meanwhile: Option<Meanwhile>,
    /// Every automatic restriction that identity was asked for, done or not.
    pub restrictions: Vec<RestrictAutomaticallyRequest>,
    pub restricting_fails: Option<Status>,
    /// What graph says of a block.
    pub enforcement: Enforcement,
    /// Whom messaging had somebody block.
    pub blocked: Vec<String>,
    /// How often graph was asked.
    pub graph_calls: usize,
    /// Where questions to graph about many people wait for each other.
    pub meeting: Option<Arc<Barrier>>,
}

impl State {
    /// Everything between two people.
    fn relationship(&self, user_id: String, peer_id: String) -> Relationship {
        let (there, back) = (
            (user_id.clone(), peer_id.clone()),
            (peer_id.clone(), user_id.clone()),
        );
        let version = |user| self.versions.get(user).copied().unwrap_or(5);
        let epoch = |pair| self.epochs.get(pair).copied().unwrap_or(1);
        Relationship {
            user_follows: self.follows.contains(&there),
            peer_follows: self.follows.contains(&back),
            user_blocks: self.blocks.contains(&there),
            peer_blocks: self.blocks.contains(&back),
            user_version: version(&user_id),
            peer_version: version(&peer_id),
            user_epoch: epoch(&there),
            peer_epoch: epoch(&back),
            user_id,
            peer_id,
        }
    }
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
            kind: AccountKind::Personal.into(),
            create_time: Some(NOW.minus(YEAR).to_proto()),
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
        let (relationship, meanwhile, call) = self.with(|state| {
            state.graph_calls += 1;
            let relationship = state.relationship(ask.user_id, ask.peer_id);
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
        request: Request<BatchGetRelationshipsRequest>,
    ) -> Answer<BatchGetRelationshipsResponse> {
        let fault = self.fault(ServiceName::Graph).await?;
        let ask = request.into_inner();
        assert!(
            (1..=100).contains(&ask.peer_ids.len()),
            "graph takes 1 to 100"
        );
        if let Some(meeting) = self.with(|state| state.meeting.clone()) {
            meeting.wait().await;
        }
        let relationships = self.with(|state| {
            let peers = ask.peer_ids.into_iter();
            let between = peers.map(|peer| state.relationship(ask.user_id.clone(), peer));
            between.collect()
        });
        let mut answer = BatchGetRelationshipsResponse { relationships };
        if let Some(Fault::Graphs(garble)) = fault {
            garble(&mut answer);
        }
        Ok(answer.into())
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
        request: Request<RestrictAutomaticallyRequest>,
    ) -> Answer<RestrictAutomaticallyResponse> {
        let ask = request.into_inner();
        let sanction = Some(Sanction {
            kind: SanctionKind::SendRestricted.into(),
            end_time: ask.end_time,
        });
        self.with(|state| {
            state.restrictions.push(ask.clone());
            if let Some(status) = state.restricting_fails.clone() {
                return Err(status);
            }
            let standing = state.standings.get_mut(&ask.user_id).unwrap();
            standing.sanction = sanction;
            Ok(RestrictAutomaticallyResponse { sanction }.into())
        })
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

/// The service on an empty database, its owners, and a clock that stands still. No budget holds.
pub async fn service() -> (Arc<World>, Arc<Rpc>, Fake) {
    service_with(|_| {}).await
}

/// The same with some settings of its own.
pub async fn service_with(change: impl FnOnce(&mut Config)) -> (Arc<World>, Arc<Rpc>, Fake) {
    let world = Arc::new(World::new().await);
    let fake = Fake::default();
    let rpc = replica(&world, &fake, &Clock::manual(NOW), change);
    (world, rpc, fake)
}

/// One of several processes that serve one database.
pub fn replica(
    world: &World,
    fake: &Fake,
    clock: &Clock,
    change: impl FnOnce(&mut Config),
) -> Arc<Rpc> {
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
    let mut config = Config {
        request_messages_max: REQUEST_MESSAGES_MAX,
        decline_cool_down: Duration::from_secs(60),
        refusals_kept: Duration::from_secs(60),
        unsend_window: Some(Duration::from_secs(180)),
        request_expiry: None,
        committers: 1,
        budgets: None,
        same_text_strangers: None,
        restrict_after_strangers: 0,
        restrict_for: Duration::from_secs(60),
    };
    change(&mut config);
    Arc::new(Rpc {
        owners: Owners::of(
            peer(ServiceName::Graph, graph),
            peer(ServiceName::Settings, settings),
            peer(ServiceName::Identity, identity),
        ),
        committers: Committers::start(&world.store, config.committers),
        store: world.store.clone(),
        clock: clock.clone(),
        pager: Arc::new(Pager::new(&[7; 32], random.clone())),
        mark_key: MarkKey::new(&[7; 32]),
        random,
        config,
    })
}
