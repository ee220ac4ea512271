//! The `postern` command: serve the suite, or play the tour against one that serves.

use std::process::ExitCode;

fn main() -> ExitCode {
    postern::command(std::env::args().skip(1))
}
