//! Peers against real servers on loopback ports, and against servers in this process: what a
//! callee sees, and what a caller gets, when addresses come, go, fail and come back.

mod addresses;
mod calls;
mod faulty;
mod retries;

use std::{
    collections::VecDeque,
    future, io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use futures_util::FutureExt as _;
use http::{HeaderMap, uri::Authority};
use postern_proto::identity::v1::{
    BatchGetStandingRequest, BatchGetStandingResponse, GetStandingRequest, GetStandingResponse,
    RestrictAutomaticallyRequest, RestrictAutomaticallyResponse,
    standing_facts_service_client::StandingFactsServiceClient,
    standing_facts_service_server::{StandingFactsService, StandingFactsServiceServer},
};
use tokio::{
    runtime::Runtime,
    sync::{oneshot, watch},
    time::Instant,
};
use tonic::{Request, Response, Status, body::Body, transport::server::TcpIncoming};
use tower::util::{BoxCloneSyncService, MapRequestLayer};

use super::{InProcess, Means, Peer, Resolve, Slot};
use crate::{
    caller::{Caller, ServiceName},
    random::Random,
    telemetry::Telemetry,
};

/// Long enough for whatever happens at all.
const LONG: Duration = Duration::from_secs(30);

/// What a fake does with a call.
#[derive(Clone)]
enum Act {
    Serve,
    Fail(Status),
    Never,
    /// Serves once the test says so.
    Hold,
}

/// A callee that does what a test says, and counts.
#[derive(Clone)]
struct Fake(Arc<Callee>);

struct Callee {
    /// What comes first, one call each.
    script: Mutex<VecDeque<Act>>,
    /// What comes then.
    act: Mutex<Act>,
    seen: watch::Sender<Vec<Seen>>,
    released: watch::Sender<bool>,
}

/// What a callee saw of a call.
#[derive(Debug, Clone)]
struct Seen {
    asked: Vec<String>,
    timeout_ms: u64,
    headers: HeaderMap,
    /// Whose server it was asked for.
    authority: Option<Authority>,
    here: Option<InProcess>,
}

impl Fake {
    fn new(act: Act) -> Self {
        Self(Arc::new(Callee {
            script: Mutex::default(),
            act: Mutex::new(act),
            seen: watch::Sender::default(),
            released: watch::Sender::new(false),
        }))
    }

    fn first(self, acts: impl IntoIterator<Item = Act>) -> Self {
        self.0.script.lock().unwrap().extend(acts);
        self
    }

    fn becomes(&self, act: Act) {
        *self.0.act.lock().unwrap() = act;
    }

    fn release(&self) {
        self.0.released.send_replace(true);
    }

    fn seen(&self) -> Vec<Seen> {
        self.0.seen.borrow().clone()
    }

    fn calls(&self) -> usize {
        self.0.seen.borrow().len()
    }

    async fn was_called(&self, times: usize) {
        let mut seen = self.0.seen.subscribe();
        let enough = seen.wait_for(|seen| seen.len() >= times);
        let waited = tokio::time::timeout(LONG, enough).await;
        waited.expect("it was called less often").unwrap();
    }

    fn server(&self) -> StandingFactsServiceServer<Self> {
        StandingFactsServiceServer::new(self.clone())
    }
}

#[tonic::async_trait]
impl StandingFactsService for Fake {
    async fn restrict_automatically(
        &self,
        _: Request<RestrictAutomaticallyRequest>,
    ) -> Result<Response<RestrictAutomaticallyResponse>, Status> {
        Err(Status::unimplemented("nobody is restricted here"))
    }

    async fn get_standing(
        &self,
        _: Request<GetStandingRequest>,
    ) -> Result<Response<GetStandingResponse>, Status> {
        Err(Status::unimplemented("one is asked for as several"))
    }

    async fn batch_get_standing(
        &self,
        request: Request<BatchGetStandingRequest>,
    ) -> Result<Response<BatchGetStandingResponse>, Status> {
        let headers = request.metadata().clone().into_headers();
        let timeout = headers["grpc-timeout"].to_str().unwrap();
        let seen = Seen {
            timeout_ms: timeout.strip_suffix('m').unwrap().parse().unwrap(),
            authority: request.extensions().get::<Authority>().cloned(),
            here: request.extensions().get::<InProcess>().cloned(),
            headers,
            asked: request.into_inner().user_ids,
        };
        self.0.seen.send_modify(|all| all.push(seen));
        let scripted = self.0.script.lock().unwrap().pop_front();
        let act = scripted.unwrap_or_else(|| self.0.act.lock().unwrap().clone());
        match act {
            Act::Serve => {}
            Act::Fail(status) => return Err(status),
            Act::Never => future::pending().await,
            Act::Hold => {
                let mut released = self.0.released.subscribe();
                released.wait_for(|released| *released).await.unwrap();
            }
        }
        Ok(Response::new(BatchGetStandingResponse::default()))
    }
}

/// A server on a port, which can be killed: all its connections break.
struct Replica {
    fake: Fake,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Replica {
    fn start(fake: Fake) -> Self {
        Self::start_at(fake, ([127, 0, 0, 1], 0).into())
    }

    fn start_at(fake: Fake, address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let server = fake.server();
        let inside = runtime.enter();
        let incoming = TcpIncoming::bind(address).unwrap();
        let address = incoming.local_addr().unwrap();
        drop(inside);
        let authority = MapRequestLayer::new(|mut request: http::Request<Body>| {
            let authority = request.uri().authority().cloned().unwrap();
            request.extensions_mut().insert(authority);
            request
        });
        let mut serve = tonic::transport::Server::builder().layer(authority);
        let serve = serve.add_service(server);
        runtime.spawn(serve.serve_with_incoming(incoming));
        let runtime = Some(runtime);
        Self {
            fake,
            address,
            runtime,
        }
    }

    fn kill(&mut self) {
        // It drops every task; a runtime that is dropped here would wait for its threads.
        self.runtime.take().unwrap().shutdown_background();
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if self.runtime.is_some() {
            self.kill();
        }
    }
}

/// An address that refuses connections.
fn dead() -> SocketAddr {
    let bound = TcpListener::bind("127.0.0.1:0").unwrap();
    bound.local_addr().unwrap()
}

/// A name service that says what the test says, and counts how often it is asked.
#[derive(Clone, Default)]
struct Dns(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    addresses: Option<Vec<SocketAddr>>,
    asked: usize,
}

impl Dns {
    fn says(&self, addresses: &[SocketAddr]) {
        self.0.lock().unwrap().addresses = Some(addresses.to_vec());
    }

    fn fails(&self) {
        self.0.lock().unwrap().addresses = None;
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }

    /// How many there are who may ask it, the test included.
    fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    fn resolve(&self) -> Resolve {
        let this = self.clone();
        Arc::new(move |_, _| {
            let mut told = this.0.lock().unwrap();
            told.asked += 1;
            let known = told.addresses.clone();
            future::ready(known.ok_or_else(|| io::Error::other("no answer"))).boxed()
        })
    }
}

/// A caller with a peer.
struct World {
    peer: Peer,
    dns: Dns,
    telemetry: Telemetry,
}

impl World {
    fn of(addresses: &[SocketAddr]) -> Self {
        Self::with(addresses, |_| {})
    }

    fn with(addresses: &[SocketAddr], change: impl FnOnce(&mut Means)) -> Self {
        let (dns, telemetry) = (Dns::default(), Telemetry::without_logs().unwrap());
        dns.says(addresses);
        let mut means = Means::new(telemetry.rpc(), Random::system());
        means.resolve = dns.resolve();
        change(&mut means);
        let uris = ["http://identity.test:1".parse().unwrap()];
        let (me, name) = (ServiceName::Messaging, ServiceName::Identity);
        let peer = Peer::network(me, name, &uris, "messaging.secret", &means).unwrap();
        Self {
            peer,
            dns,
            telemetry,
        }
    }

    async fn call(&self) -> Result<(), Status> {
        ask(&self.peer, LONG, "someone").await
    }

    /// How often something was counted.
    fn counted(&self, name: &str) -> u64 {
        let text = self.telemetry.prometheus();
        let start = format!("rpc_client_{name}_total{{");
        let lines = text.lines().filter(|line| line.starts_with(&start));
        let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
        lines.map(value).sum()
    }
}

/// A peer in this process.
fn local(fake: &Fake, change: impl FnOnce(&mut Means)) -> Peer {
    let slot: Slot = Arc::new(OnceLock::new());
    let server = BoxCloneSyncService::new(fake.server());
    assert!(slot.set(server).is_ok());
    let rpc = Telemetry::without_logs().unwrap().rpc();
    let mut means = Means::new(rpc, Random::system());
    change(&mut means);
    let (me, name) = (ServiceName::Messaging, ServiceName::Identity);
    Peer::local(me, name, slot, &means)
}

async fn ask(peer: &Peer, within: Duration, about: &str) -> Result<(), Status> {
    ask_as(&Caller::system(within), peer, about).await
}

async fn ask_as(caller: &Caller, peer: &Peer, about: &str) -> Result<(), Status> {
    let ask = caller.ask(BatchGetStandingRequest {
        user_ids: vec![about.to_owned()],
    });
    let mut client = StandingFactsServiceClient::new(peer.clone());
    client.batch_get_standing(ask).await.map(|_| ())
}

/// A call of its own task, so that it is in flight while the test goes on.
fn begin(peer: &Peer) -> oneshot::Receiver<Result<(), Status>> {
    let (answer, answered) = oneshot::channel();
    let peer = peer.clone();
    tokio::spawn(async move { answer.send(ask(&peer, LONG, "someone").await) });
    answered
}

/// Asks again and again until it holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let (begun, mut ticks) = (
        Instant::now(),
        tokio::time::interval(Duration::from_millis(5)),
    );
    while !holds().await {
        assert!(begun.elapsed() < LONG, "{what}");
        ticks.tick().await;
    }
}
