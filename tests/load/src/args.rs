//! Reads the command line.
//!
//! It promises to refuse what it does not know, with the flag and the reason, before anything is
//! opened or sent.

use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// What `--help` prints.
pub const USAGE: &str = "\
usage: postern-load replay --trace FILE [options]

Registers the people of a trace, sends its messages and reads back what was kept. The last line,
on standard output, is JSON. The exit code is 0 only if every message was answered and none is
missing, duplicated or out of order.

  --trace FILE        one `sender receiver unix-time` a line, integers; blank lines are ignored
  --target URL        where all four services are; default http://127.0.0.1:50051
  --identity URL      where identity is, instead of --target
  --graph URL         where graph is, instead of --target
  --settings URL      where settings is, instead of --target
  --messaging URL     where messaging is, instead of --target
  --connections N     connections to each address, 1 to 256; default 8
  --in-flight N       calls under way at the same time, 1 to 4096; default 64
  --rate N            start N messages a second, 1 to 1000000, and measure each from the moment it
                      was due, so that waiting for a slow server counts as latency; without it the
                      next message starts when one is answered and is measured from its start
  --patience SECONDS  how long to try one call again while the server is away, 1 to 3600; default 60
  --help              print this";

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Print the usage.
    Help,
    /// Replay a trace.
    Replay(ReplayArgs),
}

/// The arguments of `replay`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayArgs {
    /// The file with the trace.
    pub trace: PathBuf,
    /// How to replay it.
    pub options: Options,
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
    /// The defaults, with all services at one address.
    #[must_use]
    pub fn for_target(url: &str) -> Self {
        Self {
            targets: Targets::all_at(url),
            connections: 8,
            in_flight: 64,
            rate: None,
            patience: Duration::from_secs(60),
        }
    }
}

/// The address of each service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets {
    /// Accounts and sessions.
    pub identity: String,
    /// Follows.
    pub graph: String,
    /// Settings.
    pub settings: String,
    /// Messages, conversations, requests.
    pub messaging: String,
}

impl Targets {
    /// All four at one address.
    #[must_use]
    pub fn all_at(url: &str) -> Self {
        let url = || url.to_owned();
        Self {
            identity: url(),
            graph: url(),
            settings: url(),
            messaging: url(),
        }
    }
}

/// What is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgsError {
    /// Nothing was asked for.
    #[error("expected the command `replay`")]
    NoCommand,
    /// Something else was asked for.
    #[error("unknown command `{0}`; expected `replay`")]
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
    /// No trace.
    #[error("`--trace FILE` is missing")]
    NoTrace,
}

const FLAGS: [&str; 10] = [
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
    if command != "replay" {
        return Err(ArgsError::UnknownCommand(
            command.to_string_lossy().into_owned(),
        ));
    }
    replay(&Given::collect(rest)?).map(Command::Replay)
}

fn replay(given: &Given) -> Result<ReplayArgs, ArgsError> {
    let trace = given.value("--trace").ok_or(ArgsError::NoTrace)?.into();
    let target = given
        .url("--target")?
        .unwrap_or_else(|| "http://127.0.0.1:50051".to_owned());
    let mut options = Options::for_target(&target);
    for (flag, service) in [
        ("--identity", &mut options.targets.identity),
        ("--graph", &mut options.targets.graph),
        ("--settings", &mut options.targets.settings),
        ("--messaging", &mut options.targets.messaging),
    ] {
        if let Some(url) = given.url(flag)? {
            *service = url;
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

/// The flags with their values, each at most once.
struct Given(Vec<(&'static str, OsString)>);

impl Given {
    fn collect(args: &[OsString]) -> Result<Self, ArgsError> {
        let mut given = Self(Vec::new());
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let shown = arg.to_string_lossy().into_owned();
            // `--flag=value` and `--flag value` are the same.
            let (name, inline) = match shown.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(OsString::from(value))),
                None => (shown.clone(), None),
            };
            let flag = FLAGS.into_iter().find(|flag| *flag == name);
            let flag = flag.ok_or(ArgsError::Unknown(shown))?;
            let next = || args.next().filter(|value| !is_flag(value)).cloned();
            let value = inline
                .or_else(next)
                .ok_or_else(|| ArgsError::NoValue(name.clone()))?;
            if given.value(flag).is_some() {
                return Err(ArgsError::Twice(name));
            }
            given.0.push((flag, value));
        }
        Ok(given)
    }

    fn value(&self, flag: &str) -> Option<&OsString> {
        self.0
            .iter()
            .find(|(name, _)| *name == flag)
            .map(|(_, value)| value)
    }

    fn text(&self, flag: &str) -> Option<String> {
        self.value(flag)
            .map(|value| value.to_string_lossy().into_owned())
    }

    fn url(&self, flag: &str) -> Result<Option<String>, ArgsError> {
        let Some(value) = self.text(flag) else {
            return Ok(None);
        };
        let host = value.strip_prefix("http://").unwrap_or_default();
        if host.is_empty() || host.contains(char::is_whitespace) {
            let expected = "http://HOST:PORT".to_owned();
            return Err(ArgsError::Value {
                flag: flag.to_owned(),
                value,
                expected,
            });
        }
        Ok(Some(value))
    }

    fn number(&self, flag: &str, range: RangeInclusive<u32>) -> Result<Option<u32>, ArgsError> {
        let Some(value) = self.text(flag) else {
            return Ok(None);
        };
        match value.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let expected = format!("an integer from {} to {}", range.start(), range.end());
                Err(ArgsError::Value {
                    flag: flag.to_owned(),
                    value,
                    expected,
                })
            }
        }
    }
}

fn is_flag(arg: &OsString) -> bool {
    arg.to_string_lossy().starts_with("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        let args = line
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(OsString::from);
        parse(args).map_err(|error| error.to_string())
    }

    fn replayed(line: &str) -> ReplayArgs {
        match parsed(line).unwrap() {
            Command::Replay(args) => args,
            Command::Help => panic!("`{line}` asks for help"),
        }
    }

    #[test]
    fn has_defaults() {
        let args = replayed("replay --trace t.txt");
        assert_eq!(args.trace, PathBuf::from("t.txt"));
        assert_eq!(args.options, Options::for_target("http://127.0.0.1:50051"));
        assert_eq!((args.options.connections, args.options.in_flight), (8, 64));
        assert_eq!(
            (args.options.rate, args.options.patience.as_secs()),
            (None, 60)
        );
    }

    #[test]
    fn a_service_may_be_elsewhere() {
        let args = replayed(
            "replay --graph http://g:1 --target http://all:2 --trace=t --rate=50 --in-flight 3 \
             --connections 2 --patience 9 --identity=http://i:3",
        );
        let targets = args.options.targets;
        assert_eq!(
            [&targets.identity, &targets.graph],
            ["http://i:3", "http://g:1"]
        );
        assert_eq!(
            [&targets.settings, &targets.messaging],
            ["http://all:2", "http://all:2"]
        );
        assert_eq!((args.options.rate, args.options.in_flight), (Some(50), 3));
        assert_eq!(
            (args.options.connections, args.options.patience.as_secs()),
            (2, 9)
        );
    }

    #[test]
    fn help_is_found_anywhere_and_names_every_flag() {
        for line in ["--help", "-h", "replay --help", "replay --trace t --help"] {
            assert_eq!(parsed(line), Ok(Command::Help), "{line}");
        }
        for flag in FLAGS {
            assert!(USAGE.contains(&format!("  {flag} ")), "{flag}");
        }
        assert!(USAGE.lines().all(|line| line.len() <= 100));
    }

    #[test]
    fn says_what_is_wrong() {
        for (line, expected) in [
            ("", "expected the command `replay`"),
            ("play", "unknown command `play`; expected `replay`"),
            ("replay", "`--trace FILE` is missing"),
            ("replay --trace", "`--trace` needs a value"),
            ("replay --trace --rate 1", "`--trace` needs a value"),
            ("replay --trace t --speed 9", "unknown argument `--speed`"),
            ("replay t", "unknown argument `t`"),
            ("replay --trace a --trace b", "`--trace` is given twice"),
            (
                "replay --trace t --rate 0",
                "`--rate` cannot be `0`; expected an integer from 1 to 1000000",
            ),
            (
                "replay --trace t --in-flight x",
                "`--in-flight` cannot be `x`; expected an integer from 1 to 4096",
            ),
            (
                "replay --trace t --graph localhost:50052",
                "`--graph` cannot be `localhost:50052`; expected http://HOST:PORT",
            ),
        ] {
            assert_eq!(parsed(line), Err(expected.to_owned()), "{line}");
        }
    }
}
