//! What a service hands in, and what it gets.

use std::{
    collections::BTreeMap, convert::Infallible, fmt, future::Future, path::PathBuf, sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::Request;
use opentelemetry::metrics::Meter;
use tonic::{
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
};

use super::{StartError, operator::Command};
use crate::{
    auth::{SigningKey, load_or_generate_signing_key, read_signing_key},
    caller::ServiceName,
    clock::Clock,
    config::{Limits, Source},
    db::{Db, Migration},
    page::{KEY_BYTES, Pager},
    peer::Peer,
    random::Random,
};

/// One of the four services, as its crate hands it in.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// Which.
    pub name: ServiceName,
    /// Its schema, step by step.
    pub migrations: &'static [Migration],
    /// What an operator can do with it from the command line.
    pub commands: &'static [Command],
    /// Reads its settings now; what it returns is built once the database is open.
    pub configure: fn(&mut Source) -> Builder,
}

/// Builds a service.
pub type Builder = Box<dyn FnOnce(Context) -> BoxFuture<'static, Result<Parts, StartError>> + Send>;

/// What a service is built from.
#[derive(Debug)]
pub struct Context {
    /// Its database, open and up to date.
    pub db: Db,
    /// The services that it may call.
    pub peers: Peers,
    /// What time it is.
    pub clock: Clock,
    /// Where chance comes from.
    pub random: Random,
    /// Makes page tokens.
    pub pager: Arc<Pager>,
    /// Whether limits are on.
    pub limits: Limits,
    /// Where it makes instruments of its own.
    pub meter: Meter,
    pub(super) token_key: TokenKeyPath,
}

/// Where the key for access tokens lies.
#[derive(Debug, Clone)]
pub(super) enum TokenKeyPath {
    /// A setting names it; it must exist.
    Named(PathBuf),
    /// In the data folder; it is made when it is missing.
    Generated(PathBuf),
}

impl Context {
    /// A secret that all replicas of a deployment share: one for each purpose, which is named by a
    /// name that never changes. It changes with the key of page tokens.
    #[must_use]
    pub fn key_for(&self, purpose: &str) -> [u8; KEY_BYTES] {
        self.pager.key_for(purpose)
    }

    /// The key that access tokens are signed with: for identity alone.
    ///
    /// # Errors
    /// When the file cannot be read or is no such key.
    pub fn signing_key(&self) -> Result<SigningKey, StartError> {
        match &self.token_key {
            TokenKeyPath::Named(path) => read_signing_key(path).map_err(StartError::KeyFile),
            TokenKeyPath::Generated(path) => {
                let folder = path.parent().unwrap_or(path).to_owned();
                load_or_generate_signing_key(path)
                    .map_err(|source| StartError::Folder { folder, source })
            }
        }
    }
}

/// The services that a service may call.
#[derive(Debug, Clone)]
pub struct Peers(BTreeMap<ServiceName, Peer>);

impl Peers {
    pub(super) const fn new(peers: BTreeMap<ServiceName, Peer>) -> Self {
        Self(peers)
    }

    /// One of them.
    ///
    /// # Errors
    /// When the architecture has no arrow from this service to that one.
    pub fn get(&self, name: ServiceName) -> Result<Peer, StartError> {
        self.0
            .get(&name)
            .cloned()
            .ok_or_else(|| StartError::PeerUrl {
                peer: name,
                problem: "is not for this service: it does not call that one".to_owned(),
            })
    }
}

type Add = Box<dyn Fn(&mut RoutesBuilder) + Send + Sync>;
pub(super) type Job = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// What a service serves, once built.
#[derive(Default)]
pub struct Parts {
    public: Vec<(&'static str, Add)>,
    internal: Vec<(&'static str, Add)>,
    jobs: Vec<(Duration, Job)>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("public", &self.public_names())
            .finish_non_exhaustive()
    }
}

impl Parts {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves a contract on the public port.
    #[must_use]
    pub fn public<S>(mut self, server: S) -> Self
    where
        S: tower::Service<Request<Body>, Response = http::Response<Body>, Error = Infallible>,
        S: NamedService + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        self.public.push((S::NAME, adder(server)));
        self
    }

    /// Serves a contract on the internal port.
    #[must_use]
    pub fn internal<S>(mut self, server: S) -> Self
    where
        S: tower::Service<Request<Body>, Response = http::Response<Body>, Error = Infallible>,
        S: NamedService + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        self.internal.push((S::NAME, adder(server)));
        self
    }

    /// Does something now and then, for as long as the process serves.
    #[must_use]
    pub fn every<F, Fut>(mut self, period: Duration, job: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.jobs.push((period, Box::new(move || Box::pin(job()))));
        self
    }

    pub(super) fn merge(all: Vec<Self>) -> Self {
        let mut merged = Self::new();
        for parts in all {
            merged.public.extend(parts.public);
            merged.internal.extend(parts.internal);
            merged.jobs.extend(parts.jobs);
        }
        merged
    }

    pub(super) fn public_names(&self) -> Vec<&'static str> {
        self.public.iter().map(|(name, _)| *name).collect()
    }

    pub(super) fn internal_names(&self) -> Vec<&'static str> {
        self.internal.iter().map(|(name, _)| *name).collect()
    }

    pub(super) fn public_builder(&self) -> RoutesBuilder {
        builder(&self.public)
    }

    pub(super) fn internal_builder(&self) -> RoutesBuilder {
        builder(&self.internal)
    }

    pub(super) fn internal_routes(&self) -> Routes {
        self.internal_builder().routes()
    }

    pub(super) fn take_jobs(&mut self) -> Vec<(Duration, Job)> {
        std::mem::take(&mut self.jobs)
    }
}

fn adder<S>(server: S) -> Add
where
    S: tower::Service<Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S: NamedService + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    Box::new(move |builder| {
        builder.add_service(server.clone());
    })
}

fn builder(added: &[(&'static str, Add)]) -> RoutesBuilder {
    let mut builder = Routes::builder();
    for (_, add) in added {
        add(&mut builder);
    }
    builder
}
