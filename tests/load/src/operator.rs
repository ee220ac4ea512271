//! What nobody can do over the network: a program does it that whoever runs this has named.

use std::path::Path;
use std::process::Command;

use tokio::task::spawn_blocking;

use crate::error::LoadError;

/// Runs a program with these arguments to its end.
///
/// # Errors
/// When it cannot be run, or says that it failed.
pub async fn run(program: &Path, arguments: &[&str]) -> Result<(), LoadError> {
    let mut command = Command::new(program);
    // What it tells is for people; standard output is kept for the result.
    command.args(arguments).stdout(std::io::stderr());
    let failed = |why: String| LoadError::Operator {
        command: format!("{} {}", program.display(), arguments.join(" ")),
        why,
    };
    let status = spawn_blocking(move || command.status()).await;
    let status = status.map_err(|error| failed(error.to_string()))?;
    let status = status.map_err(|error| failed(error.to_string()))?;
    if status.success() {
        Ok(())
    } else {
        Err(failed(status.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_fails_is_told_with_its_arguments() {
        run(Path::new("true"), &["ada"]).await.unwrap();
        let failed = run(Path::new("false"), &["stop", "graph"]).await;
        let expected = "`false stop graph` did not do it: exit status: 1";
        assert_eq!(failed.unwrap_err().to_string(), expected);
        assert!(run(Path::new("/no/such/program"), &[]).await.is_err());
    }
}
