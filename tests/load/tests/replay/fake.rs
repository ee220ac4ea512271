//! Services just good enough to be replayed against, and bad enough to be found out.
//!
//! All four on each port, in memory. They keep to the policy between adults who take messages from
//! everyone; a `Mischief` says what goes wrong. What is kept outlives the server, as on a disk, and
//! several servers may keep it together, as replicas on one database do.

mod served;
mod unserved;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use postern_proto::graph::v1::graph_service_server::GraphServiceServer;
use postern_proto::graph::v1::relationship_service_server::RelationshipServiceServer;
use postern_proto::identity::v1::account_service_server::AccountServiceServer;
use postern_proto::identity::v1::session_service_server::SessionServiceServer;
use postern_proto::messaging::v1::conversation_service_server::ConversationServiceServer;
use postern_proto::messaging::v1::message_service_server::MessageServiceServer;
use postern_proto::messaging::v1::request_service_server::RequestServiceServer;
use postern_proto::messaging::v1::{Message, SendMessageResponse};
use postern_proto::settings::v1::settings_service_server::SettingsServiceServer;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::InterceptorLayer;
use tonic::transport::Server;
use tonic::{Request, Status};

/// What goes wrong. Messages are counted from 1, in the order in which they are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mischief {
    /// Nothing.
    #[default]
    None,
    /// Many calls fail in ways that pass; some after they were done.
    Moody,
    /// A message is acknowledged and not kept.
    Lose(usize),
    /// A message is kept twice.
    Double(usize),
    /// The two newest messages of a conversation are told in the wrong order.
    Swap,
    /// Requests are put into the inbox.
    NoRequests,
    /// A message is called wrong.
    Invalid(usize),
    /// The first token of everyone is forgotten, and no refresh is ever answered.
    LostRefresh,
    /// Once so many messages are stored, those that are sent are stored and never answered.
    Silent(usize),
    /// Sending never works.
    Away,
    /// No call works.
    Unavailable,
}

/// What the services keep.
#[derive(Clone)]
pub struct Fake {
    mischief: Mischief,
    kept: Arc<Mutex<Kept>>,
    stored: Arc<watch::Sender<usize>>,
}

#[derive(Default)]
struct Kept {
    passwords: HashMap<String, String>,
    /// By access token.
    sessions: HashMap<String, String>,
    /// By refresh token.
    refreshes: HashMap<String, String>,
    /// Whose token a moody server forgot.
    forgotten: HashSet<String>,
    everyone: HashSet<String>,
    follows: HashSet<(String, String)>,
    conversations: BTreeMap<String, Conversation>,
    answers: HashMap<[String; 3], SendMessageResponse>,
    calls: usize,
    sign_ins: usize,
}

#[derive(Default)]
struct Conversation {
    people: [String; 2],
    /// Whose request it is; `None`: it is in both inboxes.
    requested_by: Option<String>,
    oldest_first: Vec<Message>,
}

impl Fake {
    /// Keeps nothing yet.
    pub fn new(mischief: Mischief) -> Self {
        let stored = Arc::new(watch::Sender::new(0));
        Self {
            mischief,
            kept: Arc::default(),
            stored,
        }
    }

    /// The same data, served by others.
    pub fn reformed(&self, mischief: Mischief) -> Self {
        Self {
            mischief,
            ..self.clone()
        }
    }

    /// Waits until so many messages are stored.
    pub async fn has_stored(&self, messages: usize) {
        let mut stored = self.stored.subscribe();
        stored
            .wait_for(|stored| *stored >= messages)
            .await
            .expect("the sender is in `self`");
    }

    /// Lets one person follow another.
    pub fn follow(&self, follower: &str, followee: &str) {
        let follow = (follower.to_owned(), followee.to_owned());
        self.kept().follows.insert(follow);
    }

    /// How often anybody signed in.
    pub fn sign_ins(&self) -> usize {
        self.kept().sign_ins
    }

    /// How many calls came, of whatever kind.
    pub fn calls(&self) -> usize {
        self.kept().calls
    }

    /// Serves on an address, from a runtime of its own.
    pub fn serve(&self, address: SocketAddr) -> Running {
        let runtime = Runtime::new().unwrap();
        let listener = bound(address);
        listener.set_nonblocking(true).unwrap();
        let _entered = runtime.enter();
        let listener = TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let server = Server::builder()
            .layer(InterceptorLayer::new(self.door(&calls)))
            .add_service(AccountServiceServer::new(self.clone()))
            .add_service(SessionServiceServer::new(self.clone()))
            .add_service(GraphServiceServer::new(self.clone()))
            .add_service(RelationshipServiceServer::new(self.clone()))
            .add_service(SettingsServiceServer::new(self.clone()))
            .add_service(MessageServiceServer::new(self.clone()))
            .add_service(ConversationServiceServer::new(self.clone()))
            .add_service(RequestServiceServer::new(self.clone()));
        runtime.spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        Running {
            address,
            calls,
            runtime: Some(runtime),
        }
    }

    /// Counts the calls to one server, and lets them in unless it lets nobody in.
    fn door(
        &self,
        calls: &Arc<AtomicUsize>,
    ) -> impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone + Send + Sync + 'static {
        let (calls, mischief) = (Arc::clone(calls), self.mischief);
        move |request| {
            calls.fetch_add(1, Ordering::Relaxed);
            match mischief {
                Mischief::Unavailable => Err(Status::unavailable("nobody is let in")),
                _ => Ok(request),
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }
}

/// Listens; where another has just been told to stop, as soon as it has.
fn bound(address: SocketAddr) -> std::net::TcpListener {
    loop {
        match std::net::TcpListener::bind(address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => std::thread::yield_now(),
            listener => return listener.unwrap(),
        }
    }
}

/// A server that dies when this is dropped, and all its connections with it.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    calls: Arc<AtomicUsize>,
    runtime: Option<Runtime>,
}

impl Running {
    /// Where it listens, as an option of the tool.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many calls came to this server, of whatever kind.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
