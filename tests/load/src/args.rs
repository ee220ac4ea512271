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

/// What is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgsError {
    /// Nothing was asked for.
    #[error("expected the command `replay` or `trace`")]
    NoCommand,
    /// Something else was asked for.
    #[error("unknown command `{0}`; expected `replay` or `trace`")]
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
}

const REPLAY_FLAGS: [&str; 10] = [
    "--trace",
    "--target",
    "--identity",
    "--graph",
    "--settings",
    "--messaging",
    "--connections",
    "--in-flight",
    "--rate",
    "--patience",
];
const TRACE_FLAGS: [&str; 4] = ["--people", "--messages", "--seed", "--out"];
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
    match command.to_string_lossy().as_ref() {
        "replay" => replay(&Given::collect(rest, &REPLAY_FLAGS)?).map(Command::Replay),
        "trace" => trace(&Given::collect(rest, &TRACE_FLAGS)?).map(Command::Trace),
        unknown => Err(ArgsError::UnknownCommand(unknown.to_owned())),
    }
}

fn replay(given: &Given) -> Result<ReplayArgs, ArgsError> {
    let trace = given.path("--trace");
    let trace = trace.ok_or(ArgsError::Missing("--trace FILE"))?;
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
    if let Some(in_flight) = given.number("--in-flight", 1..=4096)? {
        options.in_flight = in_flight as usize;
    }
    if let Some(seconds) = given.number("--patience", 1..=3600)? {
        options.patience = Duration::from_secs(seconds.into());
    }
    options.rate = given.number("--rate", 1..=1_000_000)?;
    Ok(ReplayArgs { trace, options })
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

#[cfg(test)]
mod tests;
