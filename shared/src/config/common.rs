//! The settings that every service has.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, str::FromStr};

use tracing_subscriber::EnvFilter;

use super::{Secret, Source};
use crate::caller::ServiceName;

/// Where traces go, as OpenTelemetry names it.
const OTLP_VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// Stands for the service's name in the address of its database.
const SERVICE_PLACE: &str = "{service}";
/// Addresses that one setting may list.
const ADDRESSES_MAX: usize = 64;

/// Whether the budgets of the consent policy and the limits on sign-ins are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    /// On, each with its own setting.
    Default,
    /// Off, for replays of recorded traffic; warned about at start.
    Off,
}

impl FromStr for Limits {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "default" => Ok(Self::Default),
            "off" => Ok(Self::Off),
            _ => Err(()),
        }
    }
}

/// Whether internal ports may be reached from other machines without encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plaintext {
    /// They listen on loopback addresses alone.
    Refuse,
    /// They listen anywhere; warned about at start.
    Allow,
}

impl FromStr for Plaintext {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "allow" => Ok(Self::Allow),
            _ => Err(()),
        }
    }
}

/// The settings that every service has.
#[derive(Debug, Clone)]
pub struct Common {
    /// Where databases and generated keys live. Default `./data`.
    pub data_dir: PathBuf,
    /// The public port. Default 127.0.0.1:50051 to 50054, the suite 127.0.0.1:50051.
    pub listen: SocketAddr,
    /// The internal port. Default 127.0.0.1:50151 to 50154.
    pub internal_listen: SocketAddr,
    /// The admin port. Default 127.0.0.1:9464 to 9467.
    pub admin_listen: SocketAddr,
    /// A `postgres://` address, in which `{service}` stands for the service's name; without one
    /// the service keeps a SQLite file in `data_dir`.
    pub database_url: Option<Secret>,
    /// Connections of one service in one process to PostgreSQL: the sum over services and replicas
    /// stays below the server's `max_connections`. Up to two carry events at times. Default 12.
    pub database_connections: u32,
    /// How long a process that starts waits for a server that it cannot reach yet, in seconds.
    /// Default 30.
    pub database_wait_s: u64,
    /// Where the internal ports of the other services are: one or several addresses each, and each
    /// may name a host with several addresses of its own.
    pub peer_urls: BTreeMap<ServiceName, Vec<http::Uri>>,
    /// `nats://host:port`, or several with commas between them: where events go. Without it they
    /// are handed over inside the process alone.
    pub nats_url: Option<Secret>,
    /// How many servers of a NATS cluster keep each event. Default 1.
    pub nats_replicas: usize,
    /// A folder that holds `service.key` and `page.key`, and for identity `token.pem`: the same for
    /// every replica of every service. Default: generated ones in `data_dir`.
    pub keys_dir: Option<PathBuf>,
    /// Whether internal ports may listen on other than loopback addresses without encryption.
    /// Default `refuse`.
    pub internal_plaintext: Plaintext,
    /// The private key that access tokens are signed with: Ed25519, PKCS#8, PEM. Default:
    /// `token.pem` in `keys_dir`, else one generated in `data_dir`.
    pub token_key_file: Option<PathBuf>,
    /// Whether limits are on. Default `default`.
    pub limits: Limits,
    /// How long a call may take when the caller does not say, in milliseconds. Default 2,000.
    pub deadline_ms: u64,
    /// How many calls one process works on at once; more are turned away. Default 2,048.
    pub in_flight_max: u64,
    /// What is logged and exported.
    pub telemetry: TelemetryConfig,
}

/// How logs look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err(()),
        }
    }
}

/// What is logged and exported.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// `human` (default) or `json`.
    pub log_format: LogFormat,
    /// Which logs: a tracing filter such as `info,postern=debug`. Below `info` it lets through what
    /// Postern's own crates say, never what those that it is made of do. Default `info`, with less
    /// of the migrations.
    pub log: String,
    /// Where traces go by OTLP over gRPC (`OTEL_EXPORTER_OTLP_ENDPOINT`); none: nowhere.
    pub otlp_endpoint: Option<String>,
    /// Which share of the traces that begin here is kept, 0 to 1. Default 1.
    pub trace_ratio: f64,
}

impl Common {
    /// Reads the settings that every service has. `offset` is the service's place in the order of
    /// ports; the suite has that of the first.
    pub fn read(source: &mut Source, offset: u16) -> Self {
        let address = "an address and a port such as 127.0.0.1:50051";
        let local = |port: u16| SocketAddr::from(([127, 0, 0, 1], port + offset));
        let common = Self {
            data_dir: source.get("data_dir", "a folder", PathBuf::from("data")),
            listen: source.get("listen", address, local(50_051)),
            internal_listen: source.get("internal_listen", address, local(50_151)),
            admin_listen: source.get("admin_listen", address, local(9_464)),
            database_url: source.secret("database_url"),
            database_connections: u32::try_from(source.number(
                "database_connections",
                "connections",
                (4, 1_000),
                12,
            ))
            .unwrap_or(12),
            database_wait_s: source.number("database_wait_s", "seconds", (0, 3_600), 30),
            peer_urls: ServiceName::ALL
                .into_iter()
                .filter_map(|name| Some((name, peer_urls(source, name)?)))
                .collect(),
            nats_url: source.secret("nats_url"),
            nats_replicas: usize::try_from(source.number("nats_replicas", "copies", (1, 5), 1))
                .unwrap_or(1),
            keys_dir: source.optional("keys_dir", "a folder"),
            internal_plaintext: source.get(
                "internal_plaintext",
                "`refuse` or `allow`",
                Plaintext::Refuse,
            ),
            token_key_file: source.optional("token_key_file", "a file"),
            limits: source.get("limits", "`default` or `off`", Limits::Default),
            deadline_ms: source.number("deadline_ms", "milliseconds", (50, 600_000), 2_000),
            in_flight_max: source.number("in_flight_max", "calls", (1, 1_000_000), 2_048),
            telemetry: TelemetryConfig::read(source),
        };
        common.check(source);
        common
    }

    /// The address of one service's database.
    #[must_use]
    pub fn database_of(&self, service: ServiceName) -> Option<Secret> {
        let url = self.database_url.as_ref()?;
        let url = url.reveal().replace(SERVICE_PLACE, service.as_str());
        Some(Secret::from(url))
    }

    /// Whether `database_url` names a database of its own for each service.
    #[must_use]
    pub fn database_each(&self) -> bool {
        let url = self.database_url.as_ref();
        url.is_none_or(|url| url.reveal().contains(SERVICE_PLACE))
    }

    fn check(&self, source: &mut Source) {
        if !self.internal_listen.ip().is_loopback() && self.internal_plaintext == Plaintext::Refuse
        {
            let problem = "must be a loopback address: calls between services are not encrypted \
                           (POSTERN_INTERNAL_PLAINTEXT=allow where the network itself keeps \
                           others out)";
            source.reject("internal_listen", problem);
        }
        let starts = |url: &Secret, known: &[&str]| {
            known.iter().any(|scheme| url.reveal().starts_with(scheme))
        };
        if let Some(url) = &self.database_url
            && !starts(url, &["postgres://", "postgresql://"])
        {
            source.reject("database_url", "must begin with postgres://");
        }
        if let Some(urls) = &self.nats_url {
            let each = |url: &str| {
                url.strip_prefix("nats://").is_some_and(|rest| {
                    let authority = rest.parse::<http::uri::Authority>();
                    authority.is_ok_and(|authority| !authority.host().is_empty())
                })
            };
            if !urls.reveal().split(',').all(|url| each(url.trim())) {
                let expected = "must be an address such as nats://127.0.0.1:4222, or several with \
                                commas between them";
                source.reject("nats_url", expected);
            }
        }
    }
}

impl TelemetryConfig {
    fn read(source: &mut Source) -> Self {
        let trace_ratio = source.get("trace_ratio", "a number from 0 to 1", 1.0);
        if !(0.0..=1.0).contains(&trace_ratio) {
            source.reject("trace_ratio", "must be a number from 0 to 1");
        }
        let log: String = source.get(
            "log",
            "a filter such as `info,postern=debug`",
            "info,sea_orm_migration=warn,sqlx::postgres::notice=warn".to_owned(),
        );
        if EnvFilter::try_new(&log).is_err() {
            source.reject("log", "must be a filter such as `info,postern=debug`");
        }
        let otlp_endpoint = source.foreign(OTLP_VARIABLE).map(str::to_owned);
        if otlp_endpoint
            .as_deref()
            .is_some_and(|endpoint| !is_address(endpoint))
        {
            let expected = "must be an address such as http://127.0.0.1:4317";
            source.wrong.push(format!("{OTLP_VARIABLE} {expected}"));
        }
        Self {
            log_format: source.get("log_format", "`human` or `json`", LogFormat::Human),
            log,
            otlp_endpoint,
            trace_ratio,
        }
    }
}

/// Where a service is, for the others.
fn peer_urls(source: &mut Source, name: ServiceName) -> Option<Vec<http::Uri>> {
    let key = format!("{name}_url");
    // Somebody may have put a password into it: it is not shown.
    let addresses = source.secret(&key)?;
    let each: Vec<_> = addresses.reveal().split(',').map(str::trim).collect();
    if each.len() > ADDRESSES_MAX || !each.iter().all(|address| is_address(address)) {
        let expected = "must be an address such as http://127.0.0.1:50151, or up to 64 with commas \
                        between them";
        source.reject(&key, expected);
        return None;
    }
    Some(
        each.iter()
            .filter_map(|address| address.parse().ok())
            .collect(),
    )
}

/// Whether a text is `http://host:port`, without a user or a password.
fn is_address(text: &str) -> bool {
    text.parse::<http::Uri>().is_ok_and(|uri| {
        let host = uri
            .authority()
            .is_some_and(|authority| !authority.as_str().contains('@'));
        host && uri.scheme_str() == Some("http")
    })
}
