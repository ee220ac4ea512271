//! The service over a database of its own, with an identity and a messaging that are generated
//! servers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use postern_proto::{
    common::v1::{ErrorReason, PersonRef, person_ref::Person},
    graph::v1::{
        BlockRequest, BlockResponse, FollowRequest, GetEnforcementRequest,
        GetMyRelationshipRequest, MyRelationship, RemoveFollowerRequest, UnblockRequest,
        UnfollowRequest, graph_service_server::GraphService,
    },
    identity::v1::{
        BatchGetStandingRequest, BatchGetStandingResponse, GetStandingRequest, GetStandingResponse,
        RestrictAutomaticallyRequest, RestrictAutomaticallyResponse, Sanction, Standing,
        standing_facts_service_client::StandingFactsServiceClient,
        standing_facts_service_server::{StandingFactsService, StandingFactsServiceServer},
    },
    policy::v1::{
        Enforcement, Lifecycle, RaiseRequest, RaiseResponse, SanctionKind, SetPresenceRequest,
        fence_service_server::{FenceService, FenceServiceServer},
        presence_service_server::PresenceService as _,
    },
};
use postern_shared::{
    caller::{Caller, Principal, ServiceName, User},
    clock::{Clock, Timestamp},
    error::status,
    fence::Fences,
    id::{SessionId, UserId},
    page::Pager,
    peer::{LocalServer, Means, Peer},
    random::Random,
    telemetry::Telemetry,
    testing::{self, Guard},
};
use tonic::{Code, Request, Response, Status, async_trait};
use tonic_types::StatusExt as _;
use tower::util::BoxCloneSyncService;

use super::super::{Answer, Rpc};
use crate::store::{MIGRATIONS, Store};

/// Everybody's standing, by id and by handle.
#[derive(Clone, Default)]
struct Identity(Arc<Mutex<HashMap<String, Standing>>>);

#[async_trait]
impl StandingFactsService for Identity {
    async fn restrict_automatically(
        &self,
        _: Request<RestrictAutomaticallyRequest>,
    ) -> Answer<RestrictAutomaticallyResponse> {
        Err(Status::unimplemented("graph restricts nobody"))
    }

    async fn get_standing(
        &self,
        request: Request<GetStandingRequest>,
    ) -> Answer<GetStandingResponse> {
        let name = match request.into_inner().person.and_then(|person| person.person) {
            Some(Person::UserId(id)) => id,
            Some(Person::Handle(handle)) => handle,
            None => return Err(Status::internal("nobody was named")),
        };
        if name == "broken" {
            return Err(Status::not_found("a proxy speaks"));
        }
        let standing = self.0.lock().unwrap().get(&name).cloned();
        let standing = standing.ok_or_else(|| {
            status(
                Code::NotFound,
                ErrorReason::AccountNotFound,
                "identity's own words",
            )
        })?;
        Ok(Response::new(GetStandingResponse {
            standing: Some(standing),
        }))
    }

    async fn batch_get_standing(
        &self,
        _: Request<BatchGetStandingRequest>,
    ) -> Answer<BatchGetStandingResponse> {
        Err(Status::unimplemented("graph asks for one at a time"))
    }
}

/// Messaging, as far as graph knows it: it remembers what was raised, unless it is away.
#[derive(Clone, Default)]
pub struct Messaging(Arc<Mutex<Raised>>);

#[derive(Default)]
pub struct Raised {
    pub is_away: bool,
    pub requests: Vec<RaiseRequest>,
}

impl Messaging {
    pub fn with<T>(&self, act: impl FnOnce(&mut Raised) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl FenceService for Messaging {
    async fn raise(&self, request: Request<RaiseRequest>) -> Answer<RaiseResponse> {
        self.with(|raised| {
            if raised.is_away {
                return Err(Status::unavailable("away"));
            }
            raised.requests.push(request.into_inner());
            Ok(Response::new(RaiseResponse {}))
        })
    }
}

pub struct World {
    pub rpc: Rpc,
    pub messaging: Messaging,
    identity: Identity,
    _database: Guard,
}

const NAMES: [&str; 6] = ["ann", "bob", "cat", "left", "out", "quiet"];

pub fn id(name: &str) -> UserId {
    let place = NAMES.iter().position(|known| *known == name).unwrap();
    UserId::from_uuid(uuid::Uuid::from_u128(u128::try_from(place + 1).unwrap()))
}

impl World {
    /// `left` is deactivated, `out` is banned, `quiet` may not send.
    pub async fn new() -> Self {
        let random = Random::system();
        let (database, db) = testing::database(ServiceName::Graph, MIGRATIONS).await;
        let means = Means::new(Telemetry::without_logs().unwrap().rpc(), random.clone());
        let peer = |name: ServiceName, server: LocalServer| {
            let slot = Arc::new(OnceLock::from(server));
            Peer::local(ServiceName::Graph, name, slot, &means)
        };
        let people = identity();
        let asked = StandingFactsServiceServer::new(people.clone());
        let asked = BoxCloneSyncService::new(asked);
        let messaging = Messaging::default();
        let raised = BoxCloneSyncService::new(FenceServiceServer::new(messaging.clone()));
        let targets = vec![(ServiceName::Messaging, peer(ServiceName::Messaging, raised))];
        let identity = peer(ServiceName::Identity, asked);
        let rpc = Rpc {
            store: Store::new(db.clone()),
            identity: StandingFactsServiceClient::new(identity),
            fences: Fences::new(ServiceName::Graph, db, targets),
            pager: Arc::new(Pager::new(&[7; 32], random.clone())),
            clock: Clock::manual(Timestamp::from_unix_millis(1_700_000_000_000)),
            random,
        };
        Self {
            rpc,
            messaging,
            identity: people,
            _database: database,
        }
    }

    /// Somebody switches their account off, and identity says so.
    pub async fn leaves(&self, name: &str) {
        for key in [id(name).to_string(), name.to_owned()] {
            let mut people = self.identity.0.lock().unwrap();
            people.get_mut(&key).unwrap().lifecycle = Lifecycle::Deactivated.into();
        }
        self.presence(id(name), 1, true).await.unwrap();
    }

    /// What identity says of a person.
    pub async fn presence(&self, user: UserId, version: u64, gone: bool) -> Result<(), Status> {
        let ask = SetPresenceRequest {
            user_id: user.to_string(),
            version,
            gone,
        };
        self.set_presence(ask).await
    }

    pub async fn set_presence(&self, ask: SetPresenceRequest) -> Result<(), Status> {
        let caller = Caller {
            principal: Principal::Service(ServiceName::Identity),
            ..Caller::system(Duration::from_secs(10))
        };
        self.rpc.set_presence(caller.ask(ask)).await.map(drop)
    }

    pub async fn follow(&self, me: &str, person: &str) -> Result<MyRelationship, Status> {
        let ask = FollowRequest {
            person: handle(person),
        };
        let answer = self.rpc.follow(by(me, ask)).await?;
        Ok(answer.into_inner().relationship.unwrap())
    }

    pub async fn block(&self, me: &str, person: &str) -> Result<MyRelationship, Status> {
        let answer = self.block_enforced(me, person).await?;
        Ok(answer.relationship.unwrap())
    }

    /// A block with what it tells of its enforcement.
    pub async fn block_enforced(&self, me: &str, person: &str) -> Result<BlockResponse, Status> {
        let ask = BlockRequest {
            person: handle(person),
        };
        Ok(self.rpc.block(by(me, ask)).await?.into_inner())
    }

    /// What somebody reads of all their changes.
    pub async fn enforcement(&self, me: &str) -> Enforcement {
        let ask = by(me, GetEnforcementRequest {});
        let answer = self.rpc.get_enforcement(ask).await.unwrap();
        answer.into_inner().enforcement()
    }

    pub async fn unblock(&self, me: &str, person: &str) -> Result<MyRelationship, Status> {
        let ask = UnblockRequest {
            person: handle(person),
        };
        let answer = self.rpc.unblock(by(me, ask)).await?;
        Ok(answer.into_inner().relationship.unwrap())
    }

    /// How each RPC that someone hidden refuses answers about a person.
    pub async fn refusals(
        &self,
        me: &str,
        person: Option<PersonRef>,
    ) -> Vec<(Code, String, Vec<u8>)> {
        let person = || person.clone();
        let statuses = [
            self.rpc
                .follow(by(me, FollowRequest { person: person() }))
                .await
                .err(),
            self.rpc
                .unfollow(by(me, UnfollowRequest { person: person() }))
                .await
                .err(),
            self.rpc
                .remove_follower(by(me, RemoveFollowerRequest { person: person() }))
                .await
                .err(),
            self.rpc
                .get_my_relationship(by(me, GetMyRelationshipRequest { person: person() }))
                .await
                .err(),
        ];
        let bytes = |status: Status| {
            (
                status.code(),
                status.message().to_owned(),
                status.details().to_vec(),
            )
        };
        statuses
            .into_iter()
            .map(|status| bytes(status.expect("it is refused")))
            .collect()
    }
}

fn identity() -> Identity {
    let mut people = HashMap::new();
    for name in NAMES {
        let sanction = match name {
            "out" => Some(SanctionKind::Banned),
            "quiet" => Some(SanctionKind::SendRestricted),
            _ => None,
        };
        let lifecycle = if name == "left" {
            Lifecycle::Deactivated
        } else {
            Lifecycle::Active
        };
        let standing = Standing {
            user_id: id(name).to_string(),
            lifecycle: lifecycle.into(),
            sanction: sanction.map(|kind| Sanction {
                kind: kind.into(),
                end_time: None,
            }),
            ..Standing::default()
        };
        people.insert(id(name).to_string(), standing.clone());
        people.insert(name.to_owned(), standing);
    }
    Identity(Arc::new(Mutex::new(people)))
}

pub fn user(name: &str) -> Caller {
    let session = SessionId::new(Timestamp::from_unix_millis(1), &Random::system());
    let user = User::plain(id(name), session, Arc::from("token"));
    Caller {
        user: Some(user),
        ..Caller::system(Duration::from_secs(10))
    }
}

pub fn by<T>(name: &str, ask: T) -> Request<T> {
    user(name).ask(ask)
}

pub fn named(person: Person) -> Option<PersonRef> {
    Some(PersonRef {
        person: Some(person),
    })
}

pub fn handle(name: &str) -> Option<PersonRef> {
    named(Person::Handle(name.to_owned()))
}

pub fn fields(status: &Status) -> Vec<String> {
    let bad = status.get_details_bad_request().expect("fields are wrong");
    bad.field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}
