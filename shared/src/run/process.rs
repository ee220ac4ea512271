//! A process's main: settings in, exit code out.

use std::{process::ExitCode, time::Duration};

use tokio::signal::unix::{SignalKind, signal};

use super::{Running, Service, Setup, StartError, explain, operator, outbox_command};
use crate::{
    config::{Common, Source},
    telemetry::Telemetry,
};

/// How long threads that still wait for something may hold up the end.
const LAST_THREADS: Duration = Duration::from_secs(1);

/// What a process prints for people once every port answers.
pub type Hello = fn(&Common, &Running) -> String;

/// The main of a service that runs by itself. Without arguments it serves.
#[must_use]
pub fn main_of(service: Service) -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (command, rest) = (arguments.next(), arguments.collect::<Vec<_>>());
    match command.as_deref() {
        None => main(vec![service], |_, _| String::new()),
        Some("--help" | "-h" | "help") => {
            eprintln!(
                "postern-{name}: serves until a signal comes\n\
                 postern-{name} migrate: brings the database up to date and ends\n{commands}\
                 {outbox}\n\n\
                 settings come from POSTERN_… variables and the TOML file that POSTERN_CONFIG \
                 names, see README.md",
                name = service.name,
                commands = operator::usage(&[service]),
                outbox = outbox_command::USAGE
            );
            ExitCode::SUCCESS
        }
        Some("migrate") if rest.is_empty() => migrate(vec![service]),
        Some("outbox") => outbox_command::main(service, &rest),
        Some(other) => operator::operate(vec![service], other, &rest).unwrap_or_else(|| {
            eprintln!(
                "error: `{other}` is not how it is called: try `--help`; settings are POSTERN_… \
                 variables"
            );
            ExitCode::FAILURE
        }),
    }
}

/// Serves until a signal comes.
pub fn main(services: Vec<Service>, hello: Hello) -> ExitCode {
    ended(inside(services, async |setup, telemetry| {
        serve(setup, hello, telemetry).await
    }))
}

/// Brings the databases of these services up to date, and says so.
pub fn migrate(services: Vec<Service>) -> ExitCode {
    ended(inside(services, async |setup, _| {
        eprint!("{}", setup.migrate().await?);
        Ok(ExitCode::SUCCESS)
    }))
}

fn ended(result: Result<ExitCode, StartError>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("error: {}", explain(&error));
        ExitCode::FAILURE
    })
}

/// Reads the settings and works with them in a runtime of several threads: the exporter of traces
/// stands still on one (ecosystem finding 8).
fn inside(
    services: Vec<Service>,
    work: impl AsyncFnOnce(Setup, &Telemetry) -> Result<ExitCode, StartError>,
) -> Result<ExitCode, StartError> {
    let setup = Setup::read(services, Source::from_process()?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| StartError::System("start the runtime", error))?;
    let telemetry = {
        let _inside = runtime.enter();
        Telemetry::start(&setup.common.telemetry, &setup.name())?
    };
    let code = runtime.block_on(work(setup, &telemetry));
    // Outside of block_on, so that the runtime is free to send what is left.
    telemetry.stop();
    // A name that is still being looked up holds a thread, and must not hold up the end.
    runtime.shutdown_timeout(LAST_THREADS);
    code
}

async fn serve(setup: Setup, hello: Hello, telemetry: &Telemetry) -> Result<ExitCode, StartError> {
    let fail = |error| StartError::System("listen for signals", error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fail)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(fail)?;
    let common = setup.common.clone();
    let name = setup.name();
    // Starting may wait for a database: a signal ends that too.
    let mut running: Running = tokio::select! {
        started = setup.start(telemetry) => started?,
        _ = interrupt.recv() => return Ok(ExitCode::FAILURE),
        _ = terminate.recv() => return Ok(ExitCode::FAILURE),
    };
    tracing::info!(
        public = %running.public,
        internal = %running.internal,
        admin = %running.admin,
        "{name} serves"
    );
    let greeting = hello(&common, &running);
    if !greeting.is_empty() {
        eprintln!("{greeting}");
    }
    tokio::select! {
        why = running.died() => {
            tracing::error!("{why}");
            return Ok(ExitCode::FAILURE);
        }
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping: calls in progress end first; another signal stops at once");
    tokio::select! {
        () = running.stop() => Ok(ExitCode::SUCCESS),
        _ = interrupt.recv() => Ok(ExitCode::FAILURE),
        _ = terminate.recv() => Ok(ExitCode::FAILURE),
    }
}
