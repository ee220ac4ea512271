//! Where accounts, sessions and refresh tokens are kept, and what moderation did.
//!
//! Takes and returns domain types; nothing outside sees a table. The SQL is what SQLite and
//! PostgreSQL share. Of a refresh token only the hash is kept.

mod accounts;
mod actions;
mod audit;
mod change;
mod entity;
mod lifecycle;
mod migrations;
mod people;
mod purge;
mod roles;
mod sessions;
#[cfg(test)]
mod tests;

use postern_shared::db::Db;

pub use audit::Stamp;
pub use migrations::MIGRATIONS;
pub use people::Holder;

/// The database of identity.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
}

impl Store {
    /// Takes an open database.
    pub const fn new(db: Db) -> Self {
        Self { db }
    }
}
