//! The command `postern-model`: shows in how few steps a mistake breaks the promise of the fence.
//!
//! Without an argument it tells which mistakes there are. Exit codes: 0 it is told, 1 no way was
//! found, 2 the argument names no mistake.

use std::{
    io::{Write as _, stderr, stdout},
    process::ExitCode,
};

use postern_model::{Bound, Fence, Mutant, search};

fn main() -> ExitCode {
    let mut names = std::env::args().skip(1);
    let Some(name) = names.next() else {
        let names = Mutant::ALL.map(Mutant::name).join("\n  ");
        return tell(&format!(
            "usage: postern-model MISTAKE, one of\n  {names}\n"
        ));
    };
    let Some(mutant) = Mutant::ALL.into_iter().find(|mutant| mutant.name() == name) else {
        return complain(&format!("no mistake is called `{name}`"), 2);
    };
    let fence = Fence::new(Bound::small()).with(mutant);
    let mut told = String::new();
    for promise in mutant.breaks() {
        let Some(way) = search::shortest(&fence, promise) else {
            return complain(&format!("`{name}` does not break: {promise}"), 1);
        };
        told += &format!("not any more: {promise}\n{}", search::told(&way));
    }
    tell(&told)
}

fn tell(text: &str) -> ExitCode {
    if stdout().write_all(text.as_bytes()).is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}

fn complain(text: &str, code: u8) -> ExitCode {
    let _ = writeln!(stderr(), "{text}");
    ExitCode::from(code)
}
