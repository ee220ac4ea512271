//! The four services, each on ports of its own, calling each other over the network: a message
//! goes from end to end, and a block that is made while messaging is away is enforced once it is
//! back.
//!
//! Services refer to each other in circles, and a port is known only once it is bound. So each
//! is reached through a relay of the test, whose address is known from the beginning.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use postern_proto::{
    graph::v1::{BlockRequest, GetEnforcementRequest},
    policy::v1::Enforcement,
};
use postern_shared::{
    caller::ServiceName::{self, Graph, Identity, Messaging, Settings},
    clock::Clock,
    run::{Running, Service},
};
use tempfile::TempDir;

use super::friends;
use crate::suite::{Person, connect, delivered, start};

#[tokio::test(flavor = "multi_thread")]
async fn services_apart_deliver_from_end_to_end() {
    let (folder, ada, ben) = friends().await;
    let services = Apart::start(folder).await;
    let ada = calling(services.messaging(), ada).await;
    let first = ada.send_as(&ben, "first", "hello").await.unwrap();
    let first = delivered(first).message.unwrap();
    assert_eq!(first.seq, 1);
    let ben = calling(services.messaging(), ben).await;
    assert_eq!(ben.read(&first.conversation_id).await.unwrap().len(), 1);
}

/// Longer than a slow machine needs until a relay has come by.
pub const SOON: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_pending_while_messaging_is_away_and_enforced_once_it_is_back() {
    let (folder, ada, ben) = friends().await;
    let mut services = Apart::start(folder).await;
    let ada = calling(services.of(Graph), ada).await;
    let block = || {
        ada.ask(BlockRequest {
            person: ben.reference(),
        })
    };
    services.stop(Messaging).await;
    // It is stored all the same, and said again it is still no more than that.
    for _ in 0..2 {
        let blocked = ada.graph().block(block()).await.unwrap().into_inner();
        assert_eq!(blocked.enforcement(), Enforcement::Pending);
        assert!(blocked.relationship.unwrap().blocking);
    }
    services.start_again(Messaging).await;
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
    /// In the order of their ports; none where it is away.
    running: [Option<Running>; 4],
    relays: Relays,
    folder: TempDir,
    clock: Clock,
    more: &'static [(&'static str, &'static str)],
}

/// The ways to the four, in the order of their ports.
type Relays = [Relay; 4];

const NAMES: [ServiceName; 4] = [Identity, Graph, Settings, Messaging];

impl Apart {
    /// Starts them over what is in a folder.
    pub async fn start(folder: TempDir) -> Self {
        Self::start_with(folder, &Clock::system(), &[]).await
    }

    /// The same with a clock and settings of its own.
    pub async fn start_with(
        folder: TempDir,
        clock: &Clock,
        more: &'static [(&'static str, &'static str)],
    ) -> Self {
        let mut services = Self {
            running: [const { None }; 4],
            relays: std::array::from_fn(|_| Relay::start()),
            folder,
            clock: clock.clone(),
            more,
        };
        for name in NAMES {
            services.start_again(name).await;
        }
        services
    }

    pub fn of(&self, name: ServiceName) -> &Running {
        self.running[place(name)].as_ref().unwrap()
    }

    pub fn messaging(&self) -> &Running {
        self.of(Messaging)
    }

    /// Stops one of them; nobody reaches it any more.
    pub async fn stop(&mut self, name: ServiceName) {
        let place = place(name);
        self.relays[place].lead_to(None);
        self.running[place].take().unwrap().stop().await;
    }

    /// Starts one of them that does not run.
    pub async fn start_again(&mut self, name: ServiceName) {
        let service = match name {
            Identity => postern_identity::service(),
            Graph => postern_graph::service(),
            Settings => postern_settings::service(),
            Messaging => postern_messaging::service(),
        };
        let running = self.run(service).await;
        let place = place(name);
        self.relays[place].lead_to(Some(running.internal));
        self.running[place] = Some(running);
    }

    async fn run(&self, service: Service) -> Running {
        let names = NAMES.map(|name| format!("POSTERN_{}_URL", name.as_str().to_uppercase()));
        let urls = (self.relays.each_ref()).map(|relay| format!("http://{}", relay.address));
        let ways = names.iter().zip(&urls);
        let ways = ways.map(|(name, url)| (&**name, &**url));
        let settings: Vec<_> = self.more.iter().copied().chain(ways).collect();
        let folder = self.folder.path();
        start(vec![service], folder, &self.clock, &settings)
            .await
            .unwrap()
    }
}

fn place(name: ServiceName) -> usize {
    NAMES.iter().position(|other| *other == name).unwrap()
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
