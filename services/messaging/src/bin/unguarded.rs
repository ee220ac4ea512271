//! Messaging with commits that look at no fence, as a process of its own: for `tests/prove-fence
//! --guard off` alone, which must find it out.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("this is messaging without its guard: it serves the proof and nobody else");
    postern_shared::run::main_of(postern_messaging::unguarded())
}
