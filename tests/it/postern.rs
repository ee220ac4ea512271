//! The suite as a process of its own, the same as `cargo run` starts.

use std::process::ExitCode;

fn main() -> ExitCode {
    postern::command(std::env::args().skip(1))
}
