//! Identity and messaging as generated servers whose answers a test chooses, and the service that
//! calls them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use postern_proto::{
    common::v1::{ErrorReason, person_ref::Person},
    identity::v1::{
        BatchGetStandingRequest, BatchGetStandingResponse, GetStandingRequest, GetStandingResponse,
        RestrictAutomaticallyRequest, RestrictAutomaticallyResponse, Sanction, Standing,
        standing_facts_service_server::{StandingFactsService, StandingFactsServiceServer},
    },
    policy::v1::{
        AccountKind, AgeBand, Lifecycle, RaiseRequest, RaiseResponse, SanctionKind,
        fence_service_server::{FenceService, FenceServiceServer},
    },
};
use postern_shared::{
    caller::{Caller, Principal, ServiceName, User},
    clock::{Clock, Timestamp},
    error,
    fence::Fences,
    id::{SessionId, UserId},
    page::Pager,
    peer::{LocalServer, Means, Peer},
    random::Random,
    telemetry::Telemetry,
    testing::{self, Guard},
};
use tonic::{Code, Request, Response, Status};
use tower::util::BoxCloneSyncService;

use super::super::Rpc;
use crate::{
    peers::Identity,
    store::{MIGRATIONS, Store},
};

#[derive(Default)]
pub struct State {
    pub people: HashMap<String, Standing>,
    /// What every call is answered with, in place of an answer.
    pub fails: Option<Status>,
    /// How many people each call asked for.
    pub calls: Vec<usize>,
}

#[derive(Clone, Default)]
pub struct FakeIdentity(Arc<Mutex<State>>);

impl FakeIdentity {
    pub fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    pub fn person(&self, at_creation: AgeBand, today: AgeBand, kind: AccountKind) -> UserId {
        let user = UserId::random(&Random::system());
        let standing = Standing {
            user_id: user.to_string(),
            age_band: today.into(),
            age_band_at_creation: at_creation.into(),
            kind: kind.into(),
            lifecycle: Lifecycle::Active.into(),
            ..Standing::default()
        };
        self.with(|state| state.people.insert(user.to_string(), standing));
        user
    }

    pub fn adult(&self) -> UserId {
        self.person(AgeBand::Adult, AgeBand::Adult, AccountKind::Personal)
    }

    /// From now on identity says this of a person.
    pub fn stands(&self, user: UserId, lifecycle: Lifecycle, sanction: Option<SanctionKind>) {
        self.with(|state| {
            let person = state.people.get_mut(&user.to_string()).unwrap();
            person.lifecycle = lifecycle.into();
            person.sanction = sanction.map(|kind| Sanction {
                kind: kind.into(),
                end_time: None,
            });
        });
    }

    fn asked(&self, people: usize) -> Result<(), Status> {
        self.with(|state| {
            state.calls.push(people);
            state.fails.clone().map_or(Ok(()), Err)
        })
    }
}

#[tonic::async_trait]
impl StandingFactsService for FakeIdentity {
    async fn restrict_automatically(
        &self,
        _: Request<RestrictAutomaticallyRequest>,
    ) -> Result<Response<RestrictAutomaticallyResponse>, Status> {
        Err(Status::unimplemented("settings restricts nobody"))
    }

    async fn get_standing(
        &self,
        request: Request<GetStandingRequest>,
    ) -> Result<Response<GetStandingResponse>, Status> {
        self.asked(1)?;
        let person = request.into_inner().person.unwrap().person.unwrap();
        let Person::UserId(id) = person else {
            panic!("settings knows people by their ids");
        };
        let standing = self.with(|state| state.people.get(&id).cloned());
        let missing = || error::status(Code::NotFound, ErrorReason::AccountNotFound, "nobody");
        let standing = Some(standing.ok_or_else(missing)?);
        Ok(Response::new(GetStandingResponse { standing }))
    }

    async fn batch_get_standing(
        &self,
        request: Request<BatchGetStandingRequest>,
    ) -> Result<Response<BatchGetStandingResponse>, Status> {
        let ids = request.into_inner().user_ids;
        self.asked(ids.len())?;
        let found = |id| self.with(|state| state.people.get(id).cloned());
        let standings = ids.iter().filter_map(found).collect();
        Ok(Response::new(BatchGetStandingResponse { standings }))
    }
}

/// Messaging, as far as settings knows it: it remembers what was raised, unless it is away.
#[derive(Clone, Default)]
pub struct FakeMessaging(Arc<Mutex<Raised>>);

#[derive(Default)]
pub struct Raised {
    pub is_away: bool,
    pub requests: Vec<RaiseRequest>,
}

impl FakeMessaging {
    pub fn with<T>(&self, act: impl FnOnce(&mut Raised) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }
}

#[tonic::async_trait]
impl FenceService for FakeMessaging {
    async fn raise(
        &self,
        request: Request<RaiseRequest>,
    ) -> Result<Response<RaiseResponse>, Status> {
        self.with(|raised| {
            if raised.is_away {
                return Err(Status::unavailable("away"));
            }
            raised.requests.push(request.into_inner());
            Ok(Response::new(RaiseResponse {}))
        })
    }
}

/// The service on an empty database, with a clock that stands still.
pub async fn service() -> (Guard, Rpc, FakeIdentity) {
    let (database, rpc, identity, _) = service_and_messaging().await;
    (database, rpc, identity)
}

/// The same, with the messaging at which it raises.
pub async fn service_and_messaging() -> (Guard, Rpc, FakeIdentity, FakeMessaging) {
    let (database, db) = testing::database(ServiceName::Settings, MIGRATIONS).await;
    let random = Random::system();
    let metrics = Telemetry::without_logs().unwrap().rpc();
    let means = Means::new(metrics, random.clone());
    let peer = |name: ServiceName, server: LocalServer| {
        let slot = Arc::new(OnceLock::from(server));
        Peer::local(ServiceName::Settings, name, slot, &means)
    };
    let (fake, messaging) = (FakeIdentity::default(), FakeMessaging::default());
    let asked = BoxCloneSyncService::new(StandingFactsServiceServer::new(fake.clone()));
    let raised = BoxCloneSyncService::new(FenceServiceServer::new(messaging.clone()));
    let targets = vec![(ServiceName::Messaging, peer(ServiceName::Messaging, raised))];
    let clock = Clock::manual(Timestamp::from_unix_millis(1_000));
    let rpc = Rpc {
        store: Store::new(db.clone(), random.clone()),
        identity: Identity::new(peer(ServiceName::Identity, asked), 1_000, clock.clone()),
        fences: Fences::new(ServiceName::Settings, db, targets),
        pager: Arc::new(Pager::new(&[7; 32], random)),
        clock,
    };
    (database, rpc, fake, messaging)
}

/// A request in the name of a person.
pub fn by<T>(user: UserId, message: T) -> Request<T> {
    let random = Random::system();
    let user = User::plain(
        user,
        SessionId::new(Timestamp::from_unix_millis(0), &random),
        Arc::from("token"),
    );
    caller(Principal::Anyone, Some(user)).ask(message)
}

/// A request of messaging's own.
pub fn by_messaging<T>(message: T) -> Request<T> {
    caller(Principal::Service(ServiceName::Messaging), None).ask(message)
}

fn caller(principal: Principal, user: Option<User>) -> Caller {
    Caller {
        principal,
        user,
        ..Caller::system(Duration::from_secs(10))
    }
}
