//! Copies the suite's data folder while the suite serves.
//!
//! Each database is copied as of one moment, and they are copied one after another: messaging
//! first, identity last. So whatever a copy refers to is in the copies made after it, and no fence
//! of messaging is above the version that its owner has in the copy.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use postern_shared::{
    caller::ServiceName::{Graph, Identity, Messaging, Settings},
    db, error,
};

/// What else a suite needs to go on where it was: without these keys tokens and pages end.
const KEYS: [&str; 3] = ["service.key", "page.key", "token.pem"];

/// Copies all that lies in `data` to `copy`, which must not exist yet.
pub(super) fn run(data: &Path, copy: &Path) -> Result<String, String> {
    let made = DirBuilder::new().mode(0o700).create(copy);
    made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            format!(
                "`{}` is there already: name a folder that is not",
                copy.display()
            )
        }
        _ => fail(copy, error),
    })?;
    let copied = copy_all(data, copy);
    if copied.is_err() {
        // Half a copy must not be taken for one.
        std::fs::remove_dir_all(copy).map_err(|error| fail(copy, error))?;
    }
    copied
}

fn fail(what: &Path, error: io::Error) -> String {
    format!("`{}`: {error}", what.display())
}

fn copy_all(data: &Path, copy: &Path) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    let mut told = String::new();
    for service in [Messaging, Graph, Settings, Identity] {
        let name = format!("{service}.db");
        let (from, to) = (data.join(&name), copy.join(&name));
        if !from.exists() {
            return Err(format!(
                "`{}` is not there: is this a data folder?",
                from.display()
            ));
        }
        runtime
            .block_on(db::copy_sqlite(&from, &to))
            .map_err(|error| error::chain(&error))?;
        told += &format!("{}\n", to.display());
    }
    for key in KEYS {
        let (from, to) = (data.join(key), copy.join(key));
        // A key may lie elsewhere: POSTERN_KEYS_DIR, POSTERN_TOKEN_KEY_FILE.
        if from.exists() {
            copy_secret(&from, &to).map_err(|error| fail(&from, error))?;
            told += &format!("{}\n", to.display());
        }
    }
    Ok(told)
}

fn copy_secret(from: &Path, to: &Path) -> io::Result<()> {
    let bytes = std::fs::read(from)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)?;
    file.write_all(&bytes)?;
    file.sync_all()
}
