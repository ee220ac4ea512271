//! What can keep a command from coming to its end.
//!
//! A message that got no answer is not here: it is counted and reported. See `report`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Why the command stopped.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file cannot be read from the disk.
    #[error("cannot read the {what} `{}`: {source}", path.display())]
    Unreadable {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A trace that was made up cannot be written.
    #[error("cannot write the trace to {to}: {source}")]
    Unwritable {
        /// The file, or standard output.
        to: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file holds something else than it should.
    #[error("{}:{line}: {found}; expected {expected}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What stands there.
        found: String,
        /// What should.
        expected: &'static str,
    },
    /// A URL that no client can be made for.
    #[error("cannot use `{url}` as an address: {source}")]
    Address {
        /// The URL.
        url: String,
        /// What is wrong with it.
        source: tonic::transport::Error,
    },
    /// A header that no call can carry.
    #[error("cannot send `{name}` as a header: {problem}")]
    Header {
        /// What stands before the colon; never the value, which is a secret.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A program did not do what somebody on the machine would.
    #[error("`{command}` did not do it: {why}")]
    Operator {
        /// The program, with its arguments.
        command: String,
        /// What the system said.
        why: String,
    },
    /// A call failed that the replay cannot do without.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A list that does not end.
    #[error("`{list}` of `{handle}` has not ended after {pages} pages")]
    Endless {
        /// The RPC.
        list: &'static str,
        /// Whose list.
        handle: String,
        /// How many pages were read.
        pages: usize,
    },
}

/// One call that failed for good.
#[derive(Debug, thiserror::Error)]
pub struct CallError {
    /// The RPC.
    pub rpc: &'static str,
    /// On whose behalf.
    pub handle: String,
    /// The replica that was tried last.
    pub url: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// How long it took from the first attempt to the last.
    pub elapsed: Duration,
    /// Whether trying longer might have helped.
    pub patience_ended: bool,
    /// The last answer.
    pub status: Status,
}

impl CallError {
    /// An answer that came but cannot be what the contract promises.
    #[must_use]
    pub fn broken(rpc: &'static str, handle: &str, what: &str) -> Self {
        Self {
            rpc,
            handle: handle.to_owned(),
            url: None,
            attempts: 1,
            elapsed: Duration::ZERO,
            patience_ended: false,
            status: Status::data_loss(what),
        }
    }

    /// The status code of the last answer.
    #[must_use]
    pub fn code(&self) -> Code {
        self.status.code()
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` for `{}`", self.rpc, self.handle)?;
        if let Some(url) = &self.url {
            write!(f, " at {url}")?;
        }
        write!(f, ": {:?}", self.status.code())?;
        if let Some(info) = self.status.get_details_error_info() {
            write!(f, " {}", info.reason)?;
        }
        write!(f, ": {}", self.status.message())?;
        if let Some(request) = self.status.get_details_bad_request() {
            for field in request.field_violations {
                write!(f, "; `{}`: {}", field.field, field.description)?;
            }
        }
        let seconds = self.elapsed.as_secs_f64();
        write!(f, " ({} attempts in {seconds:.1} s", self.attempts)?;
        if self.patience_ended {
            f.write_str("; --patience says how long to try")?;
        }
        f.write_str(")")
    }
}
