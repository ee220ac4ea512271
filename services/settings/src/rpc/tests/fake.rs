//! Identity as a generated server whose answers a test chooses, and the service that asks it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use postern_proto::{
    common::v1::{ErrorReason, person_ref::Person},
    identity::v1::{
        BatchGetStandingRequest, BatchGetStandingResponse, GetStandingRequest, GetStandingResponse,
        RestrictAutomaticallyRequest, RestrictAutomaticallyResponse, Standing,
        standing_facts_service_server::{StandingFactsService, StandingFactsServiceServer},
    },
    policy::v1::{AccountKind, AgeBand},
};
use postern_shared::{
    caller::{Caller, Principal, ServiceName, User},
    clock::{Clock, Timestamp},
    error,
    id::{SessionId, UserId},
    peer::{Means, Peer, Slot},
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
            ..Standing::default()
        };
        self.with(|state| state.people.insert(user.to_string(), standing));
        user
    }

    pub fn adult(&self) -> UserId {
        self.person(AgeBand::Adult, AgeBand::Adult, AccountKind::Personal)
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

/// The service on an empty database, with a clock that stands still.
pub async fn service() -> (Guard, Rpc, FakeIdentity) {
    let (database, db) = testing::database(ServiceName::Settings, MIGRATIONS).await;
    let fake = FakeIdentity::default();
    let slot: Slot = Arc::new(OnceLock::new());
    let server = StandingFactsServiceServer::new(fake.clone());
    assert!(slot.set(BoxCloneSyncService::new(server)).is_ok());
    let metrics = Telemetry::without_logs().unwrap().rpc();
    let means = Means::new(metrics, Random::system());
    let peer = Peer::local(ServiceName::Settings, ServiceName::Identity, slot, &means);
    let rpc = Rpc::new(
        Store::new(db),
        Identity::new(peer, 1_000),
        Clock::manual(Timestamp::from_unix_millis(1_000)),
    );
    (database, rpc, fake)
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
