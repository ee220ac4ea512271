//! The settings of the settings service, each with its unit and default.

use std::time::Duration;

use postern_shared::{config::Source, page::PageSizes};

/// How long a person may read what they changed: the contract says so.
pub const CHANGES_KEPT: Duration = Duration::from_secs(90 * 24 * 3_600);
/// Entries of a page of changes: the contract says so.
pub const PAGE: PageSizes = PageSizes {
    default: 50,
    max: 200,
};

/// What an operator can choose.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// `settings.origins_max`: of how many people the facts behind their defaults are remembered.
    /// Unit: people, about 100 bytes each. Default: 100,000.
    pub origins_max: u64,
}

impl Config {
    /// Reads them; what is wrong is noted in `source`.
    pub fn read(source: &mut Source) -> Self {
        Self {
            origins_max: source.number("settings.origins_max", "people", (1, 100_000_000), 100_000),
        }
    }
}
