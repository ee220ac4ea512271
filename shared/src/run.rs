//! From settings to a running process and back: configure, lock, bind, open, build, serve, drain,
//! in one place for the four services and the suite.
//!
//! The first signal drains, the second stops at once, and a server that dies ends the process with
//! a failing code.

mod admin;
mod folder;
mod operator;
mod outbox_command;
mod parts;
mod process;
mod serve;

use std::{
    collections::BTreeMap,
    fmt, io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::{FutureExt as _, future};
use postern_proto::identity::v1::{GetJwksRequest, session_service_client::SessionServiceClient};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::{Layer as _, util::BoxCloneSyncService};

pub use operator::{Command, Tools, Work, operate, usage};
pub use parts::{Builder, Context, Parts, Peers, Service};
pub use process::{Hello, main, main_of, migrate};
pub use serve::{DRAIN, Running};

use crate::{
    auth::{ServiceKey, Verifier, VerifyingKey},
    bus::Bus,
    caller::{Caller, ServiceName},
    clock::Clock,
    config::{Common, ConfigError, Limits, Plaintext, Source},
    db::{Db, OpenError, Postgres, migrate_postgres},
    error,
    middleware::{Port, Shared, Stack},
    outbox::{self, Relay},
    page::Pager,
    peer::{Faults, Means, Peer, Slot},
    random::Random,
    telemetry::Telemetry,
};

/// The largest request that a server reads, in bytes; more is OUT_OF_RANGE.
pub const REQUEST_BYTES_MAX: usize = 64 * 1_024;
/// How long fetching the keys for access tokens may take.
const FETCH_KEYS: Duration = Duration::from_secs(1);

/// Why a process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Telemetry cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] crate::telemetry::TelemetryError),
    /// Another process uses the data folder.
    #[error("the data folder `{}` is in use by another process that runs {service}: stop it, or \
             choose another folder with POSTERN_DATA_DIR", .folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The service in it.
        service: ServiceName,
    },
    /// The data folder or a key in it cannot be used.
    #[error("the data folder `{}` (POSTERN_DATA_DIR) cannot be used", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The folder of keys cannot be used.
    #[error("the folder of keys `{}` (POSTERN_KEYS_DIR) cannot be used", .folder.display())]
    Keys {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file that a setting names cannot be used.
    #[error("POSTERN_TOKEN_KEY_FILE")]
    KeyFile(#[source] io::Error),
    /// A port cannot be listened on.
    #[error("{setting} is `{address}`: {problem}")]
    Listen {
        /// The variable.
        setting: String,
        /// Its value.
        address: SocketAddr,
        /// What the system said and what to do.
        problem: String,
    },
    /// A database cannot be used.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// An address of another service is missing or unusable.
    #[error("POSTERN_{}_URL {problem}", .peer.as_str().to_uppercase())]
    PeerUrl {
        /// The other service.
        peer: ServiceName,
        /// What is wrong.
        problem: String,
    },
    /// The addresses of NATS cannot be used. They may hold a password, so they are not shown.
    #[error("POSTERN_NATS_URL: {0}")]
    Nats(String),
    /// The operating system refused something else.
    #[error("cannot {0}")]
    System(&'static str, #[source] io::Error),
}

/// Everything that is decided before the first port is bound.
pub struct Setup {
    /// The settings that all services share.
    pub common: Common,
    /// The clock: the machine's, unless a test moves its own.
    pub clock: Clock,
    /// What goes wrong between services on purpose: nothing, unless a test says so.
    pub faults: Option<Faults>,
    services: Vec<(Service, Builder)>,
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("common", &self.common)
            .finish_non_exhaustive()
    }
}

impl Setup {
    /// Reads every setting of the process that is to serve `services`.
    ///
    /// # Errors
    /// Everything that is wrong, by the names of the settings.
    pub fn read(services: Vec<Service>, mut source: Source) -> Result<Self, ConfigError> {
        let names: Vec<_> = services.iter().map(|service| service.name).collect();
        // The suite listens where the first of the four would.
        let offset = match names.as_slice() {
            [one] => ServiceName::ALL
                .iter()
                .position(|name| name == one)
                .unwrap_or(0),
            _ => 0,
        };
        let common = Common::read(&mut source, u16::try_from(offset).unwrap_or(0));
        if names.len() > 1 && !common.database_each() {
            let problem = "names one database, and this process runs several services: put \
                           `{service}` where it names the database";
            source.reject("database_url", problem);
        }
        let built = |service: Service| {
            let builder = (service.configure)(&mut source);
            (service, builder)
        };
        let services = services.into_iter().map(built).collect();
        source.finish(&names)?;
        Ok(Self {
            common,
            clock: Clock::system(),
            faults: None,
            services,
        })
    }

    /// What the process is called in logs and traces.
    #[must_use]
    pub fn name(&self) -> String {
        match self.services.as_slice() {
            [(one, _)] => format!("postern-{}", one.name),
            _ => "postern".to_owned(),
        }
    }

    /// Brings every database of this process up to date and returns what was done, for people.
    ///
    /// # Errors
    /// When a database cannot be reached or opened, or is of a newer version.
    pub async fn migrate(self) -> Result<String, StartError> {
        let Self {
            common, services, ..
        } = self;
        let random = Random::system();
        let names: Vec<_> = services.iter().map(|(service, _)| service.name).collect();
        // On a server there is nothing to lock, and perhaps no folder to write to.
        let on_files = common.database_url.is_none();
        let lock = || folder::Folder::open(&common, &names, &random);
        let _folder = on_files.then(lock).transpose()?;
        let mut told = String::new();
        for (
            Service {
                name, migrations, ..
            },
            _,
        ) in services
        {
            let done = match postgres(&common, name) {
                Some(postgres) => migrate_postgres(&postgres, migrations).await?,
                None => {
                    let file = file(&common, name);
                    let db = Db::open_sqlite(&file, migrations, random.clone()).await?;
                    db.close().await;
                    Vec::new()
                }
            };
            let done = match done.as_slice() {
                [] => "nothing to do".to_owned(),
                steps => steps.join(", "),
            };
            told += &format!("{name}: up to date ({done})\n");
        }
        Ok(told)
    }

    /// Starts serving; returns when every port answers.
    ///
    /// # Errors
    /// When the data folder, a port, a database or another service's address cannot be used.
    pub async fn start(self, telemetry: &Telemetry) -> Result<Running, StartError> {
        let process = self.name();
        let Self {
            common,
            clock,
            faults,
            services,
        } = self;
        warn_of(&common);
        let random = Random::system();
        let bus = Bus::new(&common, &process).map_err(StartError::Nats)?;
        let names: Vec<_> = services.iter().map(|(service, _)| service.name).collect();
        let folder = folder::Folder::open(&common, &names, &random)?;
        let sockets = serve::Sockets::bind(&common).await?;
        let slot: Slot = Arc::new(OnceLock::new());
        let wiring = Wiring {
            names: &names,
            common: &common,
            service_key: &folder.service_key,
            slot: &slot,
            means: Means::new(telemetry.rpc(), random.clone()).with(faults),
        };
        let shared = Arc::new(Shared {
            verifier: wiring.verifier(clock.clone())?,
            service_key: folder.service_key.clone(),
            in_flight_max: u32::try_from(common.in_flight_max).unwrap_or(u32::MAX),
            in_flight: Semaphore::new(usize::try_from(common.in_flight_max).unwrap_or(usize::MAX)),
            deadline: Duration::from_millis(common.deadline_ms),
            stopping: CancellationToken::new(),
            metrics: telemetry.rpc(),
            random: random.clone(),
        });
        let pager = Arc::new(Pager::new(&folder.page_key, random.clone()));
        let building = services.into_iter().map(|(service, build)| {
            let (clock, random, pager) = (clock.clone(), random.clone(), Arc::clone(&pager));
            let (common, wiring, folder, bus) = (&common, &wiring, &folder, &bus);
            async move {
                let db = open(common, &service, &random).await?;
                let relay = Relay::new(outbox::Settings {
                    service: service.name,
                    db: db.clone(),
                    brokers: bus.brokers(service.name),
                    clock: clock.clone(),
                    random: random.clone(),
                    meter: &telemetry.meter(),
                });
                let context = Context {
                    peers: wiring.peers(service.name)?,
                    limits: common.limits,
                    token_key: folder.token_key_path(common.token_key_file.as_deref()),
                    meter: telemetry.meter(),
                    db: db.clone(),
                    clock,
                    random,
                    pager,
                };
                Ok::<_, StartError>((build(context).await?, (db, relay)))
            }
        });
        let (parts, stores): (Vec<_>, Vec<_>) =
            future::try_join_all(building).await?.into_iter().unzip();
        let parts = Parts::merge(parts);
        let internal = parts.internal_routes();
        let served = parts.internal_names();
        let guarded = Stack::new(Arc::clone(&shared), Port::Internal, &served).layer(internal);
        // Nobody else fills it: it was made above.
        let _ = slot.set(BoxCloneSyncService::new(guarded));
        let events = serve::Events { bus, stores };
        serve::serve(sockets, parts, shared, telemetry.clone(), events, folder).await
    }
}

/// Says aloud which settings take away a protection.
fn warn_of(common: &Common) {
    if common.limits == Limits::Off {
        tracing::warn!(
            "POSTERN_LIMITS is `off`: no budget holds and passwords can be guessed without \
             limit; use it for replays alone"
        );
    }
    if common.internal_plaintext == Plaintext::Allow {
        tracing::warn!(
            "POSTERN_INTERNAL_PLAINTEXT is `allow`: calls between services cross the network \
             unencrypted; keep everybody else off it"
        );
    }
}

/// How the services of this process find the others.
struct Wiring<'a> {
    names: &'a [ServiceName],
    common: &'a Common,
    service_key: &'a ServiceKey,
    slot: &'a Slot,
    means: Means,
}

impl Wiring<'_> {
    fn peer(&self, me: ServiceName, name: ServiceName) -> Result<Peer, StartError> {
        if self.names.contains(&name) {
            return Ok(Peer::local(me, name, Arc::clone(self.slot), &self.means));
        }
        let problem = |problem: String| StartError::PeerUrl {
            peer: name,
            problem,
        };
        let uris = self.common.peer_urls.get(&name);
        let uris = uris.ok_or_else(|| {
            let place = ServiceName::ALL.iter().position(|known| *known == name);
            let port = 50_151 + place.unwrap_or(0);
            problem(format!(
                "is not set: expected the internal address of that service, such as \
                 http://127.0.0.1:{port}"
            ))
        })?;
        let credential = self.service_key.credential(me);
        Peer::network(me, name, uris, &credential, &self.means)
            .map_err(|error| problem(format!("cannot be used: {error}")))
    }

    /// The peers that a service may call: the arrows of the architecture.
    fn peers(&self, me: ServiceName) -> Result<Peers, StartError> {
        use ServiceName::{Graph, Identity, Messaging, Settings};
        // Messaging as the one that keeps the fences: the owners know of it only that.
        let called: &[ServiceName] = match me {
            Identity => &[Graph, Messaging],
            Graph | Settings => &[Identity, Messaging],
            Messaging => &[Graph, Settings, Identity],
        };
        let mut peers = BTreeMap::new();
        for name in called {
            peers.insert(*name, self.peer(me, *name)?);
        }
        Ok(Peers::new(peers))
    }

    fn verifier(&self, clock: Clock) -> Result<Verifier, StartError> {
        let me = self.names.first().copied().unwrap_or(ServiceName::Identity);
        let client = SessionServiceClient::new(self.peer(me, ServiceName::Identity)?);
        let source = move || {
            let mut client = client.clone();
            async move {
                let request = Caller::system(FETCH_KEYS).ask(GetJwksRequest {});
                let keys = client.get_jwks(request).await?.into_inner().keys;
                Ok(keys
                    .into_iter()
                    .map(|key| VerifyingKey {
                        kid: key.kid,
                        x: key.x,
                    })
                    .collect())
            }
            .boxed()
        };
        Ok(Verifier::new(clock, Arc::new(source)))
    }
}

async fn open(common: &Common, service: &Service, random: &Random) -> Result<Db, OpenError> {
    let steps = service.migrations;
    match postgres(common, service.name) {
        Some(postgres) => Db::open_postgres(&postgres, steps, random.clone()).await,
        None => Db::open_sqlite(&file(common, service.name), steps, random.clone()).await,
    }
}

fn postgres(common: &Common, service: ServiceName) -> Option<Postgres> {
    Some(Postgres {
        url: common.database_of(service)?,
        application: format!("postern-{service}"),
        connections: common.database_connections,
        deadline: Duration::from_millis(common.deadline_ms),
        wait: Duration::from_secs(common.database_wait_s),
    })
}

/// Where a service keeps its SQLite file.
fn file(common: &Common, service: ServiceName) -> PathBuf {
    common.data_dir.join(format!("{service}.db"))
}

/// Prints why a process could not start, for people.
#[must_use]
pub fn explain(error: &StartError) -> String {
    error::chain(error)
}
