//! Serves identity alone, as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    postern_shared::run::main(vec![postern_identity::service()], |_| String::new())
}
