//! The three ports of a process, from bound to drained.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use postern_proto::event::v1::Event;
use tokio::{
    net::TcpListener,
    sync::broadcast,
    task::{JoinHandle, JoinSet},
    time::MissedTickBehavior,
};
use tokio_util::sync::CancellationToken;
use tonic::{
    service::{Routes, RoutesBuilder},
    transport::{Server, server::TcpIncoming},
};
use tonic_health::{ServingStatus, server::HealthReporter};

use super::{
    StartError, admin,
    folder::Folder,
    parts::{Job, Parts},
};
use crate::{
    bus::Bus,
    config::{self, Common},
    db::Db,
    middleware::{Port, Shared, Stack},
    outbox::Relay,
    telemetry::Telemetry,
};

/// Limits of one HTTP/2 connection. tonic leaves the first three off (ecosystem finding 2).
const CONCURRENT_STREAMS_MAX: u32 = 128;
const LOCAL_ERROR_RESETS_MAX: usize = 1_024;
const PENDING_RESETS_MAX: usize = 20;
const HEADER_BYTES_MAX: u32 = 16 * 1_024;
const FRAME_BYTES_MAX: u32 = 16 * 1_024;
/// How often an idle connection is tested, and how long the answer may take.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
/// A connection is asked to end after this long, so that load spreads. Never with a grace time:
/// that cuts calls in two (ecosystem finding 3).
const CONNECTION_AGE: Duration = Duration::from_secs(1_800);
/// How long calls in progress may take to end once the process is told to stop.
pub const DRAIN: Duration = Duration::from_secs(25);

/// How long closing a database may take.
const CLOSE: Duration = Duration::from_secs(2);
/// How long connected clients get to leave by themselves.
const FAREWELL: Duration = Duration::from_secs(1);

/// The ports, bound but not served yet.
#[derive(Debug)]
pub(super) struct Sockets {
    public: TcpListener,
    internal: TcpListener,
    admin: TcpListener,
}

impl Sockets {
    pub(super) async fn bind(common: &Common) -> Result<Self, StartError> {
        Ok(Self {
            public: bind("listen", common.listen).await?,
            internal: bind("internal_listen", common.internal_listen).await?,
            admin: bind("admin_listen", common.admin_listen).await?,
        })
    }
}

async fn bind(key: &str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| StartError::Listen {
            setting: config::variable(key),
            address,
            problem: match error.kind() {
                io::ErrorKind::AddrInUse => {
                    "the port is in use: stop what listens there, or choose another".to_owned()
                }
                _ => error.to_string(),
            },
        })
}

/// Where events are written, what carries them off, and where to.
pub(super) struct Events {
    pub(super) bus: Bus,
    /// Each service's database and its relay.
    pub(super) stores: Vec<(Db, Relay)>,
}

/// A process that serves.
pub struct Running {
    /// Where people's clients call.
    pub public: SocketAddr,
    /// Where services call.
    pub internal: SocketAddr,
    /// Where operators look.
    pub admin: SocketAddr,
    stop: CancellationToken,
    servers: JoinSet<Result<(), String>>,
    /// They outlive the servers, whose last calls leave events too.
    relays: JoinSet<()>,
    stop_relays: CancellationToken,
    bus: Bus,
    jobs: Vec<JoinHandle<()>>,
    ready: Arc<AtomicBool>,
    health: Vec<(HealthReporter, Vec<&'static str>)>,
    shared: Arc<Shared>,
    databases: Vec<Db>,
    _folder: Folder,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("public", &self.public)
            .field("internal", &self.internal)
            .field("admin", &self.admin)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// Waits until a server or a relay dies, which none should; says why.
    pub async fn died(&mut self) -> String {
        tokio::select! {
            ended = self.servers.join_next() => match ended {
                Some(Ok(Ok(()))) | None => "a server ended by itself".to_owned(),
                Some(Ok(Err(error))) => error,
                Some(Err(error)) => error.to_string(),
            },
            ended = self.relays.join_next() => match ended {
                Some(Ok(())) | None => "a relay of events ended by itself".to_owned(),
                Some(Err(error)) => format!("a relay of events died: {error}"),
            },
        }
    }

    /// Listens to the events that this process publishes from now on. They are hints: whoever
    /// must not miss one reads the database, at the latest when told of having missed some.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Arc<Event>> {
        self.bus.subscribe()
    }

    /// Stops: readiness goes off, calls in progress end, databases close.
    pub async fn stop(mut self) {
        self.ready.store(false, Ordering::SeqCst);
        for (health, names) in &mut self.health {
            for name in names.iter().chain(&[""]) {
                health
                    .set_service_status(*name, ServingStatus::NotServing)
                    .await;
            }
        }
        self.stop.cancel();
        for job in &self.jobs {
            job.abort();
        }
        let shared = Arc::clone(&self.shared);
        let ended = async { while self.servers.join_next().await.is_some() {} };
        let drained = async {
            tokio::select! {
                () = ended => {}
                () = idle(&shared) => {}
            }
        };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            tracing::warn!(
                drain_s = DRAIN.as_secs(),
                "calls are still open: they are cut off"
            );
        }
        self.servers.shutdown().await;
        self.stop_relays.cancel();
        while self.relays.join_next().await.is_some() {}
        for db in self.databases {
            // What is still under way there is rolled back by the server.
            let closed = tokio::time::timeout(CLOSE, db.close()).await;
            if closed.is_err() {
                tracing::warn!("a database did not close in time");
            }
        }
    }
}

pub(super) async fn serve(
    sockets: Sockets,
    mut parts: Parts,
    shared: Arc<Shared>,
    telemetry: Telemetry,
    events: Events,
    folder: Folder,
) -> Result<Running, StartError> {
    let (public, internal, admin) = (
        local(&sockets.public)?,
        local(&sockets.internal)?,
        local(&sockets.admin)?,
    );
    let stop = shared.stopping.clone();
    let ready = Arc::new(AtomicBool::new(true));
    let mut servers = JoinSet::new();
    let mut health = Vec::new();
    let ports = [
        (
            sockets.public,
            Port::Public,
            parts.public_builder(),
            parts.public_names(),
        ),
        (
            sockets.internal,
            Port::Internal,
            parts.internal_builder(),
            parts.internal_names(),
        ),
    ];
    for (listener, port, mut routes, names) in ports {
        let reporter = standard_services(&mut routes, &names).await;
        let stack = Stack::new(Arc::clone(&shared), port, &names);
        health.push((reporter, names));
        servers.spawn(serve_port(listener, stack, routes.routes(), stop.clone()));
    }
    let serving = admin::serve(sockets.admin, telemetry, Arc::clone(&ready), stop.clone());
    servers.spawn(async move {
        serving
            .await
            .map_err(|error| format!("the admin server died: {error}"))
    });
    let jobs = parts
        .take_jobs()
        .into_iter()
        .map(|(period, job)| tokio::spawn(repeat(period, job)));
    let stop_relays = CancellationToken::new();
    let (mut relays, mut databases) = (JoinSet::new(), Vec::new());
    for (db, relay) in events.stores {
        relays.spawn(relay.run(stop_relays.clone()));
        databases.push(db);
    }
    Ok(Running {
        public,
        internal,
        admin,
        stop,
        servers,
        relays,
        stop_relays,
        bus: events.bus,
        jobs: jobs.collect(),
        ready,
        health,
        shared,
        databases,
        _folder: folder,
    })
}

/// Waits until no call is in progress any more. The transport itself waits for every connection,
/// also for one that never spoke and for streams of health that last as long as their client likes.
async fn idle(shared: &Shared) {
    // Clients that were told to go need a moment, and what they sent meanwhile is still answered.
    pause(FAREWELL).await;
    let every_permit = shared.in_flight.acquire_many(shared.in_flight_max).await;
    drop(every_permit);
    // The last answers have to leave.
    pause(FAREWELL / 4).await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "nothing tells when a client has read its answer"
)]
async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}

fn local(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener
        .local_addr()
        .map_err(|error| StartError::System("read a port's address", error))
}

async fn serve_port(
    listener: TcpListener,
    stack: Stack,
    routes: Routes,
    stop: CancellationToken,
) -> Result<(), String> {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    server()
        .layer(stack)
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
        .await
        .map_err(|error| format!("a server died: {}", crate::error::chain(&error)))
}

async fn repeat(period: Duration, job: Job) {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        job().await;
    }
}

/// Health and reflection, which every port offers.
async fn standard_services(routes: &mut RoutesBuilder, names: &[&'static str]) -> HealthReporter {
    let (reporter, health) = tonic_health::server::health_reporter();
    for name in names {
        reporter
            .set_service_status(*name, ServingStatus::Serving)
            .await;
    }
    routes.add_service(health);
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(postern_proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // So that grpcurl can print the details of errors.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health")
    };
    let listed = |mut builder: tonic_reflection::server::Builder<'static>| {
        for name in names {
            builder = builder.with_service_name(*name);
        }
        builder
    };
    match (
        listed(reflection()).build_v1(),
        listed(reflection()).build_v1alpha(),
    ) {
        (Ok(v1), Ok(v1alpha)) => {
            routes.add_service(v1).add_service(v1alpha);
        }
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "reflection is off: the contract cannot be read");
        }
    }
    reporter
}

fn server() -> Server {
    Server::builder()
        .max_concurrent_streams(CONCURRENT_STREAMS_MAX)
        .http2_max_local_error_reset_streams(Some(LOCAL_ERROR_RESETS_MAX))
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS_MAX))
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
        .http2_keepalive_interval(Some(KEEP_ALIVE.0))
        .http2_keepalive_timeout(Some(KEEP_ALIVE.1))
        .max_connection_age(CONNECTION_AGE)
}
