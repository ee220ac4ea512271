//! The command `postern-load`: reads its arguments, replays, tells the result.
//!
//! Standard output carries the one line of JSON (or the help that was asked for) and
//! nothing else. Exit codes: 0 all is well, 1 it failed or found a fault, 2 it could not begin.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};
use std::process::ExitCode;

use postern_load::args::{self, Command, ReplayArgs};
use postern_load::error::LoadError;
use postern_load::progress::Style;
use postern_load::{replay, trace};

#[tokio::main]
async fn main() -> ExitCode {
    match args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => tell(args::USAGE),
        Ok(Command::Replay(args)) => run(&args).await,
        Err(error) => complain(&format!("{error}\n\n{}", args::USAGE), 2),
    }
}

async fn run(args: &ReplayArgs) -> ExitCode {
    let style = if stderr().is_terminal() {
        Style::Terminal
    } else {
        Style::Lines
    };
    let trace = match trace::read(&args.trace) {
        Ok(trace) => trace,
        Err(error) => return refuse(&error),
    };
    match replay::run(&trace, &args.options, style).await {
        Ok(report) => {
            let told = tell(&report.json());
            report.fault().map_or(told, |fault| complain(&fault, 1))
        }
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &LoadError) -> ExitCode {
    let code = match error {
        LoadError::Unreadable { .. } | LoadError::Malformed { .. } | LoadError::Address { .. } => 2,
        LoadError::Call(_) | LoadError::Endless { .. } => 1,
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
