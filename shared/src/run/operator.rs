//! What an operator does from the command line: one thing with one service's database, beside
//! processes that serve or without any.
//!
//! A service says what it offers as [`Command`]s; what they do it alone knows. Its program and the
//! suite's offer the same. Whoever can run them holds the database, so nobody is asked who it is.

use std::{fmt::Write as _, io, io::Write as _, process::ExitCode};

use futures_util::future::BoxFuture;

use super::{Service, Setup, StartError, explain, open};
use crate::{
    clock::Clock,
    config::{Common, Source},
    db::Db,
    random::Random,
};

/// Something that an operator can do.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// The word that it is called by.
    pub name: &'static str,
    /// The words behind it, such as `HANDLE ROLE`.
    pub arguments: &'static str,
    /// What it does, for `--help`.
    pub about: &'static str,
    /// Reads the words behind its name; what it returns is done once the database is open.
    pub read: fn(&[String]) -> Result<Work, String>,
}

/// Does something, and tells what it did, or why it could not: lines for people.
pub type Work = Box<dyn FnOnce(Tools) -> BoxFuture<'static, Result<String, String>> + Send>;

/// What a command works with.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The service's database, open and up to date.
    pub db: Db,
    /// What time it is.
    pub clock: Clock,
    /// Where chance comes from.
    pub random: Random,
}

impl Command {
    fn usage(&self) -> String {
        format!("{} {}", self.name, self.arguments)
            .trim_end()
            .to_owned()
    }
}

/// Does the command of that name; none when no service offers it.
#[must_use]
pub fn operate(services: Vec<Service>, name: &str, arguments: &[String]) -> Option<ExitCode> {
    let offered = services.iter().copied().find_map(|service| {
        let command = service.commands.iter().find(|c| c.name == name);
        command.map(|command| (service, command))
    });
    let (service, command) = offered?;
    Some(told(run(services, service, command, arguments)))
}

/// How the commands of these services are called, a line each.
#[must_use]
pub fn usage(services: &[Service]) -> String {
    let mut lines = String::new();
    for command in services.iter().flat_map(|service| service.commands) {
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "{:<30} {}", command.usage(), command.about);
    }
    lines
}

fn run(
    services: Vec<Service>,
    service: Service,
    command: &Command,
    arguments: &[String],
) -> Result<String, String> {
    let work = (command.read)(arguments)
        .map_err(|problem| format!("{problem}: expected `{}`", command.usage()))?;
    let explain = |error| explain(&error);
    let source = Source::from_process().map_err(StartError::from);
    // All settings of the process are read, so that none is taken for a misspelt one.
    let setup = source.and_then(|source| Ok(Setup::read(services, source)?));
    let common = setup.map_err(explain)?.common;
    let work = async |db| {
        work(Tools {
            db,
            clock: Clock::system(),
            random: Random::system(),
        })
        .await
    };
    beside(&common, &service, work).map_err(explain)?
}

/// Opens a service's database, works on it and closes it, whether anybody serves with it or not.
pub(super) fn beside<T>(
    common: &Common,
    service: &Service,
    work: impl AsyncFnOnce(Db) -> T,
) -> Result<T, StartError> {
    let file = super::file(common, service.name);
    if common.database_url.is_none() && !file.is_file() {
        let source = io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no `{}.db` in it", service.name),
        );
        return Err(StartError::Folder {
            folder: common.data_dir.clone(),
            source,
        });
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| StartError::System("start the runtime", error))?;
    runtime.block_on(async {
        let db = open(common, service, &Random::system()).await?;
        let done = work(db.clone()).await;
        db.close().await;
        Ok(done)
    })
}

/// Says what was done, or why it could not be.
pub(super) fn told(done: Result<String, String>) -> ExitCode {
    match done {
        Ok(told) => {
            // Whoever reads may have read enough.
            let _ = io::stdout().write_all(told.as_bytes());
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::caller::ServiceName;

    const GREET: Command = Command {
        name: "greet",
        arguments: "NAME",
        about: "says hello",
        read: |words| match words {
            [name] => {
                let said = format!("hello {name}\n");
                Ok(Box::new(|_| async { Ok(said) }.boxed()))
            }
            _ => Err("one name is missing".to_owned()),
        },
    };

    fn service(commands: &'static [Command]) -> Service {
        Service {
            name: ServiceName::Graph,
            migrations: &[],
            commands,
            configure: |_| Box::new(|_| async { Ok(crate::run::Parts::new()) }.boxed()),
        }
    }

    #[test]
    fn only_what_is_offered_is_done() {
        let services = || vec![service(&[]), service(&[GREET])];
        assert!(operate(services(), "wave", &[]).is_none());
        let usage = usage(&services());
        assert_eq!(usage.lines().count(), 1);
        assert!(usage.starts_with("greet NAME ") && usage.ends_with(" says hello\n"));
    }

    #[test]
    fn wrong_words_are_told_before_a_database_is_looked_for() {
        let graph = service(&[GREET]);
        let problem = run(vec![graph], graph, &GREET, &[]).unwrap_err();
        assert_eq!(problem, "one name is missing: expected `greet NAME`");
    }

    #[test]
    fn without_a_database_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().to_str().unwrap().to_owned();
        let variables = [("POSTERN_DATA_DIR".to_owned(), data_dir)];
        let mut source = Source::new(variables).unwrap();
        let common = Common::read(&mut source, 0);
        let done = beside(&common, &service(&[]), async |_| ());
        assert!(matches!(done, Err(StartError::Folder { .. })));
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}
