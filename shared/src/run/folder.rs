//! The data folder: one process a service, and the keys that are generated for development.

use std::{
    fs::{DirBuilder, File, TryLockError},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::{StartError, parts::TokenKeyPath};
use crate::{
    auth::{ServiceKey, load_or_generate_key},
    caller::ServiceName,
    random::Random,
};

/// The folder, locked for as long as this lives.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    pub(super) service_key: ServiceKey,
    pub(super) page_key: [u8; 32],
    locks: Vec<File>,
}

impl Folder {
    pub(super) fn open(
        path: &Path,
        services: &[ServiceName],
        random: &Random,
    ) -> Result<Self, StartError> {
        let fail = |source| StartError::Folder {
            folder: path.to_owned(),
            source,
        };
        if path.exists() && !path.is_dir() {
            return Err(fail(io::Error::other("it is not a folder")));
        }
        // Messages and keys lie in it.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(fail)?;
        let locks: Result<Vec<_>, _> = services
            .iter()
            .map(|service| lock(path, *service, fail))
            .collect();
        let locks = locks?;
        let key = load_or_generate_key(&path.join("service.key"), random).map_err(fail)?;
        let service_key = ServiceKey::new(&key);
        let page_key = load_or_generate_key(&path.join("page.key"), random).map_err(fail)?;
        Ok(Self {
            path: path.to_owned(),
            service_key,
            page_key,
            locks,
        })
    }

    pub(super) fn token_key_path(&self, named: Option<&Path>) -> TokenKeyPath {
        match named {
            Some(path) => TokenKeyPath::Named(path.to_owned()),
            None => TokenKeyPath::Generated(self.path.join("token.pem")),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for lock in &self.locks {
            // Closing is not enough: a program that is being started beside us holds copies of
            // our files for a moment. Unlocking counts for the copies as well, and cannot fail.
            let _ = lock.unlock();
        }
    }
}

fn lock(
    path: &Path,
    service: ServiceName,
    fail: impl Fn(io::Error) -> StartError,
) -> Result<File, StartError> {
    let file = path.join(format!("{service}.lock"));
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(file)
        .map_err(&fail)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse {
            folder: path.to_owned(),
            service,
        }),
        Err(TryLockError::Error(error)) => Err(fail(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_free_once_it_is_let_go() {
        let path = tempfile::tempdir().unwrap();
        let open = || Folder::open(path.path(), &ServiceName::ALL, &Random::system());
        let first = open().unwrap();
        let in_use = open().unwrap_err();
        assert!(matches!(in_use, StartError::InUse { .. }), "{in_use}");
        // What a program that is being started holds.
        let _copy = first.locks[0].try_clone().unwrap();
        drop(first);
        open().unwrap();
    }
}
