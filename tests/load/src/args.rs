//! Reads the command line.
//!
//! It promises to refuse what it does not know, with the flag and the reason, before anything is
//! opened or sent.

mod given;
mod usage;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub use usage::USAGE;

use given::{Given, wrong};

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Print the usage.
    Help,
    /// Replay a trace.
    Replay(ReplayArgs),
    /// Make up a trace.
    Trace(TraceArgs),
    /// Measure GetRelationship.
    Relationships(RelationshipsArgs),
    /// Prove that nothing lands after an acknowledged "no".
    Prove(ProveArgs),
    /// Show what people meet while services are away.
    Outages(OutagesArgs),
}

/// The arguments of `replay`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayArgs {
    /// The file with the trace.
    pub trace: PathBuf,
    /// How to replay it.
    pub options: Options,
}

/// The arguments of `trace`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceArgs {
    /// What to make up.
    pub shape: Shape,
    /// Where to write it; `None`: to standard output.
    pub out: Option<PathBuf>,
}

/// What a trace that is made up looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How many people take part.
    pub people: u32,
    /// How many lines there are; at least as many as people.
    pub messages: u32,
    /// What the choices follow from.
    pub seed: u32,
}

/// The arguments of `relationships`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationshipsArgs {
    /// The server.
    pub internal: Asked,
    /// The server that it is compared with.
    pub against: Option<Asked>,
    /// Calls to each server that are measured.
    pub calls: u32,
    /// Calls to each server before those.
    pub warm_up: u32,
    /// Calls under way at the same time.
    pub in_flight: usize,
    /// Connections to each server.
    pub connections: usize,
}

/// The arguments of `prove-fence`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProveArgs {
    /// How to call; the rate and what is under way follow from the trials.
    pub options: Options,
    /// How many trials have to count.
    pub trials: u32,
    /// What the lots follow from.
    pub seed: u32,
    /// Recipients, each with a trial of its own at the same time.
    pub lanes: usize,
    /// Senders of each recipient.
    pub senders: usize,
    /// Messages of each sender under way at the same time.
    pub streams: usize,
    /// Blocks that are measured, with and without a flood; 0: none.
    pub blocks: u32,
    /// The program that makes the person of a handle a moderator.
    pub grant: PathBuf,
}

/// The arguments of `outages`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutagesArgs {
    /// How to call.
    pub options: Options,
    /// What the names of people and messages follow from.
    pub seed: u32,
    /// How many write while an owner is away, besides one who has not written before.
    pub senders: usize,
    /// Blocks while messaging is away.
    pub blocks: usize,
    /// How long messaging uses what an owner said: its `cache_seconds`.
    pub kept: Duration,
    /// The program that stops and starts a service.
    pub operator: PathBuf,
}

/// A server and what it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its internal address.
    pub url: String,
    /// The credential: `name: value`.
    pub header: String,
    /// About whom.
    pub about: About,
}

/// A file that says whom to ask about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// Two ids a line.
    Pairs(PathBuf),
    /// One id a line.
    Users(PathBuf),
}

/// How to replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the services are.
    pub targets: Targets,
    /// Connections to each address.
    pub connections: usize,
    /// Calls under way at the same time.
    pub in_flight: usize,
    /// Messages to start in a second; `None`: as fast as they are answered.
    pub rate: Option<u32>,
    /// How long one call is tried again.
    pub patience: Duration,
}

impl Options {
    /// The defaults, with all services at the same addresses.
    #[must_use]
    pub fn for_targets(urls: &[String]) -> Self {
        Self {
            targets: Targets::all_at(urls),
            connections: 8,
            in_flight: 64,
            rate: None,
            patience: Duration::from_secs(60),
        }
    }

    /// The defaults, with all services at one address.
    #[must_use]
    pub fn for_target(url: &str) -> Self {
        Self::for_targets(&[url.to_owned()])
    }
}

/// The addresses of each service: of all its replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets {
    /// Accounts and sessions.
    pub identity: Vec<String>,
    /// Follows.
    pub graph: Vec<String>,
    /// Settings.
    pub settings: Vec<String>,
    /// Messages, conversations, requests.
    pub messaging: Vec<String>,
}

impl Targets {
    /// All four at the same addresses.
    #[must_use]
    pub fn all_at(urls: &[String]) -> Self {
        Self {
            identity: urls.to_vec(),
            graph: urls.to_vec(),
            settings: urls.to_vec(),
            messaging: urls.to_vec(),
        }
    }
}

const COMMANDS: &str = "`replay`, `trace`, `relationships`, `prove-fence` or `outages`";

/// What is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgsError {
    /// Nothing was asked for.
    #[error("expected the command {COMMANDS}")]
    NoCommand,
    /// Something else was asked for.
    #[error("unknown command `{0}`; expected {COMMANDS}")]
    UnknownCommand(String),
    /// A flag or word that means nothing here.
    #[error("unknown argument `{0}`")]
    Unknown(String),
    /// A flag at the end, or followed by another.
    #[error("`{0}` needs a value")]
    NoValue(String),
    /// The same flag again.
    #[error("`{0}` is given twice")]
    Twice(String),
    /// A value that the flag cannot have.
    #[error("`{flag}` cannot be `{value}`; expected {expected}")]
    Value {
        /// The flag.
        flag: String,
        /// What it was given.
        value: String,
        /// What it takes.
        expected: String,
    },
    /// A flag that the command cannot do without.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// Two flags that say the same thing.
    #[error("`{0}` and `{1}` exclude each other")]
    Both(&'static str, &'static str),
}

/// Where the services are and how they are called, of every command that calls all of them.
const CALL_FLAGS: [&str; 7] = [
    "--target",
    "--identity",
    "--graph",
    "--settings",
    "--messaging",
    "--connections",
    "--patience",
];
const REPLAY_FLAGS: [&str; 3] = ["--trace", "--in-flight", "--rate"];
const TRACE_FLAGS: [&str; 4] = ["--people", "--messages", "--seed", "--out"];
const RELATIONSHIPS_FLAGS: [&str; 12] = [
    "--internal",
    "--header",
    "--pairs",
    "--users",
    "--against",
    "--against-header",
    "--against-pairs",
    "--against-users",
    "--calls",
    "--warm-up",
    "--in-flight",
    "--connections",
];
const PROVE_FLAGS: [&str; 7] = [
    "--trials",
    "--seed",
    "--lanes",
    "--senders",
    "--streams",
    "--blocks",
    "--grant",
];
const OUTAGES_FLAGS: [&str; 5] = ["--operator", "--seed", "--senders", "--blocks", "--kept"];

/// Reads the arguments after the program's name.
///
/// # Errors
/// When they do not make sense; nothing was done then.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, ArgsError> {
    let args: Vec<OsString> = args.into_iter().collect();
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        return Ok(Command::Help);
    }
    let (command, rest) = args.split_first().ok_or(ArgsError::NoCommand)?;
    let calling = |flags: &[&'static str]| Given::collect(rest, &[flags, &CALL_FLAGS].concat());
    match command.to_string_lossy().as_ref() {
        "replay" => replay(&calling(&REPLAY_FLAGS)?).map(Command::Replay),
        "trace" => trace(&Given::collect(rest, &TRACE_FLAGS)?).map(Command::Trace),
        "relationships" => {
            let given = Given::collect(rest, &RELATIONSHIPS_FLAGS)?;
            relationships(&given).map(Command::Relationships)
        }
        "prove-fence" => prove(&calling(&PROVE_FLAGS)?).map(Command::Prove),
        "outages" => outages(&calling(&OUTAGES_FLAGS)?).map(Command::Outages),
        unknown => Err(ArgsError::UnknownCommand(unknown.to_owned())),
    }
}

fn replay(given: &Given) -> Result<ReplayArgs, ArgsError> {
    let trace = given.path("--trace");
    let trace = trace.ok_or(ArgsError::Missing("--trace FILE"))?;
    let mut options = options(given)?;
    if let Some(in_flight) = given.number("--in-flight", 1..=4096)? {
        options.in_flight = in_flight as usize;
    }
    options.rate = given.number("--rate", 1..=1_000_000)?;
    Ok(ReplayArgs { trace, options })
}

fn prove(given: &Given) -> Result<ProveArgs, ArgsError> {
    let number = |flag, range, default| given.number_or(flag, range, default);
    let grant = given.path("--grant");
    Ok(ProveArgs {
        options: options(given)?,
        trials: number("--trials", 0..=10_000_000, 500)?,
        seed: number("--seed", 0..=u32::MAX, 1)?,
        lanes: number("--lanes", 1..=1_000, 16)? as usize,
        senders: number("--senders", 1..=1_000, 3)? as usize,
        streams: number("--streams", 1..=100, 2)? as usize,
        blocks: number("--blocks", 0..=1_000_000, 200)?,
        grant: grant.ok_or(ArgsError::Missing("--grant PROGRAM"))?,
    })
}

fn outages(given: &Given) -> Result<OutagesArgs, ArgsError> {
    let number = |flag, range, default| given.number_or(flag, range, default);
    let operator = given.path("--operator");
    Ok(OutagesArgs {
        options: options(given)?,
        seed: number("--seed", 0..=u32::MAX, 1)?,
        senders: number("--senders", 1..=1_000, 8)? as usize,
        blocks: number("--blocks", 0..=1_000, 5)? as usize,
        kept: Duration::from_secs(number("--kept", 1..=60, 60)?.into()),
        operator: operator.ok_or(ArgsError::Missing("--operator PROGRAM"))?,
    })
}

/// Where the services are, and how they are called.
fn options(given: &Given) -> Result<Options, ArgsError> {
    let targets = given
        .urls("--target")?
        .unwrap_or_else(|| vec!["http://127.0.0.1:50051".to_owned()]);
    let mut options = Options::for_targets(&targets);
    for (flag, service) in [
        ("--identity", &mut options.targets.identity),
        ("--graph", &mut options.targets.graph),
        ("--settings", &mut options.targets.settings),
        ("--messaging", &mut options.targets.messaging),
    ] {
        if let Some(urls) = given.urls(flag)? {
            *service = urls;
        }
    }
    if let Some(connections) = given.number("--connections", 1..=256)? {
        options.connections = connections as usize;
    }
    if let Some(seconds) = given.number("--patience", 1..=3600)? {
        options.patience = Duration::from_secs(seconds.into());
    }
    Ok(options)
}

fn trace(given: &Given) -> Result<TraceArgs, ArgsError> {
    let people = given.number("--people", 2..=1_000_000)?.unwrap_or(1_000);
    let messages = given.number("--messages", 1..=10_000_000)?;
    let messages = messages.unwrap_or_else(|| people.max(20_000));
    if messages < people {
        let expected = format!("at least one message for each of {people} people");
        return Err(wrong("--messages", messages.to_string(), expected));
    }
    let seed = given.number("--seed", 0..=u32::MAX)?.unwrap_or(1);
    let shape = Shape {
        people,
        messages,
        seed,
    };
    let out = given.path("--out");
    Ok(TraceArgs { shape, out })
}

fn relationships(given: &Given) -> Result<RelationshipsArgs, ArgsError> {
    let url = given.url("--internal")?;
    let header = given.text("--header");
    let internal = Asked {
        url: url.ok_or(ArgsError::Missing("--internal URL"))?,
        header: header.ok_or(ArgsError::Missing("--header 'NAME: VALUE'"))?,
        about: about(given, "--pairs", "--users")?
            .ok_or(ArgsError::Missing("--pairs FILE` or `--users FILE"))?,
    };
    let against_about = about(given, "--against-pairs", "--against-users")?;
    let against_header = given.text("--against-header");
    let against = match given.url("--against")? {
        Some(url) => Some(Asked {
            url,
            header: against_header.unwrap_or_else(|| internal.header.clone()),
            about: against_about.unwrap_or_else(|| internal.about.clone()),
        }),
        None if against_about.is_some() || against_header.is_some() => {
            return Err(ArgsError::Missing("--against URL"));
        }
        None => None,
    };
    let number = |flag, range, default| given.number_or(flag, range, default);
    Ok(RelationshipsArgs {
        internal,
        against,
        calls: number("--calls", 1..=10_000_000, 10_000)?,
        warm_up: number("--warm-up", 0..=10_000_000, 1_000)?,
        in_flight: number("--in-flight", 1..=4_096, 8)? as usize,
        connections: number("--connections", 1..=256, 8)? as usize,
    })
}

fn about(
    given: &Given,
    pairs: &'static str,
    users: &'static str,
) -> Result<Option<About>, ArgsError> {
    match (given.path(pairs), given.path(users)) {
        (Some(_), Some(_)) => Err(ArgsError::Both(pairs, users)),
        (Some(file), None) => Ok(Some(About::Pairs(file))),
        (None, Some(file)) => Ok(Some(About::Users(file))),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests;
