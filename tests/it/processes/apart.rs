//! The four services, each on ports of its own, calling each other over the network: a message
//! goes from end to end, while an owner of facts is away nothing is stored, and a block that is
//! made while messaging is away is enforced once it is back.
//!
//! Services refer to each other in circles, and a port is known only once it is bound. So each
//! is reached through a relay of the test, whose address is known from the beginning.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use postern_proto::{
    common::v1::ErrorReason,
    graph::v1::{BlockRequest, GetEnforcementRequest},
    policy::v1::Enforcement,
};
use postern_shared::{
    clock::Clock,
    run::{Running, Service},
};
use tempfile::TempDir;
use tonic::Code;

use super::friends;
use crate::suite::{Person, assert_fails, connect, delivered, start};

#[tokio::test(flavor = "multi_thread")]
async fn services_apart_deliver_and_store_nothing_while_one_is_away() {
    let (folder, ada, ben) = friends().await;
    let mut services = Apart::start(folder).await;
    let ada = calling(services.messaging(), ada).await;
    let first = ada.send_as(&ben, "first", "hello").await.unwrap();
    let first = delivered(first).message.unwrap();
    assert_eq!(first.seq, 1);

    services.stop_graph().await;
    let refused = ada.send_as(&ben, "second", "hello").await;
    assert_fails(
        refused,
        Code::Unavailable,
        ErrorReason::DependencyUnavailable,
    );
    assert_eq!(ada.read(&first.conversation_id).await.unwrap().len(), 1);

    services.start_graph().await;
    let second = ada.send_as(&ben, "second", "hello").await.unwrap();
    assert_eq!(delivered(second).message.unwrap().seq, 2);
    let ben = calling(services.messaging(), ben).await;
    assert_eq!(ben.read(&first.conversation_id).await.unwrap().len(), 2);
}

/// Longer than a slow machine needs until a relay has come by.
pub const SOON: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_pending_while_messaging_is_away_and_enforced_once_it_is_back() {
    let (folder, ada, ben) = friends().await;
    let mut services = Apart::start(folder).await;
    let ada = calling(services.graph(), ada).await;
    let block = || {
        ada.ask(BlockRequest {
            person: ben.reference(),
        })
    };
    services.stop_messaging().await;
    // It is stored all the same, and said again it is still no more than that.
    for _ in 0..2 {
        let blocked = ada.graph().block(block()).await.unwrap().into_inner();
        assert_eq!(blocked.enforcement(), Enforcement::Pending);
        assert!(blocked.relationship.unwrap().blocking);
    }
    services.start_messaging().await;
    let enforced = async {
        loop {
            let ask = ada.ask(GetEnforcementRequest {});
            let told = ada.graph().get_enforcement(ask).await.unwrap();
            if told.into_inner().enforcement() == Enforcement::Enforced {
                break;
            }
        }
    };
    tokio::time::timeout(SOON, enforced).await.unwrap();
    let blocked = ada.graph().block(block()).await.unwrap().into_inner();
    assert_eq!(blocked.enforcement(), Enforcement::Enforced);
}

/// A person who calls the public port of one service.
pub async fn calling(service: &Running, person: Person) -> Person {
    let channel = connect(service.public).await;
    Person { channel, ..person }
}

/// The four services, each as a process would run it.
pub struct Apart {
    messaging: Option<Running>,
    graph: Option<Running>,
    identity: Running,
    _settings: Running,
    relays: Relays,
    folder: TempDir,
}

impl Apart {
    pub async fn start(folder: TempDir) -> Self {
        let relays: Relays = std::array::from_fn(|_| Relay::start());
        let path = folder.path();
        let identity = run(postern_identity::service(), path, &relays).await;
        let graph = run(postern_graph::service(), path, &relays).await;
        let settings = run(postern_settings::service(), path, &relays).await;
        let messaging = run(postern_messaging::service(), path, &relays).await;
        let all = [&identity, &graph, &settings, &messaging];
        for (relay, service) in relays.iter().zip(all) {
            relay.lead_to(Some(service.internal));
        }
        Self {
            messaging: Some(messaging),
            graph: Some(graph),
            identity,
            _settings: settings,
            relays,
            folder,
        }
    }

    pub const fn identity(&self) -> &Running {
        &self.identity
    }

    pub fn messaging(&self) -> &Running {
        self.messaging.as_ref().unwrap()
    }

    pub fn graph(&self) -> &Running {
        self.graph.as_ref().unwrap()
    }

    pub async fn stop_messaging(&mut self) {
        self.relays[3].lead_to(None);
        self.messaging.take().unwrap().stop().await;
    }

    pub async fn start_messaging(&mut self) {
        let path = self.folder.path();
        let messaging = run(postern_messaging::service(), path, &self.relays).await;
        self.relays[3].lead_to(Some(messaging.internal));
        self.messaging = Some(messaging);
    }

    pub async fn stop_graph(&mut self) {
        self.relays[1].lead_to(None);
        self.graph.take().unwrap().stop().await;
    }

    pub async fn start_graph(&mut self) {
        let graph = run(postern_graph::service(), self.folder.path(), &self.relays).await;
        self.relays[1].lead_to(Some(graph.internal));
        self.graph = Some(graph);
    }
}

/// The ways to the four, in the order of their ports.
type Relays = [Relay; 4];

async fn run(service: Service, folder: &Path, relays: &Relays) -> Running {
    let names = [
        "POSTERN_IDENTITY_URL",
        "POSTERN_GRAPH_URL",
        "POSTERN_SETTINGS_URL",
        "POSTERN_MESSAGING_URL",
    ];
    let urls = relays
        .each_ref()
        .map(|relay| format!("http://{}", relay.address));
    let settings: Vec<_> = names.into_iter().zip(urls.iter().map(|u| &**u)).collect();
    start(vec![service], folder, &Clock::system(), &settings)
        .await
        .unwrap()
}

/// A port that hands its connections on, to wherever it leads at the time.
struct Relay {
    address: SocketAddr,
    target: Arc<Mutex<Option<SocketAddr>>>,
}

impl Relay {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let target = Arc::new(Mutex::new(None));
        let leads_to = Arc::clone(&target);
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let target = *leads_to.lock().unwrap();
                // Where it leads nowhere the connection is closed at once.
                if let (Ok(near), Some(target)) = (stream, target) {
                    // What breaks here breaks at both ends, which see it themselves.
                    let _ = TcpStream::connect(target).and_then(|far| join(near, far));
                }
            }
        });
        Self { address, target }
    }

    fn lead_to(&self, target: Option<SocketAddr>) {
        *self.target.lock().unwrap() = target;
    }
}

/// Copies both ways until either end closes.
fn join(near: TcpStream, far: TcpStream) -> io::Result<()> {
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    for (mut from, mut to) in [(near.try_clone()?, far.try_clone()?), (far, near)] {
        thread::spawn(move || {
            // Both directions end together.
            let _ = io::copy(&mut from, &mut to);
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}
