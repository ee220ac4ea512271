//! The RPCs against a real store and a graph that a test fills.

mod accounts;
mod fences;
mod lifecycle;
mod moderation;
mod sessions;
mod standing;

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use postern_proto::{
    common::v1::ErrorReason,
    graph::v1::{
        BatchGetRelationshipsRequest, BatchGetRelationshipsResponse, GetRelationshipRequest,
        GetRelationshipResponse, Relationship,
        relationship_service_client::RelationshipServiceClient,
        relationship_service_server::{RelationshipService, RelationshipServiceServer},
    },
    identity::v1::{
        Account, CreateAccountRequest, CreateSessionRequest, CreateSessionResponse,
        account_service_server::AccountService as _, session_service_server::SessionService as _,
    },
};
use postern_shared::{
    auth::load_or_generate_signing_key,
    caller::{Caller, Principal, ServiceName, User},
    clock::{Clock, Timestamp},
    config::Limits,
    error::{reason_of, status},
    fence::Fences,
    page::Pager,
    peer::{LocalServer, Means, Peer},
    random::Random,
    telemetry::Telemetry,
    testing::{self, Guard},
};
use tokio::time::Instant;
use tonic::{Code, Request, Response, Status, async_trait};
use tower::util::BoxCloneSyncService;

use self::fences::Keeper;
use super::Rpc;
use crate::{
    attempts::FailedSignIns,
    config::Config,
    hashing::Hasher,
    store::{MIGRATIONS, Store},
};

/// 2026-11-23T00:00:00Z.
const START: Timestamp = Timestamp::from_unix_millis(1_795_392_000_000);
const PASSWORD: &str = "plum-tractor-97";
const FAILED_MAX: u32 = 4;

struct World {
    rpc: Rpc,
    clock: Clock,
    graph: Arc<Graph>,
    /// Where messaging keeps fences.
    messaging: Arc<Keeper>,
    /// Where graph hides who is gone.
    hiding: Arc<Keeper>,
    _database: Guard,
}

async fn world() -> World {
    let (database, db) = testing::database(ServiceName::Identity, MIGRATIONS).await;
    let random = Random::system();
    let clock = Clock::manual(START);
    let graph = Arc::new(Graph::default());
    let means = Means::new(Telemetry::without_logs().unwrap().rpc(), random.clone());
    let server = RelationshipServiceServer::from_arc(Arc::clone(&graph));
    let peer = local(ServiceName::Graph, BoxCloneSyncService::new(server), &means);
    let (messaging, hiding) = (Arc::<Keeper>::default(), Arc::<Keeper>::default());
    let targets = vec![
        (
            ServiceName::Messaging,
            messaging.peer(ServiceName::Messaging, &means),
        ),
        (ServiceName::Graph, hiding.peer(ServiceName::Graph, &means)),
    ];
    let rpc = Rpc {
        config: Config {
            minimum_age: 13,
            failed_sign_ins_max: FAILED_MAX,
            refresh_token_life: Duration::from_secs(60 * 24 * 60 * 60),
        },
        store: Store::new(db.clone()),
        fences: Fences::new(ServiceName::Identity, db, targets),
        hasher: Hasher::new(Limits::Off, random.clone()).await.unwrap(),
        failed_sign_ins: Some(FailedSignIns::new(FAILED_MAX, &random)),
        graph: RelationshipServiceClient::new(peer),
        signing_key: load_or_generate_signing_key(&database.folder.path().join("token.pem"))
            .unwrap(),
        pager: Arc::new(Pager::new(&[7; 32], random.clone())),
        clock: clock.clone(),
        random,
    };
    World {
        rpc,
        clock,
        graph,
        messaging,
        hiding,
        _database: database,
    }
}

/// A server in this process, as identity calls it.
fn local(name: ServiceName, server: LocalServer, means: &Means) -> Peer {
    let slot = Arc::new(OnceLock::new());
    assert!(slot.set(server).is_ok());
    Peer::local(ServiceName::Identity, name, slot, means)
}

impl World {
    async fn create(&self, handle: &str) -> Account {
        let asked = self.rpc.create_account(anyone(registration(handle))).await;
        asked.unwrap().into_inner().account.unwrap()
    }

    async fn sign_in(&self, handle: &str, password: &str) -> Result<CreateSessionResponse, Status> {
        let ask = CreateSessionRequest {
            handle: handle.to_owned(),
            password: password.to_owned(),
            device_name: "Phone".to_owned(),
        };
        let answered = self.rpc.create_session(anyone(ask)).await;
        answered.map(Response::into_inner)
    }

    /// Registers and signs in.
    async fn someone(&self, handle: &str) -> Someone {
        let account = self.create(handle).await;
        let opened = self.sign_in(handle, PASSWORD).await.unwrap();
        Someone {
            session: opened.session.unwrap().session_id,
            id: account.user_id,
        }
    }
}

struct Someone {
    id: String,
    session: String,
}

impl Someone {
    fn asks<T>(&self, message: T) -> Request<T> {
        let mut caller = caller();
        caller.user = Some(User::plain(
            self.id.parse().unwrap(),
            self.session.parse().unwrap(),
            Arc::from("not looked at in process"),
        ));
        caller.ask(message)
    }
}

fn anyone<T>(message: T) -> Request<T> {
    caller().ask(message)
}

fn caller() -> Caller {
    Caller {
        principal: Principal::Anyone,
        user: None,
        deadline: Instant::now() + Duration::from_secs(60),
        request_id: Arc::from("test"),
    }
}

fn registration(handle: &str) -> CreateAccountRequest {
    CreateAccountRequest {
        handle: handle.to_owned(),
        display_name: "Someone".to_owned(),
        password: PASSWORD.to_owned(),
        birth_date: "1990-02-03".to_owned(),
        kind: 0,
    }
}

fn expect<T>(answered: Result<T, Status>, code: Code, reason: ErrorReason) -> Status {
    let Err(status) = answered else {
        panic!("expected {reason:?}, was answered");
    };
    assert_eq!(
        (status.code(), reason_of(&status)),
        (code, Some(reason)),
        "{status:?}"
    );
    status
}

fn expect_fields<T>(answered: Result<T, Status>, fields: &[&str]) {
    use tonic_types::StatusExt as _;
    let status = expect(answered, Code::InvalidArgument, ErrorReason::InvalidFields);
    let violations = status.get_details_bad_request().unwrap().field_violations;
    let got: Vec<_> = violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(got, fields);
}

/// Everything of a status that a caller sees.
fn bytes(status: &Status) -> (Code, String, Vec<u8>) {
    let details = status.details().to_vec();
    (status.code(), status.message().to_owned(), details)
}

/// A graph that knows who blocks whom.
#[derive(Debug, Default)]
struct Graph {
    blocks: Mutex<HashSet<(String, String)>>,
    asked: AtomicUsize,
    down: AtomicBool,
    /// Answers about other people than were asked for.
    confused: AtomicBool,
}

impl Graph {
    fn block(&self, who: &str, whom: &str) {
        let mut blocks = self.blocks.lock().unwrap();
        blocks.insert((who.to_owned(), whom.to_owned()));
    }

    fn fails(&self) -> Result<(), Status> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(status(Code::Internal, ErrorReason::Internal, "broken"));
        }
        Ok(())
    }

    fn between(&self, user: &str, peer: &str) -> Relationship {
        let blocks = self.blocks.lock().unwrap();
        let blocks = |a: &str, b: &str| blocks.contains(&(a.to_owned(), b.to_owned()));
        let (user, peer) = match self.confused.load(Ordering::SeqCst) {
            true => (peer, user),
            false => (user, peer),
        };
        Relationship {
            user_id: user.to_owned(),
            peer_id: peer.to_owned(),
            user_blocks: blocks(user, peer),
            peer_blocks: blocks(peer, user),
            ..Relationship::default()
        }
    }
}

#[async_trait]
impl RelationshipService for Graph {
    async fn get_relationship(
        &self,
        request: Request<GetRelationshipRequest>,
    ) -> Result<Response<GetRelationshipResponse>, Status> {
        self.fails()?;
        let ask = request.into_inner();
        let relationship = Some(self.between(&ask.user_id, &ask.peer_id));
        Ok(Response::new(GetRelationshipResponse { relationship }))
    }

    async fn batch_get_relationships(
        &self,
        request: Request<BatchGetRelationshipsRequest>,
    ) -> Result<Response<BatchGetRelationshipsResponse>, Status> {
        self.fails()?;
        let ask = request.into_inner();
        let each = ask
            .peer_ids
            .iter()
            .map(|peer| self.between(&ask.user_id, peer));
        let relationships = each.collect();
        Ok(Response::new(BatchGetRelationshipsResponse {
            relationships,
        }))
    }
}
