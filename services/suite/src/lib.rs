//! All four services in one process, on SQLite files, behind one port: what `cargo run` starts.
//!
//! The same crates and the same middleware as four processes; only the way from one to the other is
//! shorter.

mod backup;
mod credential;
mod tour;

use std::{io::Write as _, process::ExitCode};

use postern_shared::{
    caller::ServiceName,
    config::{Common, Limits, Source},
    run::{self, Running, Service},
};

const USAGE: &str = "\
postern: direct messages in which the recipient decides who gets in

  cargo run                       serve identity, graph, settings and messaging
  cargo run -- migrate            bring the databases that POSTERN_DATABASE_URL names up to date
                                  (SQLite files are brought up to date when they are opened)
  cargo run -- backup FOLDER [--data-dir FOLDER]
                                  copy the data folder to a new folder, while the suite serves
  cargo run -- tour [--target URL]
                                  play delivered, filtered and refused against a suite that serves
                                  (default http://127.0.0.1:50051)
  cargo run -- credential SERVICE [--data-dir FOLDER]
                                  print the credential of a service for its internal contracts
                                  (identity, graph, settings or messaging; default folder:
                                  POSTERN_DATA_DIR, else ./data)
";
const SETTINGS: &str = "
Settings come from POSTERN_… variables and the TOML file that POSTERN_CONFIG names; see README.md.
";

/// The four services, in the order of their ports.
#[must_use]
pub fn services() -> Vec<Service> {
    vec![
        postern_identity::service(),
        postern_graph::service(),
        postern_settings::service(),
        postern_messaging::service(),
    ]
}

/// Does what the command line says.
pub fn command(mut arguments: impl Iterator<Item = String>) -> ExitCode {
    let command = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let done = match command.as_deref() {
        None => return run::main(services(), hello),
        Some("migrate") if rest.is_empty() => return run::migrate(services()),
        Some("tour") => option(&rest, "--target", "http://127.0.0.1:50051").and_then(tour::run),
        Some("credential") => credential(&rest),
        Some("backup") => backup(&rest),
        Some("help" | "--help" | "-h") => return say(&usage()),
        Some(other) => match run::operate(services(), other, &rest) {
            Some(code) => return code,
            None => Err(format!("there is no command `{other}`\n\n{}", usage())),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Every command: the suite's own, and what its services offer to operators.
fn usage() -> String {
    let offered = run::usage(&services());
    let offered = offered
        .lines()
        .map(|line| format!("  cargo run -- {line}\n"));
    format!("{USAGE}{}{SETTINGS}", offered.collect::<String>())
}

fn credential(arguments: &[String]) -> Result<(), String> {
    let (name, rest) = arguments
        .split_first()
        .ok_or("name a service: identity, graph, …")?;
    let service = ServiceName::parse(name)
        .ok_or_else(|| format!("`{name}` is no service: identity, graph, settings, messaging"))?;
    let credential = credential::of(service, data_dir(rest)?.as_ref())?;
    say(&format!("{credential}\n"));
    Ok(())
}

fn backup(arguments: &[String]) -> Result<(), String> {
    let (copy, rest) = arguments
        .split_first()
        .ok_or("name a folder that does not exist yet")?;
    let told = backup::run(data_dir(rest)?.as_ref(), copy.as_ref())?;
    say(&told);
    Ok(())
}

/// The data folder that `--data-dir` names, else the one of the settings.
fn data_dir(arguments: &[String]) -> Result<String, String> {
    let mut source = Source::from_process().map_err(|error| error.to_string())?;
    let folder: String = source.get("data_dir", "a folder", "data".to_owned());
    option(arguments, "--data-dir", &folder)
}

/// The value of the one option that a command has.
fn option(arguments: &[String], name: &str, default: &str) -> Result<String, String> {
    match arguments {
        [] => Ok(default.to_owned()),
        [given, value] if given == name => Ok(value.clone()),
        _ => Err(format!("expected nothing or `{name} VALUE`\n\n{}", usage())),
    }
}

fn say(text: &str) -> ExitCode {
    // A reader that has gone, as of `| head`, is no failure.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// What the suite prints once it serves.
fn hello(common: &Common, running: &Running) -> String {
    let limits = match common.limits {
        Limits::Default => "",
        Limits::Off => "  limits    OFF (POSTERN_LIMITS): for replays alone\n",
    };
    let target = match running.public.port() {
        50_051 => String::new(),
        _ => format!(" --target http://{}", running.public),
    };
    format!(
        "\nPostern serves identity, graph, settings and messaging\n  \
           public    {public}   people's clients; try: grpcurl -plaintext {public} list\n  \
           internal  {internal}   the services' own contracts\n  \
           admin     {admin}    /metrics /livez /readyz\n  \
           data      {data}\n{limits}\n\
         next, in another terminal: cargo run -- tour{target}\n",
        public = running.public,
        internal = running.internal,
        admin = running.admin,
        data = match common.database_url {
            None => common.data_dir.display().to_string(),
            Some(_) => "PostgreSQL (POSTERN_DATABASE_URL)".to_owned(),
        },
    )
}
