//! Where a suite keeps what it has: files of its own, or databases on the server that tests share.

use std::path::Path;

use postern_shared::{
    db::Db,
    random::Random,
    run::Service,
    testing::{self, Databases},
};
use tempfile::TempDir;

use super::variables;

/// Where a suite keeps what it has: a data folder, and databases where tests run on PostgreSQL.
pub struct Home {
    pub folder: TempDir,
    databases: Option<Databases>,
}

impl Home {
    /// A new one, on the engine that tests run on.
    pub async fn new() -> Self {
        let schemas = postern::services().into_iter();
        let schemas: Vec<_> = schemas.map(|s| (s.name, s.migrations)).collect();
        Self {
            folder: tempfile::tempdir().unwrap(),
            databases: Databases::clone_all(&schemas).await,
        }
    }

    /// One with databases that a test fills by itself.
    pub fn restored(folder: TempDir, databases: Option<Databases>) -> Self {
        Self { folder, databases }
    }

    /// The address of its databases, with `{service}` in it.
    pub fn databases(&self) -> Option<String> {
        self.databases.as_ref().map(Databases::url)
    }

    /// A new one on SQLite files, for tests that are about them.
    pub fn on_files() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            databases: None,
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// One of its databases, beside the suite that uses it.
    pub async fn database(&self, service: &Service) -> Db {
        let (name, steps, random) = (service.name, service.migrations, Random::system());
        let opened = match &self.databases {
            Some(databases) => {
                let url = databases.url().replace("{service}", name.as_str());
                let postgres = testing::postgres(&url);
                Db::open_postgres(&postgres, steps, random).await
            }
            None => {
                let file = self.path().join(format!("{name}.db"));
                Db::open_sqlite(&file, steps, random).await
            }
        };
        opened.unwrap()
    }

    pub(super) fn variables(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut all = variables(self.path(), more);
        if let Some(databases) = &self.databases {
            all.push(("POSTERN_DATABASE_URL".to_owned(), databases.url()));
            // Many suites share the server.
            all.push(("POSTERN_DATABASE_CONNECTIONS".to_owned(), "6".to_owned()));
        }
        all
    }
}
