//! The database of messaging: takes and returns what `domain` knows.
//!
//! Every write of a pair takes its locks in one order: mailboxes by user id, then conversations by
//! id, then the rest. Reads never lock.

mod attempts;
mod commit;
mod consents;
mod decisions;
mod entity;
mod events;
mod fence;
mod guard;
mod lists;
mod migrations;
mod overruns;
mod pair;
mod purge;
mod refusals;
mod rows;
#[cfg(test)]
pub(crate) mod tests;
mod texts;
mod unsend;
mod withdraw;

use postern_shared::db::Db;

pub use attempts::Charged;
pub use consents::Known;
pub use fence::RaiseError;
#[cfg(any(test, feature = "unguarded"))]
pub use guard::Guard;
pub use lists::List;
pub use migrations::MIGRATIONS;
pub use pair::{Pair, Settled, Settlement};
#[cfg(test)]
pub use tests::{NOW, Owner, Stored, World};
pub use unsend::{Unsend, Unsent};

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    guard: guard::Guard,
}

impl Store {
    /// Works on an open database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self {
            db,
            guard: guard::Guard::default(),
        }
    }

    /// The same under another guard, for the proof alone.
    #[cfg(any(test, feature = "unguarded"))]
    #[must_use]
    pub const fn under(mut self, guard: Guard) -> Self {
        self.guard = guard;
        self
    }

    /// Whether only one transaction can write at a time.
    #[must_use]
    pub fn has_one_writer(&self) -> bool {
        self.db.backend() == sea_orm::DbBackend::Sqlite
    }
}
