//! `postern-<service> outbox …`: an operator looks at a service's events on their way out, and has
//! some sent again. It works on the database, beside running services or without any.

use std::{fmt::Write as _, process::ExitCode, time::Duration};

use super::{Service, Setup, StartError, explain, operator};
use crate::{
    clock::{Clock, Timestamp},
    config::Source,
    db::Db,
    error::chain,
    outbox::{self, Status},
};

/// How long a statement may take, in milliseconds.
const DEADLINE_MS: u64 = 600_000;
/// How it is called.
pub(super) const USAGE: &str = "\
outbox status                  how many rows of events wait, were published, were given up on
outbox replay --since SECONDS  send again what was published in the last so many seconds
outbox retry-dead              try again what was given up on";

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Status,
    Replay { since: Duration },
    RetryDead,
}

impl Command {
    fn parse(arguments: &[String]) -> Option<Self> {
        let words: Vec<_> = arguments.iter().map(String::as_str).collect();
        match words[..] {
            ["status"] => Some(Self::Status),
            ["replay", "--since", seconds] => {
                let since = Duration::from_secs(seconds.parse().ok()?);
                Some(Self::Replay { since })
            }
            ["retry-dead"] => Some(Self::RetryDead),
            _ => None,
        }
    }
}

/// Does what the words behind `outbox` say.
pub(super) fn main(service: Service, arguments: &[String]) -> ExitCode {
    let Some(command) = Command::parse(arguments) else {
        eprintln!("error: expected one of\n{USAGE}");
        return ExitCode::FAILURE;
    };
    operator::told(run(service, command))
}

fn run(service: Service, command: Command) -> Result<String, String> {
    let explain = |error| explain(&error);
    let source = Source::from_process().map_err(StartError::from);
    let setup = source.and_then(|source| Ok(Setup::read(vec![service], source)?));
    let mut common = setup.map_err(explain)?.common;
    // No caller waits for it, and there may be much to count.
    common.deadline_ms = DEADLINE_MS;
    let work = async |db: Db| perform(&db, command, Clock::system().now()).await;
    let told = operator::beside(&common, &service, work).map_err(explain)?;
    told.map_err(|error| chain(&error))
}

async fn perform(db: &Db, command: Command, now: Timestamp) -> Result<String, sea_orm::DbErr> {
    Ok(match command {
        Command::Status => told(&outbox::status(db).await?, now),
        Command::Replay { since } => {
            let rows = outbox::replay(db, now.minus(since)).await?;
            format!("{rows} rows will be published again\n")
        }
        Command::RetryDead => {
            let rows = outbox::retry_dead(db).await?;
            format!("{rows} rows will be tried again\n")
        }
    })
}

/// A status, for people.
fn told(status: &Status, now: Timestamp) -> String {
    let mut told = String::new();
    let waited = status
        .oldest_waiting
        .map(|oldest| oldest.until(now).as_secs());
    let oldest = waited.map_or_else(String::new, |s| format!(", the oldest for {s} s"));
    let _ = writeln!(told, "waiting    {}{oldest}", status.waiting);
    let _ = writeln!(told, "published  {}", status.published);
    let _ = writeln!(told, "dead       {}", status.dead);
    for dead in &status.first_dead {
        let age = dead.created_at.until(now).as_secs();
        let _ = writeln!(told, "  {}  {age} s old: {}", dead.id, dead.problem);
    }
    told
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::outbox::Dead;

    #[test]
    fn words_are_read_or_refused() {
        let parse = |words: &str| {
            let words: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
            Command::parse(&words)
        };
        assert_eq!(parse("status"), Some(Command::Status));
        assert_eq!(parse("retry-dead"), Some(Command::RetryDead));
        let since = Duration::from_secs(90);
        assert_eq!(parse("replay --since 90"), Some(Command::Replay { since }));
        for wrong in [
            "",
            "replay",
            "replay --since",
            "replay --since -1",
            "replay --since 1h",
            "replay 90",
            "status now",
            "purge",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_status_shows_counts_ages_and_problems() {
        let second = |s: i64| Timestamp::from_unix_millis(s * 1_000);
        let status = Status {
            waiting: 2,
            published: 3,
            dead: 1,
            oldest_waiting: Some(second(40)),
            first_dead: vec![Dead {
                id: Uuid::nil(),
                created_at: second(10),
                problem: "too large".to_owned(),
            }],
        };
        assert_eq!(
            told(&status, second(100)),
            "waiting    2, the oldest for 60 s\npublished  3\ndead       1\n  \
             00000000-0000-0000-0000-000000000000  90 s old: too large\n"
        );
    }
}
