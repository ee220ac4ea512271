//! The data folder: one process a service, and the keys: given by an operator, or generated for
//! development.

use std::{
    fs::{DirBuilder, File, TryLockError},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::{StartError, parts::TokenKeyPath};
use crate::{
    auth::{ServiceKey, load_or_generate_key, read_key},
    caller::ServiceName,
    config::Common,
    random::Random,
};

/// The folder, locked for as long as this lives, and the keys.
#[derive(Debug)]
pub(super) struct Folder {
    keys: Keys,
    pub(super) service_key: ServiceKey,
    pub(super) page_key: [u8; 32],
    locks: Vec<File>,
}

/// Where the keys lie.
#[derive(Debug)]
enum Keys {
    /// In a folder that an operator filled, the same for every replica.
    Given(PathBuf),
    /// In the data folder, made when they are missing.
    Generated(PathBuf),
}

impl Folder {
    /// Takes the data folder and the keys. With SQLite files in it the folder belongs to one
    /// process a service; with a server for a database it holds generated keys at the most.
    pub(super) fn open(
        common: &Common,
        services: &[ServiceName],
        random: &Random,
    ) -> Result<Self, StartError> {
        let path = common.data_dir.as_path();
        let on_files = common.database_url.is_none();
        let mut locks = Vec::new();
        if on_files || common.keys_dir.is_none() {
            make(path)?;
        }
        if on_files {
            for service in services {
                locks.push(lock(path, *service)?);
            }
        }
        let keys = match &common.keys_dir {
            Some(folder) => Keys::Given(folder.clone()),
            None => Keys::Generated(path.to_owned()),
        };
        Ok(Self {
            service_key: ServiceKey::new(&keys.read("service.key", random)?),
            page_key: keys.read("page.key", random)?,
            keys,
            locks,
        })
    }

    pub(super) fn token_key_path(&self, named: Option<&Path>) -> TokenKeyPath {
        match (named, &self.keys) {
            (Some(path), _) => TokenKeyPath::Named(path.to_owned()),
            (None, Keys::Given(folder)) => TokenKeyPath::Named(folder.join("token.pem")),
            (None, Keys::Generated(folder)) => TokenKeyPath::Generated(folder.join("token.pem")),
        }
    }
}

impl Keys {
    fn read(&self, name: &str, random: &Random) -> Result<[u8; 32], StartError> {
        match self {
            Self::Given(folder) => read_key(&folder.join(name)).map_err(|source| {
                let folder = folder.clone();
                StartError::Keys { folder, source }
            }),
            Self::Generated(folder) => load_or_generate_key(&folder.join(name), random)
                .map_err(|source| unusable(folder, source)),
        }
    }
}

fn make(path: &Path) -> Result<(), StartError> {
    if path.exists() && !path.is_dir() {
        return Err(unusable(path, io::Error::other("it is not a folder")));
    }
    // Messages and keys lie in it.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| unusable(path, source))
}

fn unusable(folder: &Path, source: io::Error) -> StartError {
    let folder = folder.to_owned();
    StartError::Folder { folder, source }
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

fn lock(path: &Path, service: ServiceName) -> Result<File, StartError> {
    let file = path.join(format!("{service}.lock"));
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(file)
        .map_err(|error| unusable(path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse {
            folder: path.to_owned(),
            service,
        }),
        Err(TryLockError::Error(error)) => Err(unusable(path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    fn open(variables: &[(&str, &Path)]) -> Result<Folder, StartError> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_str().unwrap().to_owned()));
        let common = Common::read(&mut Source::new(variables).unwrap(), 0);
        Folder::open(&common, &ServiceName::ALL, &Random::system())
    }

    #[test]
    fn a_folder_is_free_once_it_is_let_go() {
        let path = tempfile::tempdir().unwrap();
        let open = || open(&[("POSTERN_DATA_DIR", path.path())]);
        let first = open().unwrap();
        let in_use = open().unwrap_err();
        assert!(matches!(in_use, StartError::InUse { .. }), "{in_use}");
        // What a program that is being started holds.
        let _copy = first.locks[0].try_clone().unwrap();
        drop(first);
        open().unwrap();
    }

    #[test]
    fn replicas_with_a_server_for_a_database_share_given_keys_and_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (keys, data) = (folder.path().join("keys"), folder.path().join("data"));
        let settings: &[(&str, &Path)] = &[
            ("POSTERN_DATABASE_URL", Path::new("postgres://db/{service}")),
            ("POSTERN_KEYS_DIR", &keys),
            ("POSTERN_DATA_DIR", &data),
        ];
        let missing = crate::error::chain(&open(settings).unwrap_err());
        for part in ["POSTERN_KEYS_DIR", "service.key", "head -c 32"] {
            assert!(missing.contains(part), "{missing}");
        }
        std::fs::create_dir(&keys).unwrap();
        std::fs::write(keys.join("service.key"), [1; 32]).unwrap();
        std::fs::write(keys.join("page.key"), [2; 31]).unwrap();
        let short = crate::error::chain(&open(settings).unwrap_err());
        assert!(
            short.contains("page.key") && short.contains("32 bytes"),
            "{short}"
        );
        std::fs::write(keys.join("page.key"), [2; 32]).unwrap();
        let (one, other) = (open(settings).unwrap(), open(settings).unwrap());
        assert_eq!((one.page_key, other.page_key), ([2; 32], [2; 32]));
        assert!(!data.exists());
        let token = one.token_key_path(None);
        assert!(matches!(token, TokenKeyPath::Named(path) if path == keys.join("token.pem")));
    }
}
