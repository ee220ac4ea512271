//! The messaging service as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    postern_shared::run::main_of(postern_messaging::service())
}
