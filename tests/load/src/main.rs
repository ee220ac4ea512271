//! The command `postern-load`: reads its arguments, does what they ask, tells the result.
//!
//! Standard output carries the one line of JSON (or the help or the trace that was asked for) and
//! nothing else. Exit codes: 0 all is well, 1 it failed or found a fault, 2 it could not begin. Of
//! a proof and of outages: 1 a promise is broken, 2 nothing was shown.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write as _, stderr, stdout};
use std::process::ExitCode;

use postern_load::args::{
    self, Command, OutagesArgs, ProveArgs, RelationshipsArgs, ReplayArgs, TraceArgs,
};
use postern_load::error::LoadError;
use postern_load::progress::Style;
use postern_load::{outages, prove, relationships, replay, synthetic, trace};

#[tokio::main]
async fn main() -> ExitCode {
    match args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => tell(args::USAGE),
        Ok(Command::Replay(args)) => run(&args).await,
        Ok(Command::Trace(args)) => make(&args),
        Ok(Command::Relationships(args)) => measure(&args).await,
        Ok(Command::Prove(args)) => prove(&args).await,
        Ok(Command::Outages(args)) => take_away(&args).await,
        Err(error) => complain(&format!("{error}\n\n{}", args::USAGE), 2),
    }
}

async fn run(args: &ReplayArgs) -> ExitCode {
    let trace = match trace::read(&args.trace) {
        Ok(trace) => trace,
        Err(error) => return refuse(&error),
    };
    match replay::run(&trace, &args.options, style()).await {
        Ok(report) => {
            let told = tell(&report.json());
            report.fault().map_or(told, |fault| complain(&fault, 1))
        }
        Err(error) => refuse(&error),
    }
}

async fn prove(args: &ProveArgs) -> ExitCode {
    match prove::run(args, style()).await {
        Ok(proof) => {
            let told = tell(&proof.json());
            let code = if proof.is_violated() { 1 } else { 2 };
            let fault = proof.fault(args.trials.into());
            fault.map_or(told, |fault| complain(&fault, code))
        }
        Err(error) => complain(&error.to_string(), 2),
    }
}

async fn take_away(args: &OutagesArgs) -> ExitCode {
    match outages::run(args, style()).await {
        Ok(outages) => {
            let told = tell(&outages.json());
            outages.fault().map_or(told, |fault| complain(&fault, 1))
        }
        Err(error) => complain(&error.to_string(), 2),
    }
}

fn style() -> Style {
    if stderr().is_terminal() {
        Style::Terminal
    } else {
        Style::Lines
    }
}

fn make(args: &TraceArgs) -> ExitCode {
    let written = match &args.out {
        Some(path) => File::create(path)
            .and_then(|file| synthetic::write(args.shape, &mut BufWriter::new(file))),
        None => synthetic::write(args.shape, &mut BufWriter::new(stdout().lock())),
    };
    let Err(source) = written else {
        return ExitCode::SUCCESS;
    };
    // Whoever has read enough closes the pipe; that is their right.
    if args.out.is_none() && source.kind() == io::ErrorKind::BrokenPipe {
        return ExitCode::SUCCESS;
    }
    let to = args.out.as_ref().map_or_else(
        || "standard output".to_owned(),
        |path| format!("`{}`", path.display()),
    );
    refuse(&LoadError::Unwritable { to, source })
}

async fn measure(args: &RelationshipsArgs) -> ExitCode {
    match relationships::run(args).await {
        Ok(comparison) => tell(&comparison.json()),
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &LoadError) -> ExitCode {
    let code = match error {
        LoadError::Unreadable { .. }
        | LoadError::Malformed { .. }
        | LoadError::Address { .. }
        | LoadError::Operator { .. }
        | LoadError::Header { .. } => 2,
        LoadError::Unwritable { .. } | LoadError::Call(_) | LoadError::Endless { .. } => 1,
    };
    complain(&error.to_string(), code)
}

fn tell(line: &str) -> ExitCode {
    match writeln!(stdout().lock(), "{line}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn complain(sentence: &str, code: u8) -> ExitCode {
    // Where even standard error is closed the exit code has to do.
    let _ = writeln!(stderr().lock(), "postern-load: {sentence}");
    ExitCode::from(code)
}
