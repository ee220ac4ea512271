//! The three owners as generated servers whose answers a test chooses, and the service that asks
//! them.

mod owners;

use std::{
    collections::{HashMap, HashSet},
    future,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use futures_util::future::BoxFuture;
use postern_policy::REQUEST_MESSAGES_MAX;
use postern_proto::{
    common::v1::ErrorReason,
    graph::v1::{
        BatchGetRelationshipsResponse, GetRelationshipResponse, Relationship,
        graph_service_server::GraphServiceServer,
        relationship_service_server::RelationshipServiceServer,
    },
    identity::v1::{
        BatchGetStandingResponse, GetStandingResponse, RestrictAutomaticallyRequest, Standing,
        standing_facts_service_server::StandingFactsServiceServer,
    },
    policy::v1::{AccountKind, AgeBand, Enforcement, Lifecycle, WhoCanMessage},
    settings::v1::{
        BatchGetDmPoliciesResponse, DmPolicy, GetDmPolicyResponse,
        dm_policy_service_server::DmPolicyServiceServer,
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
use tonic::{Code, Status, service::Routes};
use tower::util::BoxCloneSyncService;

use super::super::Rpc;
use crate::{
    commit::Committers,
    config::Config,
    domain::MarkKey,
    peers::{Counts, Keeping, Owners},
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
    /// Of settings about one person.
    Policy(fn(&mut GetDmPolicyResponse)),
    /// Of identity about one person.
    Standing(fn(&mut GetStandingResponse)),
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
    /// How often each was asked for facts, or whose handle it is.
    pub calls: HashMap<ServiceName, usize>,
    /// The lowest version that would do, wherever one was told.
    pub told_min: Vec<(ServiceName, UserId, u64)>,
    /// Nobody minds what version would do.
    pub ignores_min: bool,
    telemetry: Option<Telemetry>,
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

    /// Notes a question, and answers it as an owner does that is behind.
    fn hold_to(
        &mut self,
        owner: ServiceName,
        user: &str,
        min: u64,
        version: u64,
    ) -> Result<(), Status> {
        if min > 0 {
            self.told_min.push((owner, user.parse().unwrap(), min));
        }
        if version < min && !self.ignores_min {
            let reason = ErrorReason::Contention;
            return Err(error::status(Code::Aborted, reason, "behind"));
        }
        Ok(())
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
            age_band_at_creation: AgeBand::Adult.into(),
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

    /// Two friends who take messages from friends and wrote to nobody yet.
    pub fn friends(&self) -> (UserId, UserId) {
        let (ada, ben) = (
            self.person(WhoCanMessage::Friends),
            self.person(WhoCanMessage::Friends),
        );
        self.befriend(ada, ben);
        (ada, ben)
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

    /// How often graph, settings and identity were asked since the last time.
    pub fn calls(&self) -> [usize; 3] {
        let calls = self.with(|state| std::mem::take(&mut state.calls));
        [
            ServiceName::Graph,
            ServiceName::Settings,
            ServiceName::Identity,
        ]
        .map(|owner| calls.get(&owner).copied().unwrap_or(0))
    }

    /// What is shown at `/metrics` of the replica made last.
    pub fn metrics(&self) -> String {
        self.with(|state| state.telemetry.as_ref().unwrap().prometheus())
    }

    pub(super) async fn fault(&self, owner: ServiceName) -> Result<Option<Fault>, Status> {
        self.with(|state| *state.calls.entry(owner).or_default() += 1);
        match self.with(|state| state.faults.get(&owner).cloned()) {
            Some(Fault::Fails(status)) => Err(status),
            Some(Fault::Never) => future::pending().await,
            other => Ok(other),
        }
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

/// The same with a memory of what the owners say, for a minute.
pub async fn remembering() -> (Arc<World>, Arc<Rpc>, Fake) {
    service_with(remember).await
}

/// Has a replica remember what the owners say, for a minute.
pub fn remember(config: &mut Config) {
    config.keeping.max_age = Duration::from_secs(60);
}

/// One of several processes that serve one database.
pub fn replica(
    world: &World,
    fake: &Fake,
    clock: &Clock,
    change: impl FnOnce(&mut Config),
) -> Arc<Rpc> {
    let telemetry = Telemetry::without_logs().unwrap();
    let counts = Counts::new(&telemetry.meter());
    let means = Means::new(telemetry.rpc(), Random::system());
    fake.with(|state| state.telemetry = Some(telemetry));
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
        keeping: Keeping {
            people: 1_000,
            pairs: 1_000,
            max_age: Duration::ZERO,
        },
    };
    change(&mut config);
    Arc::new(Rpc {
        owners: Owners::of(
            [
                peer(ServiceName::Graph, graph),
                peer(ServiceName::Settings, settings),
                peer(ServiceName::Identity, identity),
            ],
            config.keeping,
            clock,
            &counts,
        ),
        committers: Committers::start(&world.store, config.committers),
        store: world.store.clone(),
        clock: clock.clone(),
        pager: Arc::new(Pager::new(&[7; 32], random.clone())),
        mark_key: MarkKey::new(&[7; 32]),
        random,
        counts,
        config,
    })
}
